//! The document of a ring of signing keys, and a ring that was sealed.

#![no_main]

use std::{collections::BTreeSet, sync::LazyLock};

use countersign::{
    MemoryStore, SigningKey, SigningKeys,
    issue::{RingDocument, RingKeyState, RingKeyStatus, RingStore, SealedRing, SealingKeys},
    testing::FixedClock,
};
use countersign_fuzz::{
    json::{self, Json},
    tokens::NOW,
};
use futures_executor::block_on;
use libfuzzer_sys::{Corpus, fuzz_target};

/// The key of the seeds that are sealed.
const SEALING: &str = "14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ=";

static SPARE: LazyLock<SigningKey> = LazyLock::new(|| {
    let key = SigningKey::generate_es256().expect("a key");
    key.with_id("a spare that no input names")
});

fuzz_target!(|data: &[u8]| -> Corpus {
    match str::from_utf8(data) {
        Ok(text) if text.trim_ascii_start().starts_with('{') => check_text(text),
        _ => check_sealed(data),
    }
    Corpus::Keep
});

fn check_text(text: &str) {
    let document = match RingDocument::from_json(text, NOW) {
        Ok(document) => document,
        Err(error) => {
            check_error(text, &error.to_string());
            return;
        }
    };
    let json = json::parse(text).expect("one JSON value without duplicates");
    check_written(&document);
    let mut seconds: BTreeSet<i64> = [NOW, NOW + 1, i64::MAX - 1].into();
    for key in document.keys(NOW) {
        for at in [Some(key.publish_from), Some(key.sign_from), key.until] {
            let at = at.unwrap_or(NOW);
            seconds.extend([at - 1, at, at + 1]);
        }
    }
    for second in seconds.range(NOW..) {
        check_second(&document, &json, *second);
    }
    check_changes(&document);
    check_round_trip(&document);
}

/// Checks that an error shows no private number.
fn check_error(text: &str, shown: &str) {
    let json = json::parse(text);
    let keys = json.as_ref().and_then(|json| json.get("keys")?.array());
    for key in keys.unwrap_or_default() {
        for name in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            let secret = key.get(name).and_then(Json::text).unwrap_or_default();
            // No word of an error is as long. One that stands elsewhere, too, may be shown from there.
            let is_one = secret.len() >= 20 && json::base64url(secret.as_bytes()).is_some();
            let is_alone = text.matches(secret).count() == 1 && !text.contains('\\');
            assert!(!is_one || !is_alone || !shown.contains(secret), "{shown}");
        }
    }
}

/// Checks that a document reads as what it is from what it writes.
fn check_written(document: &RingDocument) {
    let written = document.to_json().expect("keys that can be written");
    let read = RingDocument::from_json(&written, NOW).expect("what was written can be read");
    assert_eq!(read.to_json().as_ref(), Ok(&written));
    assert!(read.keys(NOW).eq(document.keys(NOW)));
}

