"""What the Python peers share: the protocol, one JSON document in and one out. See README.md."""

import json
import sys


class Peer:
    """One JWT library. A subclass says which algorithms it knows, and how it signs and verifies."""

    library = ""
    version = ""
    algorithms = ()

    def mint(self, alg, jwk, claims):
        """Returns a compact token, signed with the private key."""
        raise NotImplementedError

    def verify(self, alg, jwk, token, issuer, audience):
        """Returns the claims of a good token; raises on a bad one."""
        raise NotImplementedError


def main(peer):
    """Runs `mint` or `verify`, as the command line says."""
    commands = {"mint": mint, "verify": verify}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(f"usage: {sys.argv[0]} mint|verify, with the request as JSON on stdin")
    answer = commands[sys.argv[1]](peer, json.load(sys.stdin))
    json.dump({"library": peer.library, "version": peer.version, **answer}, sys.stdout)
    sys.stdout.write("\n")


def mint(peer, request):
    # A known algorithm that fails to sign is a fault of the test set-up: the traceback ends the run.
    known, unsupported = partition(peer, request["keys"])
    tokens = [
        label(entry) | {"token": peer.mint(entry["alg"], entry["jwk"], request["claims"])}
        for entry in known
    ]
    return {"tokens": tokens, "unsupported": unsupported}


def verify(peer, request):
    known, unsupported = partition(peer, request["tokens"])
    results = [label(entry) | verdict(peer, entry, request) for entry in known]
    return {"results": results, "unsupported": unsupported}


def verdict(peer, entry, request):
    try:
        claims = peer.verify(
            entry["alg"], entry["jwk"], entry["token"], request["issuer"], request["audience"]
        )
    except Exception as error:  # whatever the library raises is its way to refuse
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}
    return {"ok": True, "claims": claims}


def partition(peer, entries):
    known = [entry for entry in entries if entry["alg"] in peer.algorithms]
    why = f"{peer.library} {peer.version} has no such algorithm"
    unsupported = [
        label(entry) | {"why": why} for entry in entries if entry["alg"] not in peer.algorithms
    ]
    return known, unsupported


def label(entry):
    """The members that the answer repeats, so that the caller can tell entries apart."""
    return {name: entry[name] for name in ("id", "alg") if name in entry}
