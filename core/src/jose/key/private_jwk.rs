//! A private key as a JWK (RFC 7518 section 6, RFC 8037 section 2).

use zeroize::Zeroizing;

use super::signing_key::SigningKey;
use crate::jose::{base64url, format::der, material::PrivateMaterial};

impl SigningKey {
    /// Returns the private JWK, to be kept secret; `None` for a shared secret.
    pub(crate) fn to_private_jwk(&self) -> Option<Zeroizing<String>> {
        let private = der::private_key_info(&self.to_pkcs8()?, self.algorithm())
            .ok()?
            .private;
        let numbers: Vec<(&str, &[u8])> = match &private {
            PrivateMaterial::Ec { d, .. } => vec![("d", d)],
            PrivateMaterial::Ed25519(seed) => vec![("d", &seed[..])],
            PrivateMaterial::Hmac(_) => return None,
            PrivateMaterial::Rsa(rsa) => vec![
                ("d", &rsa.d),
                ("p", &rsa.p),
                ("q", &rsa.q),
                ("dp", &rsa.dp),
                ("dq", &rsa.dq),
                ("qi", &rsa.qi),
            ],
        };
        // The public JWK is one object: its last brace is the last character.
        let mut jwk = Zeroizing::new(self.verifying_key().to_jwk()?);
        jwk.pop();
        for (name, number) in numbers {
            let number = Zeroizing::new(base64url::encode(number));
            jwk.push_str(&format!(",\"{name}\":\"{}\"", *number));
        }
        jwk.push('}');
        Some(jwk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;

    #[test]
    fn a_private_jwk_is_read_as_the_same_key() {
        for algorithm in [
            Algorithm::ES256,
            Algorithm::ES384,
            Algorithm::ES512,
            Algorithm::EdDSA,
            Algorithm::PS256,
        ] {
            let key = SigningKey::generate(algorithm).unwrap().with_id("one");
            let read = SigningKey::from_jwk(&key.to_private_jwk().unwrap()).unwrap();
            assert_eq!((read.id(), read.algorithm()), ("one", algorithm));
            assert_eq!(read.to_pkcs8_pem(), key.to_pkcs8_pem());
        }
    }

    #[test]
    fn a_shared_secret_has_no_private_jwk() {
        assert!(
            SigningKey::generate_hs256()
                .unwrap()
                .to_private_jwk()
                .is_none()
        );
    }
}
