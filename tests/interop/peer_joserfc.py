"""Peer joserfc: mints and verifies tokens for the interop tests. See README.md."""

import joserfc
from joserfc import jwk as joserfc_jwk
from joserfc import jws, jwt

import peer


class Joserfc(peer.Peer):
    library = "joserfc"
    version = joserfc.__version__
    algorithms = set(jws.JWSRegistry.algorithms) - {"none"}

    def mint(self, alg, jwk, claims):
        header = {"alg": alg, "typ": "JWT"}
        if "kid" in jwk:
            header["kid"] = jwk["kid"]
        return jwt.encode(header, claims, joserfc_jwk.import_key(jwk), algorithms=[alg])

    def verify(self, alg, jwk, token, issuer, audience):
        decoded = jwt.decode(token, joserfc_jwk.import_key(jwk), algorithms=[alg])
        rules = jwt.JWTClaimsRegistry(
            exp={"essential": True},
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
        )
        rules.validate(decoded.claims)
        return decoded.claims


if __name__ == "__main__":
    peer.main(Joserfc())
