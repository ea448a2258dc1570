//! Tests of the turns that keys take by a document and the clock alone.

use std::time::Duration;

use countersign::{
    AuthErrorKind, ConfigError, SigningKey, SigningKeys,
    issue::{RingDocument, RingKeyState, RingTimes},
    testing::FixedClock,
};

use super::{KEYS, LEAD, LIFETIME, NOW, RELOAD, document, issuer, issuer_of, published, signing};

#[test]
fn a_rotation_goes_by_the_clock_alone() {
    let clock = FixedClock::at(NOW);
    let mut document = document();
    assert_eq!(document.rotate(&KEYS[1], NOW), Ok(NOW + RELOAD + LEAD));
    let keys = SigningKeys::from_document(document, clock.clone()).unwrap();
    let issuer = issuer(&keys, &clock);
    let signs = NOW + RELOAD + LEAD;
    for (at, set, signer) in [
        (NOW, vec!["a"], "a"),
        (NOW + RELOAD - 1, vec!["a"], "a"),
        (NOW + RELOAD, vec!["a", "b"], "a"),
        (signs - 1, vec!["a", "b"], "a"),
        (signs, vec!["a", "b"], "b"),
        (signs + LIFETIME, vec!["a", "b"], "b"),
        (signs + LIFETIME + 1, vec!["b"], "b"),
        // A clock that is set back: so it was then.
        (signs - 1, vec!["a", "b"], "a"),
        (NOW, vec!["a"], "a"),
    ] {
        clock.set(at);
        assert_eq!(published(&keys), set, "{at}");
        assert_eq!(issuer.jwks(), keys.jwks(), "{at}");
        assert_eq!(signing(&issuer), signer, "{at}");
    }
}

#[test]
fn a_token_of_the_old_key_is_good_until_it_expires() {
    let clock = FixedClock::at(NOW);
    let mut document = document();
    let signs = document.rotate(&KEYS[1], NOW).unwrap();
    let keys = SigningKeys::from_document(document, clock.clone()).unwrap();
    let issuer = issuer(&keys, &clock);
    clock.set(signs - 1);
    let last = issuer.issue(&serde_json::json!({})).unwrap();
    let verified = |at| {
        clock.set(at);
        issuer.verifier().verify_now(last.as_str()).map(drop)
    };
    // The leeway is 30 s.
    let end = last.expires_at() + 30;
    assert!(verified(end - 1).is_ok());
    let refused = verified(end).unwrap_err().kind();
    assert_eq!(refused, AuthErrorKind::Expired);
    assert!(end <= signs + LIFETIME);
}

#[test]
fn a_node_that_starts_amid_a_rotation_takes_the_tokens_of_the_others() {
    let clock = FixedClock::at(NOW);
    let mut document = document();
    let signs = document.rotate(&KEYS[1], NOW).unwrap();
    let text = document.to_json().unwrap();
    let old = SigningKeys::from_document(document, clock.clone()).unwrap();
    let old = issuer(&old, &clock);
    for (before, after) in [
        (NOW, NOW + RELOAD),
        (NOW, signs + 5),
        (signs, signs + LIFETIME - 40),
    ] {
        clock.set(before);
        let token = old.issue(&serde_json::json!({})).unwrap();
        clock.set(after);
        let read = RingDocument::from_json(&text, after).unwrap();
        let new = SigningKeys::from_document(read, clock.clone()).unwrap();
        assert_eq!(published(&new), published(old.keys()));
        let verifier = issuer(&new, &clock).verifier();
        assert!(
            verifier.verify_now(token.as_str()).is_ok(),
            "{before} {after}"
        );
    }
}

/// The clocks of nodes differ by a second or so.
#[test]
fn a_node_whose_clock_is_behind_takes_tokens_of_a_key_that_it_does_not_publish_yet() {
    let [early, late] = [NOW + RELOAD, NOW + RELOAD - 2].map(FixedClock::at);
    let mut document = document();
    document.replace("a", &KEYS[1], NOW).unwrap();
    let ahead = SigningKeys::from_document(document.clone(), early.clone()).unwrap();
    let behind = SigningKeys::from_document(document, late.clone()).unwrap();
    let token = issuer(&ahead, &early)
        .issue(&serde_json::json!({}))
        .unwrap();
    assert_eq!(published(&behind), ["a"]);
    let verified = issuer(&behind, &late).verifier().verify_now(token.as_str());
    assert_eq!(verified.unwrap().header().key_id(), Some("b"));
}

