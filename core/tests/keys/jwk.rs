//! Tests of a single key as a JWK.

use countersign::{Algorithm, ConfigError, Key, SigningKey};
use serde_json::{Map, Value, json};

use super::{json, private_jwk, public_jwk, refusal, with, without};

fn key(jwk: &Map<String, Value>) -> Result<Key, ConfigError> {
    Key::from_jwk(&json(jwk))
}

fn signing_key(jwk: &Map<String, Value>) -> Result<SigningKey, ConfigError> {
    SigningKey::from_jwk(&json(jwk))
}

fn rsa() -> Map<String, Value> {
    with(&public_jwk("rsa2048"), "alg", "RS256")
}

fn p256() -> Map<String, Value> {
    public_jwk("p256")
}

fn oct() -> Map<String, Value> {
    let k = "14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ";
    let Value::Object(jwk) = json!({"kty": "oct", "k": k, "alg": "HS256"}) else {
        unreachable!()
    };
    jwk
}

#[test]
fn the_curve_implies_the_algorithm() {
    for (name, algorithm) in [
        ("p256", Algorithm::ES256),
        ("p384", Algorithm::ES384),
        ("p521", Algorithm::ES512),
        ("ed25519", Algorithm::EdDSA),
    ] {
        assert_eq!(key(&public_jwk(name)).unwrap().algorithm(), algorithm);
        assert_eq!(
            signing_key(&private_jwk(name)).unwrap().algorithm(),
            algorithm
        );
    }
}

#[test]
fn a_type_with_several_algorithms_needs_alg() {
    for jwk in [rsa(), oct()] {
        assert!(key(&jwk).is_ok());
        assert_eq!(
            refusal(key(&without(&jwk, "alg"))),
            "invalid key: the JWK has no alg and its type allows several; say which with \
             from_jwk_with"
        );
    }
    let jwk = json(&without(&rsa(), "alg"));
    let key = Key::from_jwk_with(&jwk, Algorithm::PS512).unwrap();
    assert_eq!(key.algorithm(), Algorithm::PS512);
}

#[test]
fn alg_must_be_the_algorithm_asked_for() {
    assert!(Key::from_jwk_with(&json(&rsa()), Algorithm::RS256).is_ok());
    assert_eq!(
        refusal(Key::from_jwk_with(&json(&rsa()), Algorithm::RS512)),
        "invalid key: the JWK is for RS256, not for RS512"
    );
    let private = with(&private_jwk("rsa2048"), "alg", "PS256");
    assert!(SigningKey::from_jwk_with(&json(&private), Algorithm::PS256).is_ok());
    assert!(SigningKey::from_jwk_with(&json(&private), Algorithm::RS256).is_err());
}

#[test]
fn both_names_of_ed25519_are_the_same_algorithm() {
    let jwk = public_jwk("ed25519");
    for alg in ["EdDSA", "Ed25519"] {
        let named = with(&jwk, "alg", alg);
        assert_eq!(key(&named).unwrap().algorithm().name(), alg);
        for asked in [Algorithm::EdDSA, Algorithm::Ed25519] {
            let key = Key::from_jwk_with(&json(&named), asked).unwrap();
            assert_eq!(key.algorithm(), asked);
        }
    }
}

#[test]
fn alg_must_be_known_and_fit_the_key() {
    for (jwk, alg) in [
        (rsa(), "RSA-OAEP-256"),
        (rsa(), "RS999"),
        (rsa(), "rs256"),
        (rsa(), "none"),
        (rsa(), "HS256"),
        (rsa(), "ES256"),
        (p256(), "ES384"),
        (p256(), "ES256K"),
        (p256(), "RS256"),
        (oct(), "A256GCM"),
        (oct(), "RS256"),
        (public_jwk("ed25519"), "ES256"),
        (public_jwk("ed25519"), "Ed448"),
    ] {
        assert!(key(&with(&jwk, "alg", alg)).is_err(), "{alg}");
    }
    assert!(key(&with(&p256(), "alg", "ES256")).is_ok());
}

#[test]
fn the_purpose_must_be_signatures() {
    for jwk in [rsa(), p256(), oct()] {
        assert!(key(&with(&jwk, "use", "sig")).is_ok());
        for purpose in [
            json!("enc"),
            json!("SIG"),
            json!(""),
            json!(null),
            json!(["sig"]),
        ] {
            assert!(key(&with(&jwk, "use", purpose)).is_err());
        }
    }
}