/// Checks the keys at a second against our own reading of the text.
fn check_second(document: &RingDocument, json: &Json, now: i64) {
    let keys: Vec<RingKeyStatus> = document.keys(now).collect();
    let texts = json.get("keys").and_then(Json::array).expect("keys");
    assert_eq!(keys.len(), texts.len());
    let revoked = |id: &str| json.get("revoked").and_then(|all| number(all, id));
    let ends = |index: usize| {
        let (until, revoked) = (number(&texts[index], "until"), revoked(&keys[index].id));
        until
            .unwrap_or(i64::MAX)
            .min(revoked.map_or(i64::MAX, |at| at - 1))
    };
    let signs = |index: usize| number(&texts[index], "sign_from").expect("a time");
    let able = |index: &usize| {
        signs(*index) <= now && revoked(&keys[*index].id).is_none_or(|at| at > signs(*index))
    };
    let active = (0..keys.len()).rev().find(able).expect("a key that signs");
    let mut published = BTreeSet::new();
    for (index, key) in keys.iter().enumerate() {
        let publish = number(&texts[index], "publish_from").expect("a time");
        let expected = match index {
            _ if ends(index) < now => RingKeyState::Gone,
            _ if index == active => RingKeyState::Active,
            _ if publish > now => RingKeyState::Announced,
            _ if signs(index) > now => RingKeyState::Next,
            _ => RingKeyState::Retired,
        };
        assert_eq!(key.state, expected, "{} at {now}", key.id);
        if !matches!(expected, RingKeyState::Gone | RingKeyState::Announced) {
            published.insert(key.id.clone());
        }
    }
    assert_eq!(keys[active].state, RingKeyState::Active);
    assert!(keys[active].is_private);
    // Whoever has signed until now goes on verifying for as long as a token lives, unless it was revoked.
    let lifetime = number(json, "token_lifetime").expect("a time");
    for index in (0..active).filter(|index| revoked(&keys[*index].id).is_none()) {
        let next = (index + 1..keys.len())
            .find(|next| revoked(&keys[*next].id).is_none_or(|at| at > signs(*next)));
        let next = signs(next.expect("the active key, at the latest"));
        assert!(ends(index) >= next.saturating_add(lifetime));
    }
    let ring = SigningKeys::from_document(document.clone(), FixedClock::at(now));
    let set = ring.expect("a key that signs").jwks();
    let set = json::parse(&set).expect("JSON");
    let set = set.get("keys").and_then(Json::array).expect("keys");
    let ids = set.iter().map(|key| {
        assert!(key.get("d").is_none());
        key.get("kid")
            .and_then(Json::text)
            .expect("an id")
            .to_owned()
    });
    assert_eq!(ids.collect::<BTreeSet<_>>(), published);
}

fn number(json: &Json, name: &str) -> Option<i64> {
    match json.get(name) {
        Some(Json::Number(number)) => number.parse().ok(),
        _ => None,
    }
}

/// Checks that each change leaves a good document, or the one that there was.
fn check_changes(document: &RingDocument) {
    let before = document.to_json();
    let active = document
        .keys(NOW)
        .find(|key| key.state == RingKeyState::Active);
    let active = active.expect("a key that signs").id;
    type Change<'a> = &'a dyn Fn(&mut RingDocument) -> bool;
    let changes: [Change<'_>; 3] = [
        &|all| all.rotate(&SPARE, NOW).is_ok(),
        &|all| all.replace(&active, &SPARE, NOW).is_ok(),
        &|all| all.prune(NOW).is_ok(),
    ];
    for change in changes {
        let mut changed = document.clone();
        match change(&mut changed) {
            true => check_written(&changed),
            false => assert_eq!(changed.to_json(), before),
        }
    }
}

fn ring(store: MemoryStore, name: &str) -> SealedRing {
    let keys = SealingKeys::from_base64(SEALING).expect("a key");
    let ring = SealedRing::new(store, name, keys).expect("a name");
    ring.clock(FixedClock::at(NOW))
}

/// Checks that what is sealed opens as it was, under its own name alone.
fn check_round_trip(document: &RingDocument) {
    let store = MemoryStore::new();
    block_on(async {
        let sealed = ring(store.clone(), "a");
        sealed
            .create(|_| Ok(document.clone()))
            .await
            .expect("it fits");
        let opened = sealed.load().await.expect("it opens");
        assert_eq!(opened.to_json(), document.to_json());
        let bytes = store
            .read_ring("a")
            .await
            .expect("a store")
            .expect("a ring");
        let moved = store.replace_ring("b", None, &bytes).await;
        assert!(moved.expect("a store"));
        assert!(ring(store, "b").load().await.is_err());
    });
}

/// Opens bytes. What was not sealed by the key does not open; a seed does.
fn check_sealed(data: &[u8]) {
    let store = MemoryStore::new();
    block_on(async {
        let put = store.replace_ring("https://id.example", None, data).await;
        assert!(put.expect("a store"));
        if let Ok(document) = ring(store, "https://id.example").load().await {
            check_written(&document);
        }
    });
}
