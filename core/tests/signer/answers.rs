//! Tests of answers that are no signature of the key, and of a service that gives none.

use std::time::Duration;

use countersign::{Algorithm, Issuer};
use serde_json::json;

use crate::{
    issuer, lines,
    service::{Form, Mode, RemoteKey, Service, algorithms},
};

/// Issues a token. `Err` says whether it is an outage.
async fn issue(issuer: &Issuer) -> Result<(), bool> {
    let token = issuer.issue_async(&json!({ "sub": "ada" })).await;
    let token = token.map_err(|error| error.is_unavailable())?;
    let verified = issuer.verifier().verify_now(token.as_str());
    assert!(verified.is_ok(), "a bad token has left: {verified:?}");
    Ok(())
}

async fn issuer_of(key: &RemoteKey) -> Issuer {
    issuer(key.signing_key().await)
}

#[tokio::test]
async fn no_answer_but_a_signature_of_the_key_leaves() {
    let service = Service::start();
    for algorithm in algorithms() {
        let issuer = issuer_of(&service.key(algorithm, "1")).await;
        let other = match algorithm.name().as_bytes() {
            // The other key of RSA: there is a single one of this size.
            [b'R' | b'P', ..] => Mode::Truncates,
            _ => {
                service.key(algorithm, "2");
                Mode::OtherVersion("2".into())
            }
        };
        for mode in [
            Mode::Garbage,
            Mode::Closes,
            Mode::TrailingByte,
            Mode::Truncates,
            other,
        ] {
            service.set(mode.clone());
            assert_eq!(issue(&issuer).await, Err(true), "{algorithm} {mode:?}");
            service.set(Mode::Good);
            assert_eq!(issue(&issuer).await, Ok(()), "{algorithm} after {mode:?}");
        }
        service.set(Mode::Denies);
        assert_eq!(issue(&issuer).await, Err(false), "{algorithm}");
        service.set(Mode::Good);
        assert_eq!(issue(&issuer).await, Ok(()));
    }
}

/// RSA has the same modulus for both paddings: only the verification tells.
#[tokio::test]
async fn another_padding_or_hash_is_found_out() {
    let service = Service::start();
    for (claimed, signs) in [
        (Algorithm::RS256, Algorithm::PS256),
        (Algorithm::PS256, Algorithm::RS256),
        (Algorithm::RS256, Algorithm::RS512),
        (Algorithm::PS256, Algorithm::PS384),
    ] {
        let mut key = service.key(signs, "1");
        let jwk = key
            .public
            .to_jwk()
            .unwrap()
            .replace(signs.name(), claimed.name());
        key.public = countersign::Key::from_jwk(&jwk).unwrap();
        key.signs_with = Some(signs);
        let refused = key.external().await.unwrap_err().to_string();
        assert!(refused.contains("another hash or padding"), "{refused}");
    }
}

#[tokio::test]
async fn an_answer_in_der_is_named() {
    let service = Service::start();
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512] {
        let mut key = service.key(algorithm, "1");
        key.form = Form::AsItComes;
        let refused = key.external().await.unwrap_err().to_string();
        assert!(
            refused.contains("`SigningInput::signature_from_der`"),
            "{refused}"
        );
    }
}

/// The log says when an outage begins and when it is over, whatever happens in between.
#[tokio::test]
async fn an_outage_is_in_the_log_twice() {
    let service = Service::start();
    let issuer = issuer_of(&service.key(Algorithm::ES256, "kms-7")).await;
    service.key(Algorithm::ES256, "8");
    lines::listen();
    lines::take();
    for (mode, reason, text) in [
        (Mode::Closes, "signer_unavailable", "EOF"),
        (
            Mode::Denies,
            "signer_refused",
            "the role may not use the key",
        ),
        (
            Mode::OtherVersion("8".into()),
            "wrong_signature",
            "another key or version",
        ),
    ] {
        for mode in [mode, Mode::Garbage] {
            service.set(mode);
            for _ in 0..3 {
                issue(&issuer).await.unwrap_err();
            }
        }
        let told = lines::take();
        assert_eq!(told.len(), 1, "{told:#?}");
        for part in ["WARN", "the signer of the key fails", reason, text, "kms-7"] {
            assert!(told[0].contains(part), "{part}: {told:?}");
        }
        service.set(Mode::Good);
        for _ in 0..3 {
            issue(&issuer).await.unwrap();
        }
        let told = lines::take();
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(
            told[0].contains("INFO") && told[0].contains("signs again"),
            "{told:?}"
        );
    }
}

