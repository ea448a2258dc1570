//! Tests of published keys that are not in their canonical form: in sets, what has one reading is read.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use countersign::{Algorithm, Key, KeySet};
use serde_json::{Map, Value, json};

use super::{json, private_jwk, public_jwk, refusal, with, without};

fn set_of(jwk: &Map<String, Value>) -> Result<KeySet, countersign::ConfigError> {
    KeySet::from_remote_json(&format!(r#"{{"keys":[{}]}}"#, json(jwk)))
}

/// Returns the thumbprint of the one key of a set and its notes.
#[track_caller]
fn read(jwk: &Map<String, Value>) -> (String, Vec<String>) {
    let set = set_of(jwk).unwrap();
    assert_eq!((set.keys().len(), set.skipped().len()), (1, 0));
    let notes = set.notes().iter().map(|note| note.text().to_owned());
    (thumbprint(&set), notes.collect())
}

fn thumbprint(set: &KeySet) -> String {
    set.keys()[0].thumbprint().unwrap().to_owned()
}

fn octets(jwk: &Map<String, Value>, name: &str) -> Vec<u8> {
    BASE64.decode(jwk[name].as_str().unwrap()).unwrap()
}

fn with_octets(jwk: &Map<String, Value>, name: &str, octets: &[u8]) -> Map<String, Value> {
    with(jwk, name, BASE64.encode(octets))
}

/// Returns a key on this curve of which this coordinate begins with a zero octet, whatever bits come after.
fn short(name: &str, coordinate: &str) -> Map<String, Value> {
    let algorithm = match name {
        "P-256" => Algorithm::ES256,
        "P-384" => Algorithm::ES384,
        _ => Algorithm::ES512,
    };
    loop {
        let key = countersign::SigningKey::generate(algorithm).unwrap();
        let jwk = key.verifying_key().to_jwk().unwrap();
        let jwk: Map<String, Value> = serde_json::from_str(&jwk).unwrap();
        if octets(&jwk, coordinate)[0] == 0 {
            return jwk;
        }
    }
}

#[test]
fn a_modulus_may_have_zero_octets_in_front() {
    let jwk = with(&public_jwk("rsa2048"), "alg", "RS256");
    let (canonical, notes) = read(&jwk);
    assert!(notes.is_empty());
    let n = octets(&jwk, "n");
    for zeros in 1..4 {
        let long = with_octets(&jwk, "n", &[&vec![0; zeros], &n[..]].concat());
        let note = "n has a leading zero octet".to_owned();
        assert_eq!(read(&long), (canonical.clone(), vec![note]));
        // By itself, such a key stays refused.
        assert!(Key::from_jwk(&json(&long)).is_err());

        // One wrong bit makes another key: an even one is refused, any other is not that key.
        for bit in [0, 1] {
            let mut wrong = [&vec![0; zeros], &n[..]].concat();
            *wrong.last_mut().unwrap() ^= 1 << bit;
            let wrong = with_octets(&jwk, "n", &wrong);
            match set_of(&wrong) {
                Ok(set) => assert_ne!(thumbprint(&set), canonical),
                Err(error) => assert!(error.to_string().contains("RSA modulus"), "{error}"),
            }
        }
    }
    let e = with(&jwk, "e", "AAEAAQ");
    let note = "e has a leading zero octet".to_owned();
    assert_eq!(read(&e), (canonical, vec![note]));
}

#[test]
fn the_first_characters_of_uaa_are_read() {
    // A modulus whose first bit is set, as a signed number in big-endian order: that of UAA's documentation begins so.
    let jwk = with(&public_jwk("rsa2048"), "alg", "RS256");
    let mut n = octets(&jwk, "n");
    (n[0], n[1]) = (0xc8, 0x7e);
    n.insert(0, 0);
    let text = BASE64.encode(&n);
    assert!(text.starts_with("AMh-"), "{text}");
    assert!(set_of(&with(&jwk, "n", text)).is_ok());
}

#[test]
fn zeros_in_front_do_not_make_a_modulus_longer() {
    let jwk = with(&public_jwk("rsa2048"), "alg", "RS256");
    let n = octets(&jwk, "n");
    let refused = |octets: &[u8]| refusal(set_of(&with_octets(&jwk, "n", octets)));
    assert!(refused(&[&[0; 300], &n[1..]].concat()).contains("an RSA modulus must have 2048"));
    assert!(refused(&[0; 300]).contains("n is empty"));
    assert!(refusal(set_of(&with(&jwk, "n", ""))).contains("n is empty"));
    assert!(refusal(set_of(&with(&jwk, "e", "AAAAAw"))).contains("exponent"));
}

#[test]
fn coordinates_may_lack_their_zeros_or_have_more() {
    for curve in ["P-256", "P-384", "P-521"] {
        for name in ["x", "y"] {
            let jwk = short(curve, name);
            let (canonical, notes) = read(&jwk);
            assert!(notes.is_empty());
            let full = octets(&jwk, name);
            let length = full.len();
            let number: Vec<u8> = full
                .iter()
                .copied()
                .skip_while(|octet| *octet == 0)
                .collect();
            for spelled in [
                number.clone(),
                [&[0], &full[..]].concat(),
                [&[0; 9], &full[..]].concat(),
            ] {
                let note = format!("{name} has {} bytes, not {length}", spelled.len());
                let other = with_octets(&jwk, name, &spelled);
                assert_eq!(read(&other), (canonical.clone(), vec![note]), "{curve}");
                assert!(Key::from_jwk(&json(&other)).is_err(), "{curve}");

                // With one wrong bit, the point is on no curve.
                let mut wrong = spelled;
                *wrong.last_mut().unwrap() ^= 1;
                let refused = refusal(set_of(&with_octets(&jwk, name, &wrong)));
                assert!(
                    refused.contains(&format!("not on the curve {curve}")),
                    "{refused}"
                );
            }
            // What is not zero cannot be left out, or be added.
            let long = [&[1], &full[..]].concat();
            let refused = refusal(set_of(&with_octets(&jwk, name, &long)));
            assert!(
                refused.contains(&format!("{name} must have {length} bytes")),
                "{refused}"
            );
            for wrong in [&number[..number.len() - 1], &number[1..]] {
                assert!(set_of(&with_octets(&jwk, name, wrong)).is_err(), "{curve}");
            }
            assert!(refusal(set_of(&with(&jwk, name, ""))).contains("must have"));
        }
    }
}

#[test]
fn an_ed25519_point_has_all_of_its_octets() {
    let jwk = public_jwk("ed25519");
    let x = octets(&jwk, "x");
    assert!(set_of(&jwk).is_ok());
    for wrong in [
        [&[0], &x[..]].concat(),
        [&x[..], &[0]].concat(),
        x[1..].to_vec(),
    ] {
        assert!(refusal(set_of(&with_octets(&jwk, "x", &wrong))).contains("x must have 32 bytes"));
    }
}

#[test]
fn base64_of_another_kind_is_read() {
    let note = |name: &str| format!("{name} is base64, not base64url without padding");
    for (jwk, name) in [
        (public_jwk("p256"), "y"),
        (public_jwk("ed25519"), "x"),
        (public_jwk("rsa2048"), "n"),
    ] {
        let (canonical, _) = read(&jwk);
        let text = jwk[name].as_str().unwrap();
        let padding = "=".repeat(text.len().next_multiple_of(4) - text.len());
        assert!(!padding.is_empty());
        let standard = text.replace('-', "+").replace('_', "/");
        let (one, two) = text.split_at(20);
        let mut good = vec![
            format!("{text}{padding}"),
            format!("{standard}{padding}"),
            format!("{one}\r\n{two}{padding}\r\n"),
            format!("{one}\n{two}"),
        ];
        if standard != *text {
            good.push(standard.clone());
        }
        for good in good {
            let other = with(&jwk, name, good.clone());
            assert_eq!(
                read(&other),
                (canonical.clone(), vec![note(name)]),
                "{good}"
            );
            assert!(Key::from_jwk_with(&json(&other), Algorithm::RS256).is_err());
        }
        for bad in [
            format!("{text}{padding}="),
            format!("{padding}{text}"),
            format!("{one}{padding}{two}"),
            // It could have been `+`.
            format!("{one} {two}"),
            format!(" {text}"),
            format!("{text}\t"),
            text[..text.len() - 1].to_owned() + "_",
            format!("{text}A"),
            format!("%{text}"),
        ] {
            assert!(set_of(&with(&jwk, name, bad.clone())).is_err(), "{bad}");
        }
    }
    // Two characters of padding are two or none.
    let jwk = with(&public_jwk("rsa2048"), "alg", "RS256");
    let n = jwk["n"].as_str().unwrap();
    assert!(set_of(&with(&jwk, "n", format!("{n}=="))).is_ok());
    assert!(set_of(&with(&jwk, "n", format!("{n}="))).is_err());
}

#[test]
fn null_is_absent() {
    let jwk = with(&public_jwk("p256"), "kid", "a");
    let (canonical, _) = read(&jwk);
    for name in ["alg", "key_ops", "use", "d", "k", "p", "oth"] {
        let null = with(&jwk, name, json!(null));
        assert_eq!(
            read(&null),
            (canonical.clone(), vec![format!("{name} is null")])
        );
        assert!(Key::from_jwk(&json(&null)).is_err(), "{name}");
        for other in [json!(""), json!(0), json!(false), json!([]), json!({})] {
            assert!(
                set_of(&with(&jwk, name, other.clone())).is_err(),
                "{name} {other}"
            );
        }
    }
    let nameless = set_of(&with(&jwk, "kid", json!(null))).unwrap();
    assert_eq!(nameless.keys()[0].id(), None);
    for name in ["kty", "crv", "x", "y"] {
        assert!(set_of(&with(&jwk, name, json!(null))).is_err(), "{name}");
    }
}

#[test]
fn a_private_key_stays_refused_however_it_is_written() {
    for name in ["p256", "rsa2048"] {
        let jwk = with(&private_jwk(name), "use", json!(null));
        assert!(refusal(set_of(&jwk)).contains("holds a private key"));
    }
}

#[test]
fn secrets_stay_strict() {
    let k = "14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ";
    let good: Map<String, Value> =
        serde_json::from_value(json!({"kty": "oct", "k": k, "alg": "HS256"})).unwrap();
    let local =
        |jwk: &Map<String, Value>| KeySet::from_json(&format!(r#"{{"keys":[{}]}}"#, json(jwk)));
    assert!(local(&good).is_ok());
    assert!(local(&with(&good, "k", format!("{k}="))).is_err());
    assert!(local(&with(&good, "use", json!(null))).is_err());
}

#[test]
fn two_spellings_of_one_key_are_one_key_and_of_two_are_none() {
    let good = with(&with(&public_jwk("rsa2048"), "alg", "RS256"), "kid", "a");
    let long = with_octets(&good, "n", &[&[0], &octets(&good, "n")[..]].concat());
    let other = with(&good, "n", public_jwk("rsa2048-other")["n"].clone());
    let set = |keys: &[&Map<String, Value>]| {
        let keys: Vec<_> = keys.iter().map(|jwk| json(jwk)).collect();
        KeySet::from_json(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
    };
    let one = set(&[&long, &good]).unwrap();
    assert_eq!((one.keys().len(), one.notes().len()), (1, 1));
    assert_eq!(one.notes()[0].index(), 0);
    assert_eq!(one.notes()[0].id(), Some("a"));
    // Two keys of one name: neither is used, and the note says nothing any more.
    let second = set(&[&long, &other, &with(&public_jwk("p256"), "kid", "b")]).unwrap();
    assert_eq!((second.keys().len(), second.skipped().len()), (1, 2));
    assert!(second.notes().is_empty());
    // A member that stands twice has two readings.
    let twice = json(&long).replace(r#""n":"#, r#""n":"AQ","n":"#);
    assert!(KeySet::from_json(&format!(r#"{{"keys":[{twice}]}}"#)).is_err());
}

#[test]
fn canonical_keys_have_no_note() {
    for name in ["p256", "p384", "p521", "ed25519", "rsa2048"] {
        assert_eq!(read(&public_jwk(name)).1, [""; 0]);
        assert_eq!(
            read(&without(
                &with(&public_jwk(name), "x5c", json!(["*"])),
                "x5c"
            ))
            .1,
            [""; 0]
        );
    }
}
