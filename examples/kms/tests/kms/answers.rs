//! Tests of services that fail, and of answers that are no signature of the version that was asked for.

use countersign::{
    Algorithm, SigningKey,
    issue::{Signer, SigningInput},
};

use crate::service::{Kind, Mode, Remote, Service};

const INPUT: &[u8] = b"header.payload";

/// Signs, and returns whether the signature is right; `Err` says whether it is an outage.
async fn sign(service: &Service, key: &Remote) -> Result<bool, bool> {
    let input = SigningInput::new(Algorithm::ES256, INPUT);
    match key.sign(input).await {
        Ok(signature) => Ok(service.verifies(INPUT, &signature)),
        Err(error) => Err(error.is_unavailable()),
    }
}

#[tokio::test]
async fn a_status_is_an_outage_or_a_refusal() {
    for kind in Kind::ALL {
        let service = Service::start(kind, Algorithm::ES256).await;
        let key = service.open().await.unwrap();
        for (status, is_outage) in [
            (400, false),
            (401, false),
            (403, false),
            (404, false),
            (408, true),
            (429, true),
            (500, true),
            (503, true),
            (302, false),
            (204, false),
        ] {
            service.set(Mode::Status(status));
            assert_eq!(
                sign(&service, &key).await,
                Err(is_outage),
                "{kind:?} {status}"
            );
            let opened = service.open().await.unwrap_err();
            assert_eq!(opened.is_unavailable(), is_outage, "{kind:?} {status}");
            assert!(!opened.cause().to_string().contains('\n'), "one line");
            service.set(Mode::Good);
            assert_eq!(sign(&service, &key).await, Ok(true));
        }
    }
}

#[tokio::test]
async fn a_request_that_was_one_too_many_is_made_again_a_little_later() {
    for kind in Kind::ALL {
        let service = Service::start(kind, Algorithm::ES256).await;
        let key = service.open().await.unwrap();
        service.take_asked();
        for (throttled, result, asked) in [(0, Ok(true), 1), (2, Ok(true), 3), (9, Err(true), 3)] {
            service.set(Mode::Throttled(throttled));
            assert_eq!(sign(&service, &key).await, result, "{kind:?} {throttled}");
            assert_eq!(service.take_asked(), asked, "{kind:?} {throttled}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_outage() {
    for kind in Kind::ALL {
        let service = Service::start(kind, Algorithm::ES256).await;
        let key = service.open().await.unwrap();
        for mode in [
            Mode::Garbage,
            Mode::OtherShape,
            Mode::NoBase64,
            Mode::OtherVersion,
            Mode::Endless,
        ] {
            service.set(mode);
            assert_eq!(sign(&service, &key).await, Err(true), "{kind:?} {mode:?}");
            service.set(Mode::Good);
            assert_eq!(sign(&service, &key).await, Ok(true));
        }
        for mode in [Mode::Garbage, Mode::OtherShape, Mode::Endless] {
            service.set(mode);
            assert!(
                service.open().await.unwrap_err().is_unavailable(),
                "{kind:?} {mode:?}"
            );
        }
    }
}

/// AWS leads an alias to a key, whichever it is; the others are asked for a version.
#[tokio::test]
async fn a_public_key_of_another_version_is_refused_at_start() {
    for kind in [Kind::Azure, Kind::Google, Kind::Vault] {
        let service = Service::start(kind, Algorithm::ES256).await;
        service.set(Mode::OtherVersion);
        service.open().await.unwrap_err();
    }
}

/// What the client lets through, the key that is made of it does not.
#[tokio::test]
async fn a_signature_in_the_other_form_or_with_a_wrong_bit_makes_no_token() {
    for kind in Kind::ALL {
        let service = Service::start(kind, Algorithm::ES256).await;
        let remote = service.open().await.unwrap();
        for mode in [Mode::OtherForm, Mode::Damaged] {
            service.set(mode);
            assert_ne!(sign(&service, &remote).await, Ok(true), "{kind:?} {mode:?}");
            let probe = SigningKey::external(reopened(&service, mode).await).await;
            assert!(probe.is_err(), "{kind:?} {mode:?}");
        }
    }
}

/// Opens the key while the service is well, and has it fail from then on.
async fn reopened(service: &Service, mode: Mode) -> Remote {
    service.set(Mode::Good);
    let key = service.open().await.unwrap();
    service.set(mode);
    key
}

/// Google says whether the digest and the key came whole: nobody waits for the verification to find out.
#[tokio::test]
async fn damage_on_the_way_is_found_by_its_checksum() {
    let service = Service::start(Kind::Google, Algorithm::RS256).await;
    let key = service.open().await.unwrap();
    service.set(Mode::Damaged);
    let input = SigningInput::new(Algorithm::RS256, INPUT);
    let error = key.sign(input).await.unwrap_err();
    assert!(error.cause().to_string().contains("damaged"), "{error:?}");
    assert!(service.open().await.unwrap_err().is_unavailable());
}
