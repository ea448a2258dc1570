//! Tests of sets of JWKs.

use countersign::{Algorithm, ConfigError, Key, KeySet, keys::SkippedKey};
use serde_json::{Map, Value};

use super::{json, private_jwk, public_jwk, refusal, with};

fn set(keys: &[Map<String, Value>]) -> Result<KeySet, ConfigError> {
    let keys: Vec<String> = keys.iter().map(json).collect();
    KeySet::from_json(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
}

/// Returns the ids and algorithms of the keys of a set, and the positions that were left out.
#[track_caller]
fn outcome(keys: &[Map<String, Value>]) -> (Vec<String>, Vec<usize>) {
    let set = set(keys).unwrap();
    let used = set
        .keys()
        .iter()
        .map(|key| format!("{} {}", key.id().unwrap_or("-"), key.algorithm()));
    let skipped = set.skipped().iter().map(SkippedKey::index);
    (used.collect(), skipped.collect())
}

fn rsa(kid: &str, alg: &str) -> Map<String, Value> {
    with(&with(&public_jwk("rsa2048"), "kid", kid), "alg", alg)
}

fn other_rsa(kid: &str, alg: &str) -> Map<String, Value> {
    with(&with(&public_jwk("rsa2048-other"), "kid", kid), "alg", alg)
}

fn p256(kid: &str) -> Map<String, Value> {
    with(&public_jwk("p256"), "kid", kid)
}

fn oct(kid: &str) -> Map<String, Value> {
    let k = "14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ";
    let jwk = with(&Map::new(), "kty", "oct");
    with(&with(&with(&jwk, "k", k), "kid", kid), "alg", "HS256")
}

#[test]
fn bad_keys_are_left_out_and_the_others_stay() {
    let bad = [
        with(&p256("b"), "kty", "AKP"),
        with(&p256("b"), "crv", "secp256k1"),
        with(&p256("b"), "use", "enc"),
        with(&p256("b"), "x", 1),
        rsa("b", "RSA-OAEP"),
        with(&private_jwk("p256"), "kid", "b"),
        Map::new(),
    ];
    for jwk in bad {
        let (used, skipped) = outcome(&[p256("a"), jwk, rsa("c", "PS384")]);
        assert_eq!(used, ["a ES256", "c PS384"]);
        assert_eq!(skipped, [1]);
    }
}

#[test]
fn an_element_that_is_no_object_is_left_out() {
    let good = json(&p256("a"));
    for element in ["null", "1", "\"key\"", "[]", r#"{"a":1,"a":2}"#, "1e400"] {
        let set = KeySet::from_json(&format!(r#"{{"keys":[{element},{good}]}}"#)).unwrap();
        assert_eq!(set.keys().len(), 1, "{element}");
        assert_eq!(set.skipped()[0].index(), 0);
        assert_eq!(set.skipped()[0].id(), None);
    }
}

#[test]
fn a_skipped_key_says_which_it_is_and_why() {
    let long = "ä".repeat(200);
    let set = set(&[p256("a"), with(&p256(&long), "crv", "P-1")]).unwrap();
    let skipped = &set.skipped()[0];
    assert_eq!(skipped.index(), 1);
    assert_eq!(skipped.id(), Some("ä".repeat(128).as_str()));
    assert_eq!(
        skipped.reason().to_string(),
        "invalid key: crv \"P-1\" is not supported"
    );
}

#[test]
fn a_key_without_alg_gets_each_of_the_given_algorithms_that_fit() {
    let jwk = json(&public_jwk("rsa2048"));
    let json = format!(r#"{{"keys":[{jwk}]}}"#);
    let algorithms = [Algorithm::ES256, Algorithm::PS256, Algorithm::RS256];
    let set = KeySet::from_json_for(&json, &algorithms).unwrap();
    let used: Vec<Algorithm> = set.keys().iter().map(Key::algorithm).collect();
    assert_eq!(used, [Algorithm::PS256, Algorithm::RS256]);
    assert!(KeySet::from_json_for(&json, &[Algorithm::ES256]).is_err());
}

#[test]
fn both_names_of_ed25519_are_one_key() {
    let json = format!(r#"{{"keys":[{}]}}"#, json(&public_jwk("ed25519")));
    let set = KeySet::from_json_for(&json, Algorithm::ALL).unwrap();
    assert_eq!(set.keys().len(), 1);
}

#[test]
fn a_secret_without_alg_gets_the_algorithms_it_is_long_enough_for() {
    let mut jwk = oct("a");
    jwk.remove("alg");
    let json = format!(r#"{{"keys":[{}]}}"#, json(&jwk));
    let set = KeySet::from_json_for(&json, Algorithm::ALL).unwrap();
    let used: Vec<Algorithm> = set.keys().iter().map(Key::algorithm).collect();
    assert_eq!(used, [Algorithm::HS256]);
    assert!(set.skipped().is_empty());
}

#[test]
fn two_keys_of_one_name_are_both_left_out() {
    let (used, skipped) = outcome(&[rsa("a", "RS256"), other_rsa("a", "RS256"), p256("b")]);
    assert_eq!(used, ["b ES256"]);
    assert_eq!(skipped, [0, 1]);

    let (used, skipped) = outcome(&[rsa("a", "RS256"), other_rsa("b", "RS256")]);
    assert_eq!(used, ["a RS256", "b RS256"]);
    assert!(skipped.is_empty());
}

#[test]
fn one_kid_for_keys_of_several_algorithms_is_fine() {
    let (used, skipped) = outcome(&[rsa("a", "RS256"), other_rsa("a", "PS256"), p256("a")]);
    assert_eq!(used, ["a RS256", "a PS256", "a ES256"]);
    assert!(skipped.is_empty());
}

#[test]
fn the_same_key_twice_is_one_key() {
    let (used, skipped) = outcome(&[p256("a"), p256("a"), p256("b")]);
    assert_eq!(used, ["a ES256", "b ES256"]);
    assert!(skipped.is_empty());
}

#[test]
fn keys_without_kid_do_not_collide() {
    let unnamed = |name: &str| with(&public_jwk(name), "alg", "RS256");
    let (used, skipped) = outcome(&[unnamed("rsa2048"), unnamed("rsa2048-other")]);
    assert_eq!(used, ["- RS256", "- RS256"]);
    assert!(skipped.is_empty());
}

#[test]
fn an_unusable_key_takes_a_good_one_of_its_name_with_it() {
    let broken = with(&other_rsa("a", "RS256"), "n", "AQ");
    let (used, skipped) = outcome(&[rsa("a", "RS256"), broken.clone(), p256("b")]);
    assert_eq!(used, ["b ES256"]);
    assert_eq!(skipped.len(), 2);

    for harmless in [
        with(&broken, "kid", "c"),
        with(&broken, "alg", "RS512"),
        with(&broken, "alg", "RSA-OAEP"),
        with(&broken, "use", "enc"),
    ] {
        let (used, skipped) = outcome(&[rsa("a", "RS256"), harmless]);
        assert_eq!(used, ["a RS256"]);
        assert_eq!(skipped, [1]);
    }
}

#[test]
fn secrets_and_public_keys_do_not_mix() {
    assert_eq!(outcome(&[oct("a")]).0, ["a HS256"]);
    assert_eq!(
        refusal(set(&[oct("a"), p256("b")])),
        "invalid key: the key set mixes symmetric and asymmetric keys"
    );
}

#[test]
fn a_set_has_at_most_100_keys() {
    let keys = |count: usize| -> Vec<_> { (0..count).map(|n| p256(&n.to_string())).collect() };
    assert_eq!(set(&keys(100)).unwrap().keys().len(), 100);
    assert_eq!(
        refusal(set(&keys(101))),
        "invalid key: the key set has more than 100 keys"
    );
}

#[test]
fn a_set_has_at_most_256_kib() {
    let json = format!(r#"{{"keys":[{}]}}"#, json(&p256("a")));
    let padded = |length: usize| json.clone() + &" ".repeat(length - json.len());
    assert!(KeySet::from_json(&padded(256 * 1024)).is_ok());
    assert!(KeySet::from_json(&padded(256 * 1024 + 1)).is_err());
}

#[test]
fn what_is_no_set_is_refused() {
    let key = json(&p256("a"));
    let good = format!(r#"{{"keys":[{key}],"more":{{"a":[1]}}}}"#);
    assert!(KeySet::from_json(&good).is_ok());
    for bad in [
        String::new(),
        "[]".into(),
        "{}".into(),
        r#"{"keys":null}"#.into(),
        r#"{"keys":{}}"#.into(),
        r#"{"keys":[]}"#.into(),
        key.clone(),
        "<html></html>".into(),
        format!("{good}x"),
        format!("\u{feff}{good}"),
        format!(r#"{{"keys":[{key}],"keys":[{key}]}}"#),
        format!(r#"{{"keys":[{key}],"a":1,"a":1}}"#),
        format!(r#"{{"keys":[{key}]"#),
        format!(r#"{{"keys":[{}"#, "[".repeat(100_000)),
    ] {
        assert!(
            KeySet::from_json(&bad).is_err(),
            "{}",
            &bad[..bad.len().min(80)]
        );
    }
}

#[test]
fn a_key_nested_too_deep_is_left_out() {
    let deep = format!(r#"{{"kty":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let set = KeySet::from_json(&format!(r#"{{"keys":[{deep},{}]}}"#, json(&p256("a")))).unwrap();
    assert_eq!((set.keys().len(), set.skipped().len()), (1, 1));
}
