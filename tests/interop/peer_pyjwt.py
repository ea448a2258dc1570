"""Peer PyJWT: mints and verifies tokens for the interop tests. See README.md."""

import jwt
from jwt.algorithms import get_default_algorithms

import peer


class PyJwt(peer.Peer):
    library = "PyJWT"
    version = jwt.__version__
    algorithms = set(get_default_algorithms()) - {"none"}

    def mint(self, alg, jwk, claims):
        headers = {"kid": jwk["kid"]} if "kid" in jwk else None
        return jwt.encode(claims, jwt.PyJWK(jwk, alg).key, algorithm=alg, headers=headers)

    def verify(self, alg, jwk, token, issuer, audience):
        return jwt.decode(
            token,
            jwt.PyJWK(jwk, alg),
            algorithms=[alg],
            issuer=issuer,
            audience=audience,
            options={"require": ["exp", "iss", "aud"]},
        )


if __name__ == "__main__":
    peer.main(PyJwt())
