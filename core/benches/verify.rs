//! Verification with typed claims, against `jsonwebtoken` 12 `decode`, in one process.
//!
//! `cargo bench -p countersign --bench verify`

#[path = "harness/case.rs"]
mod case;
mod harness;

use std::hint::black_box;

use aws_lc_rs::{
    hmac,
    rsa::KeyPair as RsaKeyPair,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, ParsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::Algorithm;
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};

use crate::{
    case::{Case, Claims, SECRET},
    harness::{Goal, Race, Table},
};

fn main() {
    let mut table = Table::new();
    for (algorithm, goal) in [
        (Algorithm::HS256, Goal::AtLeast(2.4, 3.2)),
        (Algorithm::RS256, Goal::AtLeast(1.27, 1.33)),
        (Algorithm::PS256, Goal::AtLeast(1.27, 1.33)),
        (Algorithm::ES256, Goal::AtLeast(1.06, 1.08)),
        (Algorithm::EdDSA, Goal::AtLeast(1.06, 1.08)),
    ] {
        let case = Case::new(algorithm);
        let verifier = case.verifier().build().expect("complete settings");
        let ours = || verifier.verify_now_as::<Claims>(black_box(&case.token));
        assert_eq!(
            ours().expect("a good token").email,
            case.decode(&case.token).email
        );
        let signature = signature_alone(&case);
        let outcome = Race::new()
            .add("ours", ours)
            .add("theirs", || case.decode(black_box(&case.token)))
            .add("signature", || signature(black_box(&case.token)))
            .run();
        table.row(
            &format!("verify + typed claims, {}", algorithm.name()),
            goal,
            outcome.times_faster("ours", "theirs"),
            "x",
            &format!(
                "{:.0} {}; the signature alone {:.2}x",
                outcome.cost("ours"),
                outcome.unit(),
                outcome.times_faster("signature", "theirs")
            ),
        );
    }
    table.finish();
}

/// Verifies only the signature of a token, with the key prepared and the signature decoded: the
/// lower limit.
fn signature_alone(case: &Case) -> impl Fn(&str) {
    let (_, signature) = case.token.rsplit_once('.').expect("three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let key = RawKey::new(case);
    move |token| {
        let (signed, _) = token.rsplit_once('.').expect("three parts");
        let result = match &key {
            RawKey::Hmac(key) => hmac::verify(key, signed.as_bytes(), &signature),
            RawKey::Public(key) => key.verify_sig(signed.as_bytes(), &signature),
        };
        result.expect("a good signature");
    }
}

/// A key of AWS-LC, without a library in between.
enum RawKey {
    Hmac(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl RawKey {
    fn new(case: &Case) -> Self {
        let Some(pem) = case.key.to_pkcs8_pem() else {
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
            return Self::Hmac(Box::new(key));
        };
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("a PEM");
        let der = der.secret_pkcs8_der();
        let parsed = match case.algorithm {
            Algorithm::ES256 => {
                let pair =
                    EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, der);
                let pair = pair.expect("a good key");
                ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, pair.public_key())
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(der).expect("a good key");
                ParsedPublicKey::new(&signature::ED25519, pair.public_key())
            }
            algorithm => {
                let pair = RsaKeyPair::from_pkcs8(der).expect("a good key");
                let verifying = match algorithm {
                    Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
                    _ => &signature::RSA_PKCS1_2048_8192_SHA256,
                };
                ParsedPublicKey::new(verifying, pair.public_key())
            }
        };
        Self::Public(parsed.expect("a good key"))
    }
}