#[test]
fn the_operations_must_include_the_one_asked_for() {
    let private = private_jwk("p256");
    let many = |count: usize| -> Value {
        let others = (1..count).map(|n| n.to_string());
        others.chain(["verify".to_owned()]).collect()
    };
    for (operations, verifies, signs) in [
        (json!(["verify"]), true, false),
        (json!(["sign"]), false, true),
        (json!(["sign", "verify"]), true, true),
        (json!(["verify", "unheard-of"]), true, false),
        (json!(["encrypt"]), false, false),
        (json!([]), false, false),
        (json!(["verify", "sign", "verify"]), false, false),
        (many(32), true, false),
        (many(33), false, false),
        (json!("verify"), false, false),
        (json!(["verify", 1]), false, false),
        (json!(null), false, false),
    ] {
        let public = with(&p256(), "key_ops", operations.clone());
        assert_eq!(key(&public).is_ok(), verifies, "{operations}");
        let private = with(&private, "key_ops", operations.clone());
        assert_eq!(signing_key(&private).is_ok(), signs, "{operations}");
    }
}

#[test]
fn a_verifying_key_has_no_private_member() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for jwk in [rsa(), p256(), public_jwk("ed25519")] {
            assert_eq!(
                refusal(key(&with(&jwk, name, "AQ"))),
                "invalid key: this JWK holds a private key; a verifying key is made of the public one"
            );
        }
    }
}

#[test]
fn a_signing_key_has_its_private_members() {
    let jwk = with(&private_jwk("rsa2048"), "alg", "RS256");
    assert!(signing_key(&jwk).is_ok());
    for name in ["d", "p", "q", "dp", "dq", "qi"] {
        assert!(signing_key(&without(&jwk, name)).is_err(), "{name}");
    }
    for name in ["p256", "ed25519"] {
        assert!(signing_key(&private_jwk(name)).is_ok());
        assert_eq!(
            refusal(signing_key(&public_jwk(name))),
            "invalid key: this JWK holds only the public key; a signing key needs the private one"
        );
    }
    assert!(signing_key(&with(&jwk, "oth", json!([]))).is_err());
    assert!(signing_key(&with(&jwk, "k", "AQ")).is_err());
}

#[test]
fn every_private_member_must_agree_with_the_others() {
    let other = private_jwk("rsa2048-other");
    let jwk = with(&private_jwk("rsa2048"), "alg", "PS256");
    for name in ["n", "d", "p", "q", "dp", "dq", "qi"] {
        let mixed = with(&jwk, name, other[name].clone());
        assert_eq!(
            refusal(signing_key(&mixed)),
            "invalid key: the private key does not belong to the public one",
            "{name}"
        );
    }
    for (one, other) in [("p256", "x"), ("p256", "y"), ("ed25519", "x")] {
        let foreign = SigningKey::generate(signing_key(&private_jwk(one)).unwrap().algorithm());
        let foreign = foreign.unwrap().verifying_key().to_jwk().unwrap();
        let foreign: Value = serde_json::from_str(&foreign).unwrap();
        let mixed = with(&private_jwk(one), other, foreign[other].clone());
        assert!(signing_key(&mixed).is_err(), "{one} {other}");
    }
}

#[test]
fn neither_prime_is_longer_than_half_of_the_modulus() {
    // Primes of 1030 and 1020 bits, and of 1025 and 1024.
    let unbalanced = with(&private_jwk("rsa-unbalanced"), "alg", "RS256");
    assert_eq!(
        refusal(signing_key(&unbalanced)),
        "weak key: a prime of the RSA key is longer than half of the modulus"
    );
    assert!(key(&with(&public_jwk("rsa-unbalanced"), "alg", "RS256")).is_ok());
    assert!(signing_key(&with(&private_jwk("rsa2049"), "alg", "RS256")).is_ok());
}

#[test]
fn a_private_scalar_lies_between_zero_and_the_order() {
    const ORDER_OF_P256: &str = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
    for d in ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ORDER_OF_P256] {
        assert_eq!(
            refusal(signing_key(&with(&private_jwk("p256"), "d", d))),
            "invalid key: the private key is out of range"
        );
    }
}

#[test]
fn members_of_a_wrong_type_or_absent_are_refused() {
    for jwk in [rsa(), p256(), public_jwk("ed25519"), oct()] {
        for name in ["kty", "crv", "n", "e", "x", "y", "k"] {
            if jwk.contains_key(name) {
                assert!(key(&without(&jwk, name)).is_err(), "{name}");
                for value in [
                    json!(null),
                    json!(1),
                    json!([]),
                    json!({}),
                    json!(""),
                    json!("*"),
                ] {
                    assert!(key(&with(&jwk, name, value)).is_err(), "{name}");
                }
            }
        }
        for value in [json!(null), json!(1), json!(["a"])] {
            assert!(key(&with(&jwk, "kid", value.clone())).is_err());
            assert!(key(&with(&jwk, "alg", value)).is_err());
        }
        for member in ["x5c", "x5t", "x5u", "nbf", "unheard-of"] {
            assert!(key(&with(&jwk, member, json!(1))).is_ok(), "{member}");
        }
    }
}