/// A service that answers each second request begins and ends outages all the time.
#[tokio::test]
async fn a_service_that_comes_and_goes_does_not_fill_the_log() {
    let service = Service::start();
    let issuer = issuer_of(&service.key(Algorithm::ES256, "1")).await;
    lines::listen();
    for _ in 0..200 {
        service.set(Mode::Denies);
        issue(&issuer).await.unwrap_err();
        service.set(Mode::Good);
        issue(&issuer).await.unwrap();
    }
    // Ten of each in a window of ten seconds, and there may be some windows.
    let told = lines::take().len();
    assert!((20..=120).contains(&told), "{told}");
}

#[tokio::test]
async fn the_first_failure_is_tried_again_and_no_other_one() {
    let service = Service::start();
    let issuer = issuer_of(&service.key(Algorithm::ES256, "1")).await;
    service.take_asked();
    for (mode, result, asked) in [
        (Mode::ClosesOnce, Ok(()), 2),
        (Mode::ClosesOnce, Ok(()), 2),
        (Mode::Closes, Err(true), 2),
        // It lasts.
        (Mode::Closes, Err(true), 1),
        (Mode::ClosesOnce, Err(true), 1),
        (Mode::Good, Ok(()), 1),
        (Mode::Denies, Err(false), 1),
        (Mode::Good, Ok(()), 1),
        (Mode::Truncates, Err(true), 2),
    ] {
        service.set(mode.clone());
        assert_eq!(issue(&issuer).await, result, "{mode:?}");
        assert_eq!(service.take_asked(), asked, "{mode:?}");
    }
}

/// A wrong signature is no reason to ask again: it would be wrong again.
#[tokio::test]
async fn a_wrong_signature_is_not_asked_for_twice() {
    let service = Service::start();
    let issuer = issuer_of(&service.key(Algorithm::ES256, "1")).await;
    service.key(Algorithm::ES256, "2");
    service.take_asked();
    service.set(Mode::OtherVersion("2".into()));
    assert_eq!(issue(&issuer).await, Err(true));
    assert_eq!(service.take_asked(), 1);
}

#[tokio::test]
async fn the_text_of_a_cause_is_bounded_and_has_its_own_causes() {
    use countersign::{
        Key, SigningKey,
        issue::{Signer, SignerError, SigningInput},
    };

    struct Away(Key);

    impl Signer for Away {
        fn public_key(&self) -> Key {
            self.0.clone()
        }

        async fn sign(&self, _: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
            let inner = std::io::Error::other("ä".repeat(5_000));
            Err(std::io::Error::other(Outer(inner)).into())
        }
    }

    #[derive(Debug)]
    struct Outer(std::io::Error);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("dispatch failure")
        }
    }

    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    let public = SigningKey::generate_es256().unwrap().verifying_key();
    let refused = SigningKey::external(Away(public))
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("dispatch failure: ää"), "{refused}");
    assert!(refused.chars().count() < 1_100);
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up() {
    let service = Service::start();
    let key = service.key(Algorithm::ES256, "1").external();
    let issuer = issuer(key.time_limit(Duration::from_secs(3)).await.unwrap());
    service.set(Mode::Hangs);
    // From here on time passes as soon as nothing else happens.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    assert_eq!(issue(&issuer).await, Err(true));
    assert_eq!(began.elapsed().as_secs(), 3);
    tokio::time::resume();
    service.set(Mode::Good);
    assert_eq!(issue(&issuer).await, Ok(()));
}
