//! All signers of the corpus: with its keys, and with values that are not really secrets.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
        ECDSA_P384_SHA384_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
        RsaEncoding, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use serde_json::Value;

use crate::hostile::{
    TestKeys,
    mint::encodings::{bytes, point, private_key, secrets_that_are_none},
};

/// The signers.
pub(super) struct Signers(Vec<Arc<Signer>>);

/// A key and an algorithm.
pub(super) struct Signer {
    /// The header of a token that it signs, as in the corpus.
    pub(super) header: String,
    scheme: Box<dyn Scheme>,
}

/// The operations of a key with an algorithm.
trait Scheme {
    fn length(&self) -> usize;
    fn sign(&self, message: &[u8]) -> Vec<u8>;
    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool;
}

impl Signers {
    /// Returns the signers with a key of the corpus, or with a public key as the secret.
    pub(super) fn new(keys: &TestKeys) -> Self {
        let mut signers = Vec::new();
        for (name, key) in keys.all() {
            let (public, private) = (&key["public"], &key["private"]);
            let id = key["kid"].as_str().unwrap_or_default();
            match private["kty"].as_str() {
                Some("EC") => signers.extend(ecdsa(id, private)),
                Some("OKP") => signers.extend(ed25519(id, private)),
                Some("RSA") => signers.extend(rsa(id, private)),
                Some("oct") => signers.extend(hmac(id, &bytes(private, "k"))),
                _ => {}
            }
            for secret in secrets_that_are_none(public, keys.public_text(name)) {
                signers.extend(hmac(id, &secret));
            }
        }
        Self(signers.into_iter().map(Arc::new).collect())
    }

    /// Returns these signers, and those whose secret is in the header.
    pub(super) fn with_secret_in(&self, header: &[u8]) -> Vec<Arc<Signer>> {
        let header: Value = serde_json::from_slice(header).unwrap_or_default();
        let secret = header["jwk"]["k"]
            .is_string()
            .then(|| bytes(&header["jwk"], "k"));
        let more = secret.map(|secret| hmac("", &secret)).unwrap_or_default();
        self.0
            .iter()
            .cloned()
            .chain(more.into_iter().map(Arc::new))
            .collect()
    }
}

impl Signer {
    /// Returns the length of its signatures, in bytes.
    pub(super) fn length(&self) -> usize {
        self.scheme.length()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.scheme.sign(message)
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.scheme.has_signed(message, signature)
    }

    /// Returns true if its signature of a message is always the same.
    pub(super) fn is_deterministic(&self) -> bool {
        let twice = [self.sign(b""), self.sign(b"")];
        twice[0] == twice[1]
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.header).finish()
    }
}

fn signer(algorithm: &str, id: &str, scheme: impl Scheme + 'static) -> Signer {
    let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{id}"}}"#);
    Signer {
        header,
        scheme: Box::new(scheme),
    }
}

struct Ecdsa(EcdsaKeyPair, &'static dyn VerificationAlgorithm, usize);

impl Scheme for Ecdsa {
    fn length(&self) -> usize {
        self.2
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        signature.expect("randomness").as_ref().to_vec()
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let public = UnparsedPublicKey::new(self.1, self.0.public_key().as_ref());
        public.verify(message, signature).is_ok()
    }
}

fn ecdsa(id: &str, jwk: &Value) -> Option<Signer> {
    let (name, signing, verifying, length): (_, _, &'static dyn VerificationAlgorithm, _) =
        match jwk["crv"].as_str()? {
            "P-256" => (
                "ES256",
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &ECDSA_P256_SHA256_FIXED,
                64,
            ),
            "P-384" => (
                "ES384",
                &ECDSA_P384_SHA384_FIXED_SIGNING,
                &ECDSA_P384_SHA384_FIXED,
                96,
            ),
            _ => return None,
        };
    let (private, public) = (bytes(jwk, "d"), point(jwk));
    let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, &private, &public).ok()?;
    Some(signer(name, id, Ecdsa(pair, verifying, length)))
}

impl Scheme for Ed25519KeyPair {
    fn length(&self) -> usize {
        64
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        Self::sign(self, message).as_ref().to_vec()
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let public = UnparsedPublicKey::new(&ED25519, self.public_key().as_ref());
        public.verify(message, signature).is_ok()
    }
}

fn ed25519(id: &str, jwk: &Value) -> Option<Signer> {
    let (seed, public) = (bytes(jwk, "d"), bytes(jwk, "x"));
    let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &public).ok()?;
    Some(signer("EdDSA", id, pair))
}

struct Rsa {
    pair: Arc<RsaKeyPair>,
    signing: &'static dyn RsaEncoding,
    verifying: &'static dyn VerificationAlgorithm,
}

impl Scheme for Rsa {
    fn length(&self) -> usize {
        self.pair.public_modulus_len()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self
            .pair
            .sign(self.signing, &SystemRandom::new(), message, &mut signature);
        signed.expect("a good key");
        signature
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let public = UnparsedPublicKey::new(self.verifying, self.pair.public_key().as_ref());
        public.verify(message, signature).is_ok()
    }
}

fn rsa(id: &str, jwk: &Value) -> Vec<Signer> {
    let all: [(
        &str,
        &'static dyn RsaEncoding,
        &'static dyn VerificationAlgorithm,
    ); 6] = [
        (
            "RS256",
            &signature::RSA_PKCS1_SHA256,
            &signature::RSA_PKCS1_2048_8192_SHA256,
        ),
        (
            "RS384",
            &signature::RSA_PKCS1_SHA384,
            &signature::RSA_PKCS1_2048_8192_SHA384,
        ),
        (
            "RS512",
            &signature::RSA_PKCS1_SHA512,
            &signature::RSA_PKCS1_2048_8192_SHA512,
        ),
        (
            "PS256",
            &signature::RSA_PSS_SHA256,
            &signature::RSA_PSS_2048_8192_SHA256,
        ),
        (
            "PS384",
            &signature::RSA_PSS_SHA384,
            &signature::RSA_PSS_2048_8192_SHA384,
        ),
        (
            "PS512",
            &signature::RSA_PSS_SHA512,
            &signature::RSA_PSS_2048_8192_SHA512,
        ),
    ];
    // Weak keys make no signature; the server does not start with them either.
    let Ok(pair) = RsaKeyPair::from_der(&private_key(jwk)).map(Arc::new) else {
        return Vec::new();
    };
    let one = |(name, signing, verifying)| {
        let pair = Arc::clone(&pair);
        signer(
            name,
            id,
            Rsa {
                pair,
                signing,
                verifying,
            },
        )
    };
    all.into_iter().map(one).collect()
}

impl Scheme for hmac::Key {
    fn length(&self) -> usize {
        self.algorithm().digest_algorithm().output_len()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(self, message).as_ref().to_vec()
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        hmac::verify(self, message, signature).is_ok()
    }
}

fn hmac(id: &str, secret: &[u8]) -> Vec<Signer> {
    let all = [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
    ];
    let one = |(name, algorithm)| signer(name, id, hmac::Key::new(algorithm, secret));
    all.into_iter().map(one).collect()
}
