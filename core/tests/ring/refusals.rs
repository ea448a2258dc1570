//! Tests of documents that are refused, each beside the nearest one that is accepted.

use countersign::{SigningKeys, issue::RingDocument, testing::FixedClock};
use serde_json::{Value, json};

use super::{KEYS, LEAD, LIFETIME, NOW, RELOAD, document, published};

/// The text of a document with the keys `a`, which signs, and `b`, which is next.
fn rotated() -> Value {
    let mut document = document();
    document.rotate(&KEYS[1], NOW).unwrap();
    serde_json::from_str(&document.to_json().unwrap()).unwrap()
}

fn read(document: &Value) -> Result<RingDocument, String> {
    RingDocument::from_json(&document.to_string(), NOW).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(change: impl Fn(&mut Value), text: &str) {
    let mut document = rotated();
    assert!(read(&document).is_ok());
    change(&mut document);
    assert_eq!(read(&document).unwrap_err(), text);
}

#[track_caller]
fn accepted(change: impl Fn(&mut Value)) {
    let mut document = rotated();
    change(&mut document);
    read(&document).unwrap();
}

const SIGNS: i64 = NOW + RELOAD + LEAD;

#[test]
fn a_key_that_would_sign_before_verifiers_know_it() {
    let early = |at: i64| move |document: &mut Value| document["keys"][1]["sign_from"] = json!(at);
    refused(
        early(SIGNS - 1),
        &format!(
            "invalid setting: key \"b\" would sign before verifiers know it: its `sign_from` must be {SIGNS} or later \
             (`publish_from` and `lead`), unless it is marked as an `emergency`"
        ),
    );
    accepted(|document| {
        early(SIGNS - 1)(document);
        document["keys"][1]["emergency"] = json!(true);
    });
    accepted(early(SIGNS));
}

#[test]
fn a_key_that_would_leave_before_its_tokens() {
    let until = SIGNS + LIFETIME;
    let ends = |at: i64| move |document: &mut Value| document["keys"][0]["until"] = json!(at);
    refused(
        ends(until - 1),
        &format!(
            "invalid setting: key \"a\" leaves before its tokens have expired: `until` is {}, and must be {until} or \
             later (`sign_from` of the next key, and `token_lifetime`)",
            until - 1
        ),
    );
    accepted(ends(until));
    accepted(ends(until + 1));
    refused(
        |document| drop(document["keys"][0].as_object_mut().unwrap().remove("until")),
        "missing setting: key \"a\" is not the last one and has no `until`",
    );
}

#[test]
fn times_that_go_backwards() {
    refused(
        |document| document["keys"][1]["publish_from"] = json!(SIGNS + 1),
        "invalid setting: key \"b\" signs before it is published: `sign_from` is before `publish_from`",
    );
    refused(
        |document| document["keys"][0]["until"] = json!(NOW - 301),
        "invalid setting: key \"a\" ends before it signs: `until` is before `sign_from`",
    );
    refused(
        |document| document["keys"].as_array_mut().unwrap().reverse(),
        "invalid setting: key \"a\" signs before the one that stands before it: `keys` are in the order of `sign_from`",
    );
    for wrong in [-1, i64::MAX] {
        refused(
            |document| document["keys"][1]["sign_from"] = json!(wrong),
            "invalid setting: key \"b\" has a member that is no time",
        );
    }
}

#[test]
fn two_keys_of_one_id() {
    refused(
        |document| document["keys"][1]["kid"] = json!("a"),
        "conflicting settings: two keys have the id (`kid`) \"a\"",
    );
    accepted(|document| document["keys"][1]["kid"] = json!("A"));
}

#[test]
fn a_key_that_is_to_sign_and_has_no_private_part() {
    let public = |index: usize| {
        move |document: &mut Value| {
            drop(document["keys"][index].as_object_mut().unwrap().remove("d"));
        }
    };
    refused(
        public(1),
        &format!("missing setting: key \"b\" is to sign from {SIGNS} on and has no private part"),
    );
    refused(
        public(0),
        &format!(
            "missing setting: key \"a\" is to sign from {} on and has no private part",
            NOW - 300
        ),
    );
    // Once it has retired, the public half is enough.
    let mut document = rotated();
    public(0)(&mut document);
    assert!(RingDocument::from_json(&document.to_string(), SIGNS - 1).is_err());
    let read = RingDocument::from_json(&document.to_string(), SIGNS).unwrap();
    let keys = SigningKeys::from_document(read, FixedClock::at(SIGNS)).unwrap();
    assert_eq!(published(&keys), ["a", "b"]);
}

#[test]
fn a_ring_without_an_active_key() {
    refused(
        |document| document["keys"] = json!([]),
        "missing setting: no key of `keys` signs",
    );
    refused(
        |document| drop(document["keys"].as_array_mut().unwrap().remove(0)),
        &format!(
            "missing setting: no key signs now: key \"b\" is the first, from {SIGNS} on (`sign_from`)"
        ),
    );
    let ends = "missing setting: key \"b\" ends, and no key follows it: the last one has no `until` and is not \
                `revoked`";
    refused(
        |document| document["keys"][1]["until"] = json!(SIGNS + 1_000),
        ends,
    );
    refused(
        |document| document["revoked"] = json!({ "b": SIGNS + 1 }),
        ends,
    );
    refused(
        |document| document["revoked"] = json!({ "a": SIGNS - 1 }),
        &format!(
            "invalid setting: no key signs from {} on, when key \"a\" is `revoked`, until {SIGNS}",
            SIGNS - 1
        ),
    );
    accepted(|document| document["revoked"] = json!({ "a": SIGNS }));
    // One that is revoked in time, and would have left before.
    let leaves_at = |until: i64| {
        move |document: &mut Value| {
            document["revoked"] = json!({ "a": SIGNS });
            document["keys"][0]["until"] = json!(until);
        }
    };
    refused(
        leaves_at(SIGNS - 2),
        &format!(
            "invalid setting: no key signs from {} on, when key \"a\" leaves (`until`), until {SIGNS}",
            SIGNS - 1
        ),
    );
    accepted(leaves_at(SIGNS - 1));
    accepted(|document| document["revoked"] = json!({ "another": NOW }));
}

#[test]
fn a_text_that_is_no_document() {
    let mut document = rotated();
    document["leads"] = json!(1);
    let text = read(&document).unwrap_err();
    assert!(
        text.starts_with("invalid setting: unknown field `leads` (line 1, column "),
        "{text}"
    );
    for name in ["keys", "reload", "lead", "token_lifetime"] {
        let mut document = rotated();
        document.as_object_mut().unwrap().remove(name);
        let text = read(&document).unwrap_err();
        assert!(
            text.starts_with(&format!("invalid setting: missing field `{name}`")),
            "{text}"
        );
        let mut document = rotated();
        document[name] = json!("a secret text");
        let text = read(&document).unwrap_err();
        assert!(!text.contains("secret"), "{text}");
    }
    refused(
        |document| document["lead"] = json!(0),
        "invalid setting: `lead` is between 1 second and 10 years, not 0",
    );
    refused(
        |document| document["keys"][1]["end"] = json!(1),
        "invalid setting: `keys[1]`: the member \"end\" is unknown",
    );
    refused(
        |document| document["keys"][1]["file"] = json!("b.pem"),
        "conflicting settings: `keys[1]`: `file` and the members of a JWK exclude each other",
    );
    refused(
        |document| document["keys"][1]["y"] = document["keys"][1]["x"].clone(),
        "invalid key: `keys[1]`: the private key does not belong to the public one",
    );
    refused(
        |document| {
            let oct = json!({"kty": "oct", "alg": "HS256", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"});
            let Value::Object(oct) = oct else { return };
            let key = document["keys"][1].as_object_mut().unwrap();
            key.retain(|name, _| name.ends_with("_from"));
            key.extend(oct);
        },
        "invalid key: `keys[1]`: a ring has no shared secrets: no JWK set contains them",
    );
    accepted(|document| document["keys"][1]["use"] = json!("sig"));
    for text in ["", "[]", "{", "{} {}", "null"] {
        assert!(RingDocument::from_json(text, NOW).is_err(), "{text}");
    }
    let long = format!("{}{}", rotated(), " ".repeat(256 << 10));
    let error = RingDocument::from_json(&long, NOW).unwrap_err().to_string();
    assert_eq!(error, "invalid setting: the ring has more than 256 KiB");
}

#[test]
fn a_member_that_stands_twice() {
    let good = rotated().to_string();
    for (once, twice) in [
        ("\"lead\":60", "\"lead\":60,\"lead\":60"),
        ("\"kid\":\"b\"", "\"kid\":\"b\",\"kid\":\"b\""),
        ("\"revoked\":{}", "\"revoked\":{\"x\":1,\"x\":2}"),
    ] {
        let text = good.replace(once, twice);
        assert_ne!(text, good);
        let error = RingDocument::from_json(&text, NOW).unwrap_err().to_string();
        assert!(error.contains("stands twice"), "{error}");
    }
}

/// Adopts at `now` a changed document, by nodes that follow that of [`rotated`].
fn adopted(now: i64, change: impl Fn(&mut Value)) -> Result<(), String> {
    let clock = FixedClock::at(NOW);
    let before = RingDocument::from_json(&rotated().to_string(), NOW).unwrap();
    let keys = SigningKeys::from_document(before, clock.clone()).unwrap();
    clock.set(now);
    let mut document = rotated();
    change(&mut document);
    let old = published(&keys);
    let document =
        RingDocument::from_json(&document.to_string(), now).map_err(|error| error.to_string())?;
    let result = keys.adopt(document).map_err(|error| error.to_string());
    if result.is_err() {
        assert_eq!(published(&keys), old);
    }
    result
}

#[test]
fn a_document_that_drops_a_key_whose_tokens_live() {
    let without_a = |document: &mut Value| drop(document["keys"].as_array_mut().unwrap().remove(0));
    let lives = "invalid setting: key \"a\" is missing, and its tokens live: add its id to `revoked` to have them \
                 refused";
    for now in [SIGNS, SIGNS + LIFETIME] {
        assert_eq!(adopted(now, without_a).unwrap_err(), lives);
        let revoked = |document: &mut Value| {
            without_a(document);
            document["revoked"] = json!({ "a": now });
        };
        adopted(now, revoked).unwrap();
    }
    adopted(SIGNS + LIFETIME + 1, without_a).unwrap();
    // A next key has no tokens.
    adopted(NOW + RELOAD, |document| {
        drop(document["keys"].as_array_mut().unwrap().remove(1));
        document["keys"][0].as_object_mut().unwrap().remove("until");
    })
    .unwrap();
}

#[test]
fn a_document_that_rewrites_what_was() {
    let later = |document: &mut Value| {
        document["keys"][1]["sign_from"] = json!(SIGNS + 1);
        document["keys"][0]["until"] = json!(SIGNS + 1 + LIFETIME);
    };
    adopted(SIGNS - 1, later).unwrap();
    assert_eq!(
        adopted(SIGNS + 1, later).unwrap_err(),
        format!(
            "invalid setting: key \"b\" has signed since {SIGNS}: its `sign_from` cannot become {}",
            SIGNS + 1
        )
    );
    // Another key under an id that verifiers know.
    let other: Value = serde_json::from_str(&document().to_json().unwrap()).unwrap();
    let error = adopted(NOW, |document| {
        for name in ["x", "y", "d"] {
            document["keys"][1][name] = other["keys"][0][name].clone();
        }
    });
    assert_eq!(
        error.unwrap_err(),
        "conflicting settings: another key has the id (`kid`) \"b\""
    );
}

#[test]
fn an_end_that_goes_back() {
    let clock = FixedClock::at(NOW);
    let mut long = rotated();
    long["keys"][0]["until"] = json!(SIGNS + LIFETIME + 100);
    let keys = SigningKeys::from_document(read(&long).unwrap(), clock.clone()).unwrap();
    let error = keys
        .adopt(read(&rotated()).unwrap())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        format!(
            "invalid setting: `until` of key \"a\" goes back to {}, and its tokens live: add its id to `revoked` to \
             have them refused",
            SIGNS + LIFETIME
        )
    );
    let mut revoked = rotated();
    revoked["revoked"] = json!({ "a": SIGNS });
    keys.adopt(read(&revoked).unwrap()).unwrap();
    // What was revoked stays so.
    let error = keys.adopt(read(&long).unwrap()).unwrap_err().to_string();
    assert_eq!(
        error,
        "invalid setting: key \"a\" was `revoked`, and is back"
    );
    keys.adopt(read(&revoked).unwrap()).unwrap();
}

#[test]
fn a_revoked_key_that_has_left_the_ring_does_not_come_back() {
    let now = SIGNS + 10;
    let read = |json: &Value| RingDocument::from_json(&json.to_string(), now);
    let keys = SigningKeys::from_document(read(&rotated()).unwrap(), FixedClock::at(now)).unwrap();
    let mut replaced = rotated();
    replaced["revoked"] = json!({ "a": SIGNS + 5 });
    let mut pruned = replaced.clone();
    pruned["keys"].as_array_mut().unwrap().remove(0);
    keys.adopt(read(&replaced).unwrap()).unwrap();
    keys.adopt(read(&pruned).unwrap()).unwrap();
    // An older document, in which it is retired and its tokens live.
    let error = keys.adopt(read(&rotated()).unwrap());
    assert_eq!(
        error.unwrap_err().to_string(),
        "invalid setting: key \"a\" was `revoked`, and is back"
    );
    keys.adopt(read(&replaced).unwrap()).unwrap();
}