#[test]
fn names_are_exact() {
    for (name, value) in [
        ("kty", "ec"),
        ("kty", "EC "),
        ("crv", "P256"),
        ("crv", "secp256r1"),
    ] {
        assert!(key(&with(&p256(), name, value)).is_err(), "{value}");
    }
}

#[test]
fn a_coordinate_has_exactly_the_length_of_its_field() {
    for name in ["p256", "p384", "p521", "ed25519"] {
        let jwk = public_jwk(name);
        let x = jwk["x"].as_str().unwrap().to_owned();
        for wrong in [format!("AAAA{x}"), x[4..].to_owned()] {
            let refused = refusal(key(&with(&jwk, "x", wrong)));
            assert!(
                refused.starts_with("invalid key: x must have "),
                "{refused}"
            );
        }
    }
}

#[test]
fn a_point_is_on_its_curve() {
    let off = "the point is not on the curve P-256";
    let jwk = p256();
    let swapped = with(&with(&jwk, "x", jwk["y"].clone()), "y", jwk["x"].clone());
    assert_eq!(refusal(key(&swapped)), format!("invalid key: {off}"));
    // A coordinate of at least the field's prime is not another encoding of a small one.
    let high = "_____wAAAAEAAAAAAAAAAAAAAAD_______________8";
    assert_eq!(
        refusal(key(&with(&jwk, "x", high))),
        format!("invalid key: {off}")
    );

    let zero = "A".repeat(43);
    let zeros = with(&with(&jwk, "x", zero.clone()), "y", zero);
    assert!(matches!(key(&zeros), Err(ConfigError::WeakKey(_))));
    let x = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(
        refusal(key(&with(&public_jwk("ed25519"), "x", x))),
        "invalid key: the Ed25519 point is not on the curve"
    );
}

#[test]
fn a_point_of_small_order_is_refused() {
    for x in [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA",
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "7P_______________________________________38",
        "7f_______________________________________38",
        "7v_______________________________________38",
        "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA_o",
    ] {
        assert_eq!(
            refusal(key(&with(&public_jwk("ed25519"), "x", x))),
            "weak key: the Ed25519 point has a small order: anyone could sign for it"
        );
    }
}

#[test]
fn a_number_has_no_leading_zero_octet() {
    let jwk = rsa();
    assert!(key(&with(&jwk, "e", "AQAB")).is_ok());
    assert_eq!(
        refusal(key(&with(&jwk, "e", "AAEAAQ"))),
        "invalid key: e has a leading zero octet"
    );
    let padded = format!("AAAA{}", jwk["n"].as_str().unwrap());
    assert_eq!(
        refusal(key(&with(&jwk, "n", padded))),
        "invalid key: n has a leading zero octet"
    );
}

#[test]
fn base64url_is_canonical() {
    let jwk = p256();
    let x = jwk["x"].as_str().unwrap();
    for other in [
        format!("{x}="),
        format!(" {x}"),
        format!("{x}\n"),
        x.replace('_', "/") + "+",
    ] {
        assert_eq!(
            refusal(key(&with(&jwk, "x", other))),
            "invalid key: x is not canonical base64url without padding"
        );
    }
}

#[test]
fn a_name_stands_once_at_every_level() {
    let good = json(&p256());
    let body = good.trim_start_matches('{');
    assert!(Key::from_jwk(&format!(r#"{{"ext":{{"a":1}},{body}"#)).is_ok());
    for twice in [
        format!(r#"{{"kty":"EC",{body}"#),
        format!(r#"{{"\u006bty":"EC",{body}"#),
        format!(r#"{{"ext":{{"a":1,"a":1}},{body}"#),
    ] {
        assert!(Key::from_jwk(&twice).is_err(), "{twice}");
    }
}

#[test]
fn only_one_json_object_is_a_jwk() {
    let good = json(&p256());
    for text in [
        String::new(),
        "null".into(),
        "[]".into(),
        format!("[{good}]"),
        format!("{good} {good}"),
        format!("\u{feff}{good}"),
        format!("{good}//"),
        "[".repeat(100_000),
    ] {
        assert!(Key::from_jwk(&text).is_err());
        assert!(SigningKey::from_jwk(&text).is_err());
    }
}

#[test]
fn an_id_has_at_most_256_bytes() {
    for (length, expected) in [(256, true), (257, false)] {
        let jwk = with(&p256(), "kid", "k".repeat(length));
        assert_eq!(key(&jwk).is_ok(), expected);
    }
}

#[test]
fn a_refusal_does_not_repeat_the_key() {
    let text = r#"{"kty":"oct","k":"c2VjcmV0LXZhbHVl","alg":["c2VjcmV0LXZhbHVl"]}"#;
    assert!(!refusal(Key::from_jwk(text)).contains("c2VjcmV0"));
    let text = r#"{"kty":"oct","k":"c2VjcmV0LXZhbHVl"#;
    assert!(!refusal(Key::from_jwk(text)).contains("c2VjcmV0"));
}