#[test]
fn a_replaced_key_ends_at_one_second_and_another_one_signs_from_it() {
    let clock = FixedClock::at(NOW);
    let mut document = document();
    assert_eq!(document.replace("a", &KEYS[1], NOW), Ok(NOW + RELOAD));
    let keys = SigningKeys::from_document(document, clock.clone()).unwrap();
    let issuer = issuer(&keys, &clock);
    let leaked = issuer.issue(&serde_json::json!({})).unwrap();
    clock.set(NOW + RELOAD - 1);
    assert!(issuer.verifier().verify_now(leaked.as_str()).is_ok());
    assert_eq!(
        (published(&keys), signing(&issuer)),
        (vec!["a".to_owned()], "a".to_owned())
    );
    clock.set(NOW + RELOAD);
    let refused = issuer.verifier().verify_now(leaked.as_str()).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::UnknownKey);
    assert_eq!(
        (published(&keys), signing(&issuer)),
        (vec!["b".to_owned()], "b".to_owned())
    );
}

/// Verifiers elsewhere know it already.
#[test]
fn a_next_key_that_is_published_replaces_one_that_leaked() {
    let mut document = document();
    document.rotate(&KEYS[1], NOW).unwrap();
    let at = document.replace("a", &KEYS[2], NOW + 20).unwrap();
    let ids: Vec<_> = document.keys(at).map(|key| (key.id, key.state)).collect();
    assert_eq!(
        ids,
        [
            ("a".to_owned(), RingKeyState::Gone),
            ("b".to_owned(), RingKeyState::Active)
        ]
    );
}

#[test]
fn a_next_key_that_leaked_is_withdrawn_and_the_active_one_goes_on() {
    let mut document = document();
    let signs = document.rotate(&KEYS[1], NOW).unwrap();
    let at = document.replace("b", &KEYS[2], NOW + 1).unwrap();
    let states = |document: &RingDocument, now| -> Vec<_> {
        document.keys(now).map(|key| (key.id, key.state)).collect()
    };
    assert_eq!(
        states(&document, signs + LIFETIME + 1),
        [
            ("a".to_owned(), RingKeyState::Active),
            ("b".to_owned(), RingKeyState::Gone)
        ]
    );
    // The way is free for another one.
    assert!(document.rotate(&KEYS[2], at).is_ok());
}

#[test]
fn a_retired_key_that_leaked_ends_and_nothing_else_changes() {
    let mut document = document();
    let signs = document.rotate(&KEYS[1], NOW).unwrap();
    let at = document.replace("a", &KEYS[2], signs + 1).unwrap();
    let ids: Vec<_> = document.keys(at).map(|key| (key.id, key.state)).collect();
    assert_eq!(
        ids,
        [
            ("a".to_owned(), RingKeyState::Gone),
            ("b".to_owned(), RingKeyState::Active)
        ]
    );
}

#[test]
fn a_change_that_makes_no_sense_changes_nothing() {
    let mut document = document();
    document.rotate(&KEYS[1], NOW).unwrap();
    document.replace("a", &KEYS[2], NOW).unwrap();
    let before = document.to_json().unwrap();
    let secret = SigningKey::generate_hs256().unwrap();
    let key = &KEYS[3];
    assert!(matches!(
        document.replace("a", key, NOW),
        Err(ConfigError::Conflict(_))
    ));
    assert!(matches!(
        document.replace("x", key, NOW),
        Err(ConfigError::Missing(_))
    ));
    assert!(matches!(
        document.rotate(key, NOW),
        Err(ConfigError::Conflict(_))
    ));
    let then = NOW + RELOAD;
    assert!(matches!(
        document.rotate(&KEYS[0], then),
        Err(ConfigError::Conflict(_))
    ));
    assert!(matches!(
        document.rotate(&secret, then),
        Err(ConfigError::InvalidKey(_))
    ));
    assert!(matches!(
        RingDocument::new(&secret, RingTimes::new(), NOW),
        Err(ConfigError::InvalidKey(_))
    ));
    assert_eq!(document.to_json().unwrap(), before);
    assert!(document.rotate(key, then).is_ok());
}

#[test]
fn pruning_drops_what_is_over_and_the_private_parts_of_what_only_verifies() {
    let mut document = document();
    let signs = document.rotate(&KEYS[1], NOW).unwrap();
    assert_eq!(document.prune(signs + 200), Ok(0));
    let private = |document: &RingDocument| -> Vec<_> {
        document.keys(signs).map(|key| key.is_private).collect()
    };
    // A clock may be five minutes late.
    assert_eq!(private(&document), [true, true]);
    document.prune(signs + LIFETIME).unwrap();
    assert_eq!(private(&document), [false, true]);
    let text = document.to_json().unwrap();
    assert_eq!(text.matches("\"d\"").count(), 1, "{text}");
    assert_eq!(document.prune(signs + LIFETIME + 1), Ok(1));
    assert_eq!(document.keys(signs).count(), 1);
}

