//! A JWK set, our own or from the network.

#![no_main]

use std::collections::HashSet;

use countersign::{Key, KeySet};
use countersign_fuzz::{
    json::{self, Json},
    keys::check_public,
};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = str::from_utf8(data) else {
        return Corpus::Reject;
    };
    let local = KeySet::from_json(text);
    let remote = KeySet::from_remote_json(text);
    for set in [&local, &remote].into_iter().flatten() {
        check(text, set);
    }
    if let Ok(remote) = &remote {
        let mut keys = remote.keys().iter();
        assert!(
            keys.all(|key| !key.algorithm().is_symmetric()),
            "a published secret"
        );
    }
    if let Ok(bundle) = KeySet::from_spiffe_bundle(text) {
        check_bundle(text, &bundle);
    }
    // They differ only in secrets, and a mixture is refused.
    if let (Ok(local), Ok(remote)) = (&local, &remote) {
        assert_eq!(named(local), named(remote));
    }
    Corpus::Keep
});

/// Checks that each key of a bundle is for JWT-SVIDs, and none of an ordinary set.
fn check_bundle(text: &str, bundle: &KeySet) {
    let elements = elements(text);
    for key in bundle.keys() {
        check_public(key);
        assert!(!key.algorithm().is_symmetric() && family(key) != "EdDSA");
        let is_it = |json: &Json| {
            let is = |name, value| json.get(name).and_then(Json::text) == value;
            is("use", Some("jwt-svid")) && key.id().is_some() && is("kid", key.id())
        };
        assert!(elements.iter().flatten().any(is_it), "a key from nowhere");
        let is_for_svids = |json: &Json| json.get("use").and_then(Json::text) == Some("jwt-svid");
        if elements.iter().flatten().all(is_for_svids) {
            assert!(
                KeySet::from_remote_json(text).is_err(),
                "read as another document"
            );
        }
    }
}

fn check(text: &str, set: &KeySet) {
    assert!(text.len() <= 256 * 1024);
    let elements = elements(text);
    assert!((1..=100).contains(&elements.len()));
    for skipped in set.skipped() {
        let element = elements.get(skipped.index()).expect("an element");
        let id = element.as_ref().and_then(|json| json.get("kid")?.text());
        let shortened = id.map(|id| id.chars().take(128).collect::<String>());
        assert_eq!(skipped.id(), shortened.as_deref());
    }

    notes(set, &elements);

    // No two keys have one name, and each key comes from an element.
    let mut seen = HashSet::new();
    for key in set.keys() {
        check_public(key);
        let name = (
            key.id(),
            family(key),
            key.id().is_none().then(|| key.to_jwk()),
        );
        // Secrets without a name cannot be told apart.
        let is_known = key.id().is_some() || !key.algorithm().is_symmetric();
        assert!(seen.insert(name) || !is_known, "two keys of one name");
        let is_it = |json: &Json| {
            let one = KeySet::from_json(&format!(r#"{{"keys":[{}]}}"#, json.write()));
            one.is_ok_and(|one| named(&one).contains(&name_of(key)))
        };
        assert!(elements.iter().flatten().any(is_it), "a key from nowhere");
    }
    assert!(set.keys().len() + set.skipped().len() >= 1);
}

/// Checks that a public key has a note exactly when it would be refused by itself.
fn notes(set: &KeySet, elements: &[Option<Json>]) {
    for (index, element) in elements.iter().enumerate() {
        let noted = set.notes().iter().any(|note| note.index() == index);
        let skipped = set.skipped().iter().any(|key| key.index() == index);
        assert!(!(noted && skipped), "a note about a key that is left out");
        let Some(json) = element.as_ref().filter(|_| !skipped) else {
            continue;
        };
        let kty = json.get("kty").and_then(Json::text);
        let algorithm = set.keys().iter().map(Key::algorithm).find(|algorithm| {
            let name = match algorithm.name() {
                "ES256" | "ES384" | "ES512" => "EC",
                "EdDSA" | "Ed25519" => "OKP",
                "HS256" | "HS384" | "HS512" => "oct",
                _ => "RSA",
            };
            Some(name) == kty
        });
        if kty == Some("oct") {
            assert!(!noted, "a note about a secret");
        } else if let Some(algorithm) = algorithm {
            let text = json.write();
            let alone = Key::from_jwk(&text).or_else(|_| Key::from_jwk_with(&text, algorithm));
            assert_eq!(alone.is_err(), noted, "a note, or none, without reason");
        }
    }
}

/// Returns the elements of `keys`; `None` for one with a duplicate name or too many levels.
fn elements(text: &str) -> Vec<Option<Json>> {
    #[derive(serde::Deserialize)]
    struct Set<'t> {
        #[serde(borrow)]
        keys: Vec<&'t serde_json::value::RawValue>,
    }
    let set: Set<'_> = serde_json::from_str(text).expect("an object with an array");
    set.keys.iter().map(|key| json::parse(key.get())).collect()
}

fn named(set: &KeySet) -> HashSet<(Option<String>, String, Option<String>)> {
    set.keys().iter().map(name_of).collect()
}

fn name_of(key: &Key) -> (Option<String>, String, Option<String>) {
    let text = |text: &str| text.to_owned();
    (
        key.id().map(text),
        family(key).to_owned(),
        key.thumbprint().map(text),
    )
}

/// Returns one name for both names of the same algorithm.
fn family(key: &Key) -> &'static str {
    match key.algorithm().name() {
        "Ed25519" => "EdDSA",
        name => name,
    }
}
