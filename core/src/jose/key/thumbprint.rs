//! A public key as a JWK, and its thumbprint (RFC 7638).

use serde::Serialize;

use crate::jose::{Algorithm, base64url, crypto, material::Material};

/// The base64url SHA-256 of the canonical JWK; `None` for a secret, whose hash must not get out.
pub(crate) fn thumbprint(material: &Material) -> Option<String> {
    let canonical = PublicJwk::of(material)?.to_json();
    Some(base64url::encode(crypto::sha256(canonical.as_bytes())))
}

/// The public JWK with `alg`, `use` and `kid`; `None` for a secret.
pub(crate) fn public_jwk(
    material: &Material,
    algorithm: Algorithm,
    id: Option<&str>,
) -> Option<String> {
    let jwk = PublicJwk {
        alg: Some(algorithm),
        kid: id,
        purpose: Some("sig"),
        ..PublicJwk::of(material)?
    };
    Some(jwk.to_json())
}

/// The members in the order of RFC 7638 section 3.3: by name.
#[derive(Default, Serialize)]
struct PublicJwk<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    kty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

impl PublicJwk<'_> {
    /// Only the members that make the key what it is.
    fn of(material: &Material) -> Option<Self> {
        let kty = material.key_type().kty();
        Some(match material {
            Material::Ec { curve, x, y } => Self {
                crv: Some(curve.name()),
                kty,
                x: Some(base64url::encode(x)),
                y: Some(base64url::encode(y)),
                ..Self::default()
            },
            Material::Ed25519(public) => Self {
                crv: Some("Ed25519"),
                kty,
                x: Some(base64url::encode(public)),
                ..Self::default()
            },
            Material::Hmac(_) => return None,
            Material::Rsa { n, e } => Self {
                e: Some(base64url::encode(e)),
                kty,
                n: Some(base64url::encode(n)),
                ..Self::default()
            },
        })
    }

    fn to_json(&self) -> String {
        // A struct of strings always serialises: there is no map key and no writer that could fail.
        serde_json::to_string(self).expect("strings serialise")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::format::{Jwk, KeyUse, Members};

    fn material(json: &str) -> Material {
        Jwk::to_verify(&Members::parse(json).unwrap(), KeyUse::Signatures)
            .unwrap()
            .material
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638_section_3_1() {
        let key = material(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        );
        assert_eq!(
            thumbprint(&key).unwrap(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037_appendix_a_3() {
        let key = material(
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        );
        assert_eq!(
            thumbprint(&key).unwrap(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn a_secret_has_neither_thumbprint_nor_public_jwk() {
        let key = material(r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}"#);
        assert!(thumbprint(&key).is_none());
        assert!(public_jwk(&key, Algorithm::HS256, None).is_none());
    }
}