/// Found by a random schedule.
#[test]
fn a_revoked_key_stays_as_long_as_the_one_before_it() {
    let mut document = document();
    let signs = document.rotate(&KEYS[1], NOW).unwrap();
    let at = document.replace("b", &KEYS[2], signs + 100).unwrap();
    assert_eq!(document.prune(at), Ok(0));
    assert_eq!(document.prune(signs + LIFETIME + 1), Ok(2));
    assert_eq!(document.keys(at).last().unwrap().id, "c");
}

#[test]
fn the_name_of_a_revoked_key_outlives_it() {
    let mut document = document();
    let at = document.replace("a", &KEYS[1], NOW).unwrap();
    assert_eq!(document.prune(at), Ok(1));
    assert!(
        document
            .to_json()
            .unwrap()
            .contains(&format!("\"a\": {at}"))
    );
    document.prune(at + LIFETIME + 1).unwrap();
    assert!(document.to_json().unwrap().contains("\"revoked\": {}"));
}

#[test]
fn a_document_is_read_as_it_was_written() {
    let mut document = document();
    document.rotate(&KEYS[1], NOW).unwrap();
    document.replace("a", &KEYS[2], NOW).unwrap();
    let text = document.to_json().unwrap();
    let read = RingDocument::from_json(&text, NOW).unwrap();
    assert_eq!(read.to_json().unwrap(), text);
    let keys = |document: &RingDocument| document.keys(NOW).collect::<Vec<_>>();
    assert_eq!(keys(&read), keys(&document));
}

#[test]
fn what_is_changed_by_hand_elsewhere_is_refused_for_a_ring_with_a_document() {
    let clock = FixedClock::at(NOW);
    let keys = SigningKeys::from_document(document(), clock.clone()).unwrap();
    let issuer = issuer(&keys, &clock);
    for refused in [
        keys.publish(&KEYS[1]),
        keys.rotate(NOW),
        keys.remove("a"),
        keys.replace_active(&KEYS[1]),
        issuer.rotate(),
    ] {
        let text = "this ring follows a document: change that".to_owned();
        assert_eq!(refused, Err(ConfigError::Conflict(text)));
    }
    keys.prune(NOW + 1_000_000);
    assert_eq!(published(&keys), ["a"]);

    let by_hand = SigningKeys::new(KEYS[0].clone());
    assert!(matches!(
        by_hand.adopt(document()),
        Err(ConfigError::Conflict(_))
    ));
    assert!(by_hand.publish(&KEYS[1]).is_ok());
}

#[test]
fn tokens_that_live_longer_than_the_ring_grants_are_refused_at_the_start() {
    let clock = FixedClock::at(NOW);
    let keys = SigningKeys::from_document(document(), clock.clone()).unwrap();
    let refused = issuer_of(&keys, &clock, 271).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "invalid setting: `token_lifetime` of the ring is 300 s, and an issuer's tokens live for 301 s, leeway \
         included: their keys would leave too early"
    );
    assert!(issuer_of(&keys, &clock, 270).is_ok());
    // From then on, no document may grant less.
    let shorter = RingTimes::new().token_lifetime(Duration::from_secs(299));
    let shorter = RingDocument::new(&KEYS[0], shorter, NOW).unwrap();
    assert!(
        keys.adopt(shorter)
            .unwrap_err()
            .to_string()
            .contains("`token_lifetime`")
    );
}

#[test]
fn a_variable_that_is_not_there_is_named() {
    let refused = RingDocument::from_env("COUNTERSIGN_NO_SUCH_VARIABLE", NOW).unwrap_err();
    let text = "missing setting: COUNTERSIGN_NO_SUCH_VARIABLE is not set";
    assert_eq!(refused.to_string(), text);
}

const VARIABLE: &str = "COUNTERSIGN_TEST_RING";

/// Runs in a process of its own, which has the variable.
#[test]
#[ignore = "run by the test below"]
fn reads_the_variable() {
    let read = RingDocument::from_env(VARIABLE, NOW).map_err(|error| error.to_string());
    println!(
        "result: {:?}",
        read.map(|document| document.keys(NOW).count())
    );
}

#[test]
fn a_whole_ring_can_be_in_a_variable_and_is_never_shown() {
    let good = document().to_json().unwrap();
    let secret = good
        .split("\"d\": \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let broken = good.replace("\"x\"", "\"z\"");
    for (text, expected) in [
        (&good, "result: Ok(1)"),
        (
            &broken,
            "result: Err(\"invalid setting: COUNTERSIGN_TEST_RING: `keys[0]`: the member",
        ),
    ] {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "documents::reads_the_variable",
                "--ignored",
                "--nocapture",
            ])
            .env(VARIABLE, text)
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(expected), "{printed}");
        assert!(!printed.contains(secret));
    }
}
