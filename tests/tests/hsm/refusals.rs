//! Tests of keys and tokens that are refused.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::{
    Algorithm, SigningKey,
    issue::{Signer, SigningInput},
};
use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, ObjectClass},
    types::AuthPin,
};
use hsm::{HsmError, KeyName, Token, ec_key, rsa_key};
use serde_json::Value;

use crate::lab::{Lab, PIN, run};

fn label(name: &str) -> KeyName {
    KeyName::Label(name.into())
}

/// P-256, in DER.
const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// Makes a key pair, and changes what its private half may do.
fn make(lab: &Lab, name: &str, sensitive: bool, extractable: bool) {
    let name = Attribute::Label(name.into());
    lab.alone(|session| {
        let public = [
            Attribute::Token(true),
            Attribute::EcParams(P256.into()),
            name.clone(),
        ];
        let private = [
            Attribute::Token(true),
            Attribute::Sensitive(sensitive),
            Attribute::Extractable(extractable),
            Attribute::Sign(true),
            name,
        ];
        let mechanism = Mechanism::EccKeyPairGen;
        session
            .generate_key_pair(&mechanism, &public, &private)
            .unwrap();
    });
}

#[test]
fn a_key_that_can_leave_the_token_is_refused() {
    run(
        "refusals::a_key_that_can_leave_the_token_is_refused",
        |lab| {
            make(&lab, "good", true, false);
            make(&lab, "open", false, false);
            make(&lab, "exported", true, true);
            let token = lab.token();
            let key = |name| {
                lab.runtime
                    .block_on(token.key(label(name), Algorithm::ES256))
            };
            assert!(key("good").is_ok());
            for name in ["open", "exported"] {
                assert!(matches!(key(name), Err(HsmError::Extractable)), "{name}");
            }
        },
    );
}

#[test]
fn a_name_that_is_not_that_of_one_key_is_refused() {
    run(
        "refusals::a_name_that_is_not_that_of_one_key_is_refused",
        |lab| {
            for name in ["twin", "twin", "alone", "half"] {
                make(&lab, name, true, false);
            }
            lab.alone(|session| {
                let half = [
                    Attribute::Class(ObjectClass::PUBLIC_KEY),
                    Attribute::Label("half".into()),
                ];
                let found = session.find_objects(&half).unwrap();
                session.destroy_object(found[0]).unwrap();
            });
            let token = lab.token();
            let key = |name, algorithm| {
                let key = token.key(label(name), algorithm);
                lab.runtime
                    .block_on(key)
                    .map(drop)
                    .map_err(|error| error.to_string())
            };
            assert_eq!(key("alone", Algorithm::ES256), Ok(()));
            for (name, algorithm, text) in [
                (
                    "twin",
                    Algorithm::ES256,
                    "there is more than one private key with the label `twin`",
                ),
                (
                    "none",
                    Algorithm::ES256,
                    "there is no private key with the label `none`",
                ),
                (
                    "half",
                    Algorithm::ES256,
                    "there is no public key with the label `half`",
                ),
                (
                    "alone",
                    Algorithm::ES384,
                    "the public key in the token is none of ES384",
                ),
                (
                    "alone",
                    Algorithm::RS256,
                    "the public key in the token is refused",
                ),
                (
                    "alone",
                    Algorithm::ES512,
                    "ES512 is none of ES256, ES384, PS256, RS256",
                ),
            ] {
                assert_eq!(key(name, algorithm), Err(text.to_owned()));
            }
            let again = token.generate(label("alone"), Algorithm::ES256);
            assert!(matches!(
                lab.runtime.block_on(again),
                Err(HsmError::Taken(_))
            ));
        },
    );
}

#[test]
fn no_token_no_module_and_a_wrong_pin_are_told_apart() {
    run(
        "refusals::no_token_no_module_and_a_wrong_pin_are_told_apart",
        |lab| {
            let other = Token::open(lab.module(), "another", PIN, 1);
            let other = lab.runtime.block_on(other).unwrap_err();
            assert_eq!(other.to_string(), "there is no token `another`");
            assert!(!other.is_refusal(), "it may be plugged in again");
            let wrong = lab.open(lab.module(), "000000").unwrap_err();
            assert!(matches!(wrong, HsmError::PinRefused));
            let none = lab
                .open("/nonexistent/module.so".as_ref(), PIN)
                .unwrap_err();
            assert!(none.is_refusal());
            let nobody = lab.open(lab.client(), PIN).unwrap_err();
            assert!(!nobody.is_refusal(), "{nobody:?}");
            // Each of them has left the module as it was.
            let token = lab.token();
            assert!(!format!("{token:?}").contains(PIN));
        },
    );
}

