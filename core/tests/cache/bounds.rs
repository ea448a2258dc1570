//! Tests of the bounds of a cache: the entries it keeps, and for how long.

use countersign::{ConfigError, TokenCache, TokenCacheBuilder};

use crate::lab::Lab;

#[test]
fn a_token_of_more_than_4_kib_is_not_kept() {
    let lab = Lab::new();
    let padded = |length: usize| {
        let token = lab.issuer.token().claim("pad", "x".repeat(length));
        token.sign()
    };
    let all: Vec<String> = (2_700..3_000).map(padded).collect();
    let (kept, too_long): (Vec<&String>, Vec<&String>) =
        all.iter().partition(|token| token.len() <= 4_096);
    let (longest, shortest) = (kept.last().unwrap(), too_long[0]);
    assert!(longest.len() >= 4_094 && shortest.len() <= 4_099);
    assert!(!lab.is_hit(longest));
    assert!(lab.is_hit(longest));
    for _ in 0..5 {
        assert!(!lab.is_hit(shortest));
    }
    assert_eq!(lab.cache.len(), 1);
}

#[test]
fn a_token_counts_with_its_text_twice_its_payload_and_some_450_bytes() {
    // With this many entries, only the limit of bytes counts.
    let cache = TokenCache::builder().entries(TokenCacheBuilder::MAX_ENTRIES);
    let lab = Lab::with(cache.build().unwrap(), |builder| builder);
    for padding in [0, 1, 1_000] {
        let before = lab.cache.bytes();
        let token = lab.issuer.token().claim("pad", "x".repeat(padding)).sign();
        let payload = lab.verifier.verify_now(&token).unwrap().payload().len();
        let beside = lab.cache.bytes() - before - token.len() - 2 * payload;
        assert!((425..475).contains(&beside), "{beside}");
    }
}

#[test]
fn both_bounds_hold_under_a_flood() {
    for (entries, bytes, length) in [
        (1, 64 << 10, 0),
        (3, 1 << 20, 0),
        (50, 1 << 20, 0),
        (1_000, 1 << 20, 0),
        (1_000, 64 << 10, 2_000),
        (10_000, 300_000, 500),
    ] {
        let cache = TokenCache::builder().entries(entries).bytes(bytes);
        let lab = Lab::with(cache.build().unwrap(), |builder| builder);
        let mut most = 0;
        for n in 0..1_500 {
            let token = lab.issuer.token().claim("n", n);
            let token = token.claim("pad", "x".repeat(length)).sign();
            lab.verifier.verify_now(&token).unwrap();
            assert!(lab.cache.len() <= entries, "{} entries", lab.cache.len());
            assert!(lab.cache.bytes() <= bytes, "{} bytes", lab.cache.bytes());
            most = most.max(lab.cache.len());
        }
        // Most of the room is used.
        let counted = lab.cache.bytes() / lab.cache.len();
        let room = entries.min(bytes / counted).min(1_500);
        assert!(most * 4 >= room * 3, "{most} of {room}");
    }
}

#[test]
fn a_token_that_comes_often_stays_through_a_flood_of_others() {
    let cache = TokenCache::builder().entries(50).build().unwrap();
    let lab = Lab::with(cache, |builder| builder);
    let often = lab.issuer.token().sign();
    lab.warm(&often, 5);
    for n in 0..500 {
        let token = lab.issuer.token().claim("n", n).sign();
        lab.verifier.verify_now(&token).unwrap();
        assert!(lab.is_hit(&often), "after {n}");
    }
}

#[test]
fn what_is_cleared_is_verified_anew() {
    let lab = Lab::new();
    for warm in [1, 5, 5] {
        let token = lab.issuer.token().sign();
        lab.warm(&token, warm);
        assert!(!lab.cache.is_empty());
        assert!(lab.cache.bytes() > token.len());
        lab.cache.clear();
        assert_eq!((lab.cache.len(), lab.cache.bytes()), (0, 0));
        assert!(!lab.is_hit(&token));
        assert!(lab.is_hit(&token));
    }
}

#[test]
fn bounds_out_of_range_are_refused() {
    let build = |entries, bytes| TokenCache::builder().entries(entries).bytes(bytes).build();
    for (entries, bytes) in [(0, 1 << 20), (10_000_001, 1 << 20), (10, (64 << 10) - 1)] {
        assert!(matches!(
            build(entries, bytes),
            Err(ConfigError::InvalidSetting(_))
        ));
    }
    for (entries, bytes) in [(1, 64 << 10), (10_000_000, 64 << 10)] {
        build(entries, bytes).unwrap();
    }
}

#[test]
fn debug_shows_no_token() {
    let lab = Lab::new();
    let token = lab.issuer.token().subject("ada-lovelace").sign();
    lab.warm(&token, 5);
    let shown = format!(
        "{:?} {:#?} {:?}",
        lab.cache,
        lab.verifier,
        TokenCache::builder()
    );
    assert!(shown.contains("len: 1"), "{shown}");
    for part in token.split('.') {
        assert!(!shown.contains(part), "{shown}");
    }
    assert!(!shown.contains("ada-lovelace"), "{shown}");
}
