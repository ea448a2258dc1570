//! Tests of the largest documents that are read, each built to cost the most: all must be quick.
//!
//! If each part were compared with all parts before it, such a document would take seconds.

use std::time::{Duration, Instant};

use countersign::{Algorithm, Key, KeySet};
use serde_json::{Map, Value, json};

use super::{file, json, public_jwk, with};

/// The largest set, in bytes.
const LARGEST: usize = 256 << 10;

/// Passes as soon as one of several tries is quick, because a busy machine is sometimes slow.
///
/// A debug build on a busy machine takes up to half a second for any of these documents, and twenty
/// seconds if the cost grows with the square of the size.
#[allow(clippy::disallowed_methods)] // time is what this is about
#[track_caller]
fn is_quick(what: &str, read: impl Fn()) {
    const BOUND: Duration = Duration::from_secs(3);

    let mut shortest = Duration::MAX;
    for _ in 0..4 {
        let began = Instant::now();
        read();
        shortest = shortest.min(began.elapsed());
        if shortest < BOUND {
            return;
        }
    }
    panic!("{what}: {shortest:?}");
}

/// Returns as many parts as fit into the largest set.
fn many(room: usize, part: impl Fn(usize) -> String) -> String {
    let mut all = String::with_capacity(LARGEST);
    for n in 0.. {
        let part = part(n);
        if all.len() + part.len() + 1 > LARGEST - room {
            break;
        }
        if n > 0 {
            all.push(',');
        }
        all.push_str(&part);
    }
    all
}

/// Returns a set with one key, one member of which has this value.
fn set_of_one(name: &str, value: &str) -> String {
    let mut jwk = with(&public_jwk("p256"), "alg", "ES256");
    jwk.remove(name);
    let jwk = json(&jwk);
    let members = &jwk[1..];
    format!(r#"{{"keys":[{{"{name}":{value},{members}]}}"#)
}

fn set_of(keys: &[Map<String, Value>]) -> String {
    let keys: Vec<_> = keys.iter().map(json).collect();
    let set = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    assert!(set.len() <= LARGEST, "{}", set.len());
    set
}

#[test]
fn a_key_of_the_largest_size_is_read_at_once() {
    let texts = many(600, |n| format!("\"{n:x}\""));
    let nested = "[".repeat(LARGEST / 2 - 400) + &"]".repeat(LARGEST / 2 - 400);
    let long = "A".repeat(LARGEST - 600);
    let members = many(600, |n| format!("\"{n:x}\":0"));
    let escaped = many(600, |n| format!("\"\\u0061{n:x}\":0"));
    for (name, value, is_used) in [
        ("key_ops", format!("[{texts}]"), false),
        ("key_ops", r#"["verify","sign"]"#.into(), true),
        ("x5c", format!("[{texts}]"), true),
        ("x5c", nested, false),
        ("kid", format!("\"{long}\""), false),
        ("x", format!("\"{long}\""), false),
        ("x5u", format!("\"{long}\""), true),
        ("more", format!("{{{members}}}"), true),
        ("more", format!("{{{escaped}}}"), true),
    ] {
        let set = set_of_one(name, &value);
        assert!(set.len() <= LARGEST);
        let size = set.len();
        let start = &value[..value.len().min(20)];
        is_quick(&format!("{name} {start}, {size} bytes"), || {
            assert_eq!(
                KeySet::from_remote_json(&set).is_ok(),
                is_used,
                "{name} {start}"
            );
        });
    }
}

#[test]
fn a_set_of_the_largest_size_is_read_at_once() {
    let key = json(&with(&public_jwk("p256"), "alg", "ES256"));
    let members = many(600, |n| format!("\"{n:x}\":0"));
    let elements = many(20, |_| "0".into());
    for (set, is_used) in [
        (format!(r#"{{{members},"keys":[{key}]}}"#), true),
        (format!(r#"{{"keys":[{elements}]}}"#), false),
        (
            format!(r#"{{"keys":[{}]}}"#, many(20, |_| "{}".into())),
            false,
        ),
    ] {
        let start = &set[..40];
        assert!(set.len() <= LARGEST);
        is_quick(start, || {
            assert_eq!(KeySet::from_remote_json(&set).is_ok(), is_used, "{start}");
        });
    }
}

#[test]
fn a_hundred_keys_are_read_at_once_whatever_their_names() {
    const ALGORITHMS: [Algorithm; 3] = [Algorithm::ES256, Algorithm::PS256, Algorithm::RS256];
    let operations: Vec<_> = (0..31)
        .map(|n| format!("{}{n:02}", "o".repeat(50)))
        .collect();
    let operations: Vec<_> = operations.into_iter().chain(["verify".into()]).collect();
    // The names have one length and one end: both are used for lookups.
    let named = |n: usize| format!("{n:03}{}", "k".repeat(253));
    let rsa = public_jwk("rsa2048");
    let p256 = with(&public_jwk("p256"), "key_ops", json!(operations));
    let keys = |jwk: &Map<String, Value>, name: &dyn Fn(usize) -> String| -> Vec<_> {
        (0..100).map(|n| with(jwk, "kid", name(n))).collect()
    };
    for (what, set, expected) in [
        ("names alike", set_of(&keys(&rsa, &named)), 200),
        ("one name", set_of(&keys(&rsa, &|_| named(0))), 2),
        ("many operations", set_of(&keys(&p256, &named)), 100),
    ] {
        is_quick(what, || {
            let set = KeySet::from_json_for(&set, &ALGORITHMS);
            assert_eq!(set.unwrap().keys().len(), expected, "{what}");
        });
    }
}

#[test]
fn a_long_chain_of_certificates_is_read_at_once() {
    let certificate = file("p256.certificate.pem");
    let chain = certificate.repeat(LARGEST / certificate.len());
    is_quick("certificates", || drop(Key::es256_pem(&chain).unwrap()));
}