/// A token that is locked after some wrong PINs would be out of use for good.
#[test]
fn a_pin_that_was_refused_is_not_tried_again() {
    run(
        "refusals::a_pin_that_was_refused_is_not_tried_again",
        |mut lab| {
            lab.start_server();
            let key = lab.generate(&lab.served_token(), Algorithm::ES256);
            let sign = || {
                let input = SigningInput::new(Algorithm::ES256, b"message");
                lab.runtime.block_on(key.sign(input)).map(drop)
            };
            sign().unwrap();
            let change = |old: &str, new: &str| {
                lab.alone(|session| {
                    let [old, new] = [old, new].map(AuthPin::from);
                    session.set_pin(&old, &new).unwrap();
                });
            };
            change(PIN, "999999");
            lab.kill_server();
            lab.start_server();
            let sign = || {
                let input = SigningInput::new(Algorithm::ES256, b"message");
                lab.runtime.block_on(key.sign(input)).map(drop)
            };
            // The connection is found to be broken, and then the PIN to be wrong.
            assert!(sign().unwrap_err().is_unavailable());
            assert!(!sign().unwrap_err().is_unavailable());
            lab.alone(|session| {
                let _ = session.login(
                    cryptoki::session::UserType::User,
                    Some(&AuthPin::from("999999")),
                );
                session
                    .set_pin(&AuthPin::from("999999"), &AuthPin::from(PIN))
                    .unwrap();
            });
            let error = sign().unwrap_err();
            assert!(error.cause().to_string().contains("refuses the PIN"));
        },
    );
}

/// The forms in which modules give a point.
#[test]
fn a_point_is_read_in_either_form_and_no_other() {
    let (x, y) = numbers(Algorithm::ES256, "x", "y");
    let bare = [&[4][..], &x, &y].concat();
    let wrapped = [&[4, 65][..], &bare].concat();
    let read = |curve: &[u8], point: &[u8]| ec_key(Algorithm::ES256, curve, point);
    let jwks = [&bare, &wrapped].map(|point| read(&P256, point).unwrap().to_jwk());
    assert_eq!(jwks[0], jwks[1]);
    let p384 = [6, 5, 0x2b, 0x81, 4, 0, 0x22];
    for (curve, point) in [
        (&p384[..], &wrapped[..]),
        (&[], &wrapped),
        (&P256, &[]),
        (&P256, &bare[..64]),
        (&P256, &wrapped[..66]),
        (&P256, &[&wrapped[..], &[0]].concat()),
        (&P256, &[&[4, 64][..], &bare].concat()),
        (&P256, &[&[4, 65, 3][..], &bare[1..]].concat()),
        (&P256, &[&[4][..], &[1; 64]].concat()), // not on the curve
    ] {
        assert!(read(curve, point).is_err(), "{point:?}");
    }
}

#[test]
fn numbers_of_rsa_may_have_zeros_in_front() {
    let (modulus, _) = numbers(Algorithm::RS256, "n", "e");
    let key = rsa_key(Algorithm::RS256, &modulus, &[1, 0, 1]).unwrap();
    let zeros = rsa_key(
        Algorithm::RS256,
        &[&[0][..], &modulus].concat(),
        &[0, 1, 0, 1],
    );
    assert_eq!(key.thumbprint(), zeros.unwrap().thumbprint());
    assert!(rsa_key(Algorithm::RS256, &modulus[..128], &[1, 0, 1]).is_err());
    assert!(rsa_key(Algorithm::RS256, &modulus, &[]).is_err());
    assert!(rsa_key(Algorithm::ES256, &modulus, &[1, 0, 1]).is_err());
}

/// Returns two numbers of a new public key.
fn numbers(algorithm: Algorithm, first: &str, second: &str) -> (Vec<u8>, Vec<u8>) {
    let key = SigningKey::generate(algorithm).unwrap();
    let jwk: Value = serde_json::from_str(&key.verifying_key().to_jwk().unwrap()).unwrap();
    let number = |name: &str| {
        let text = jwk[name].as_str().unwrap();
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    (number(first), number(second))
}
