"""Each peer verifies what every peer minted, and refuses it for another audience.

`tests/run` calls this once after it installed the peers, with the folder that holds their launchers.
It needs none of our code: when it fails, the peers are at fault, not the library.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from joserfc import jwk

PEERS = ("pyjwt", "joserfc", "jose")
ISSUER = "https://issuer.example"
AUDIENCE = "https://api.example"


def main():
    folder = Path(sys.argv[1])
    keys = generate_keys()
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 300}
    minted = {
        peer: call(folder, peer, "mint", {"keys": signing_keys(keys), "claims": claims})
        for peer in PEERS
    }
    print(f"{'minted by':<10} {'verified by':<12} algorithms")
    faults = 0
    for minter in PEERS:
        tokens = [token | {"jwk": public_part(keys[token["alg"]])} for token in minted[minter]["tokens"]]
        for verifier in PEERS:
            faults += check(folder, minter, verifier, tokens, claims)
    for peer in PEERS:
        missing = [entry["alg"] for entry in minted[peer]["unsupported"]]
        print(f"{minted[peer]['library']} {minted[peer]['version']} lacks: {' '.join(missing) or 'none'}")
    sys.exit(1 if faults else 0)


def check(folder, minter, verifier, tokens, claims):
    request = {"tokens": tokens, "issuer": ISSUER, "audience": AUDIENCE}
    answer = call(folder, verifier, "verify", request)
    stranger = call(folder, verifier, "verify", request | {"audience": "https://other.example"})
    good = [r["alg"] for r in answer["results"] if r["ok"] and r["claims"] == claims]
    faults = [r for r in answer["results"] if not r["ok"] or r["claims"] != claims]
    faults += [r for r in stranger["results"] if r["ok"]]
    print(f"{minter:<10} {verifier:<12} {len(good)}: {' '.join(good)}")
    for fault in faults:
        print(f"  wrong: {fault}", file=sys.stderr)
    return len(faults)


def call(folder, peer, command, request):
    done = subprocess.run(
        [folder / peer, command], input=json.dumps(request), capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"{peer} {command} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def generate_keys():
    rsa = generate("RSA", 2048)
    ed25519 = generate("OKP", "Ed25519")
    keys = {f"HS{bits}": generate("oct", bits) for bits in (256, 384, 512)}
    keys |= {f"{family}{bits}": rsa for family in ("RS", "PS") for bits in (256, 384, 512)}
    keys |= {"ES256": generate("EC", "P-256"), "ES384": generate("EC", "P-384")}
    keys |= {"ES512": generate("EC", "P-521"), "EdDSA": ed25519, "Ed25519": ed25519}
    return keys


def generate(key_type, shape):
    return jwk.generate_key(key_type, shape).as_dict(private=True)


def signing_keys(keys):
    return [{"alg": alg, "jwk": key} for alg, key in keys.items()]


def public_part(key):
    if key["kty"] == "oct":
        return key
    return jwk.import_key(key).as_dict(private=False)


if __name__ == "__main__":
    main()
