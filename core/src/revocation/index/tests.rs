//! The index against a list, against threads, and against clocks.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::{AtomicBool, AtomicI64, AtomicUsize},
    thread,
};

use proptest::prelude::*;

use super::{names::Kind, *};
use crate::{
    claims::{Realm, SessionId},
    revocation::Revoked,
};

const NOW: i64 = 1_800_000_000;
const REALM: &str = "https://id.test";

fn token(name: &str, until: i64) -> RevocationEntry {
    entry_of(0, name, until, 0)
}

fn named(id: &str) -> TokenNames<'_> {
    TokenNames {
        id: Some(id),
        session: None,
        realm: Some(REALM),
        subject: None,
        issued_at: None,
    }
}

#[test]
fn an_entry_counts_to_its_last_second_and_is_dropped_a_minute_later() {
    let index = RevocationIndex::new(1);
    index.insert(&token("a", NOW), NOW).unwrap();
    assert_eq!(index.lookup(&named("a"), NOW), Err(Refusal::Revoked));
    assert_eq!(index.lookup(&named("a"), NOW + 1), Ok(()));

    let other = token("b", NOW + 900);
    index.insert(&other, NOW + KEPT).unwrap_err();
    index.insert(&other, NOW + KEPT + 1).unwrap();
    assert_eq!(index.len(), 1);
    assert_eq!(index.lookup(&named("a"), NOW + KEPT), Ok(()));
}

#[test]
fn a_live_entry_is_never_dropped_for_another() {
    let index = RevocationIndex::new(100);
    let name = |n: i64| format!("token-{n}");
    for n in 0..100 {
        index.insert(&token(&name(n), NOW + n), NOW).unwrap();
    }
    index.insert(&token("more", NOW + 999), NOW).unwrap_err();
    // What is known needs no room.
    index.insert(&token(&name(7), NOW + 900), NOW).unwrap();
    for n in 0..100 {
        assert_eq!(index.lookup(&named(&name(n)), NOW), Err(Refusal::Revoked));
    }
}

#[test]
fn a_table_that_was_large_becomes_small_again() {
    let index = RevocationIndex::new(100_000);
    let places = || index.table.load().map.places();
    assert_eq!(places(), 0);
    for n in 0..10_000 {
        index.insert(&token(&n.to_string(), NOW), NOW).unwrap();
    }
    assert_eq!(places(), 16_384);
    assert_eq!(index.room(NOW + KEPT), 90_000);
    assert_eq!(index.room(NOW + KEPT + 1), 100_000);
    assert_eq!((places(), index.len()), (64, 0));
}

#[test]
fn a_table_is_filled_anew_only_when_an_entry_has_ended() {
    let index = RevocationIndex::new(1);
    index.insert(&token("a", NOW), NOW).unwrap();
    // Held, so that none takes its place in memory.
    let before = index.table.load_full();
    let is_same = || Arc::ptr_eq(&before, &index.table.load());
    index.insert(&token("b", NOW), NOW + KEPT).unwrap_err();
    assert_eq!(index.room(NOW + KEPT), 0);
    index.count_gaps_anew();
    index.forget_gaps(NOW);
    assert!(is_same());
    assert_eq!(index.room(NOW + KEPT + 1), 1);
    assert!(!is_same());
}

#[test]
fn every_name_has_a_key_and_an_even_mark_of_its_own() {
    const TEXTS: usize = 1_000;
    let index = RevocationIndex::new(1);
    let kinds = [
        (Kind::Everyone, REALM),
        (Kind::Session, ""),
        (Kind::Sessionless, REALM),
        (Kind::Subject, REALM),
        (Kind::Subject, "https://other.test"),
        (Kind::Token, ""),
    ];
    for (kind, realm) in kinds {
        let marks = (0..TEXTS).map(|n| hashed(&index, kind, realm, n).mark);
        let ones: u32 = marks.map(u64::count_ones).sum();
        let even = 31 * TEXTS as u32..33 * TEXTS as u32;
        assert!(even.contains(&ones), "{realm}: {ones} ones");
    }
    let of_all = kinds.iter().flat_map(|(kind, realm)| {
        let index = &index;
        (0..TEXTS).map(move |n| hashed(index, *kind, realm, n))
    });
    let (keys, marks): (HashSet<_>, HashSet<_>) = of_all.map(|name| (name.key, name.mark)).unzip();
    assert_eq!(
        (keys.len(), marks.len()),
        (kinds.len() * TEXTS, kinds.len() * TEXTS)
    );
}

fn hashed(index: &RevocationIndex, kind: Kind, realm: &str, n: usize) -> HashedName {
    let text = &name_of(n);
    index.hasher.hash(&Name { kind, realm, text })
}

#[test]
fn names_of_different_claims_are_kept_apart() {
    let name = "AAECAwQFBgcICQoLDA0ODw";
    let index = RevocationIndex::new(10);
    let other = "EAECAwQFBgcICQoLDA0ODw";
    for (kind, name) in [(0, name), (1, other), (2, other)] {
        index.insert(&entry_of(kind, name, NOW, NOW), NOW).unwrap();
    }
    let other = |session, subject| TokenNames {
        id: Some("other"),
        session,
        realm: Some(REALM),
        subject,
        issued_at: Some(0),
    };
    for other in [other(Some(name), None), other(None, Some(name))] {
        assert_eq!(index.lookup(&other, NOW), Ok(()));
    }
    assert_eq!(index.lookup(&named(name), NOW), Err(Refusal::Revoked));
}

#[test]
fn a_subject_is_one_of_its_realm() {
    let index = RevocationIndex::new(10);
    for kind in [2, 3] {
        index.insert(&entry_of(kind, "ann", NOW, NOW), NOW).unwrap();
        let of = |realm, subject| TokenNames {
            realm,
            subject,
            issued_at: Some(NOW),
            ..named("other")
        };
        let ann = Some("ann");
        assert_eq!(
            index.lookup(&of(Some(REALM), ann), NOW),
            Err(Refusal::Revoked)
        );
        for (realm, subject) in [
            (Some("https://id.tes"), ann),
            (Some(""), ann),
            (None, ann),
            (Some("ann"), Some(REALM)),
            (Some("https://id.test\u{ff}"), ann),
        ] {
            assert_eq!(index.lookup(&of(realm, subject), NOW), Ok(()));
        }
    }
}

#[test]
fn a_clock_that_goes_back_to_the_time_of_a_dropped_entry_is_noticed() {
    let index = RevocationIndex::new(10);
    index.insert(&token("a", NOW), NOW).unwrap();
    assert_eq!(index.room(NOW + KEPT + 1), 10);
    assert_eq!(index.lookup(&named("a"), NOW), Err(Refusal::Incomplete));
    assert_eq!(index.lookup(&named("a"), NOW + 1), Ok(()));

    // So is an entry that came when it was over.
    index.insert(&token("b", NOW + 100), NOW + 500).unwrap();
    assert!(index.is_incomplete(NOW + 100));
    assert!(!index.is_incomplete(NOW + 101));
}

#[test]
fn what_is_missing_is_forgotten_when_all_was_told_again() {
    let index = RevocationIndex::new(1);
    let (a, b) = (token("a", NOW), token("b", NOW + 900));
    index.insert(&a, NOW).unwrap();
    index.insert(&b, NOW).unwrap_err();
    index.miss(b.until);
    assert_eq!(index.lookup(&named("b"), NOW + 1), Err(Refusal::Incomplete));

    let later = NOW + KEPT + 1;
    index.count_gaps_anew();
    index.insert(&b, later).unwrap();
    assert_eq!(index.lookup(&named("c"), later), Err(Refusal::Incomplete));
    index.forget_gaps(later);
    assert_eq!(index.lookup(&named("b"), later), Err(Refusal::Revoked));
    assert_eq!(index.lookup(&named("c"), later), Ok(()));
    // The one that was dropped for it is still missed.
    assert_eq!(index.lookup(&named("c"), NOW), Err(Refusal::Incomplete));
}

#[test]
fn what_was_revoked_is_seen_by_every_thread_while_the_table_is_rebuilt() {
    const ENTRIES: usize = 20_000;
    let index = RevocationIndex::new(3 * ENTRIES);
    let (done, epoch, stop) = (
        AtomicUsize::new(0),
        AtomicI64::new(0),
        AtomicBool::new(false),
    );
    let read = |seed: u64| {
        let mut random = seed;
        let mut looks = 0_u64;
        while !stop.load(Ordering::Acquire) || looks == 0 {
            looks += 1;
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let of_epoch = TokenNames {
                subject: Some("user"),
                issued_at: Some(epoch.load(Ordering::Acquire) - 1),
                ..named("not listed")
            };
            assert_eq!(index.lookup(&of_epoch, NOW), Err(Refusal::Revoked));
            let count = done.load(Ordering::Acquire);
            let one = random as usize % count.max(1);
            let found = index.lookup(&named(&format!("token-{one}")), NOW);
            assert!(
                count == 0 || found == Err(Refusal::Revoked),
                "{one} of {count}"
            );
            assert_eq!(index.lookup(&named("not listed"), NOW), Ok(()));
        }
    };
    let write = || {
        for n in 0..ENTRIES {
            // Some that are over soon, and a sweep now and then that drops them.
            let short = token(&format!("short-{n}"), NOW - KEPT);
            index.insert(&short, NOW).unwrap();
            let one = token(&format!("token-{n}"), NOW + 900);
            index.insert(&one, NOW).unwrap();
            done.store(n + 1, Ordering::Release);
            if n % 512 == 0 {
                index.room(NOW + 1);
                revoke_subject(&index, n as i64 + 1);
                epoch.store(n as i64 + 1, Ordering::Release);
            }
        }
        stop.store(true, Ordering::Release);
    };
    revoke_subject(&index, 0);
    thread::scope(|scope| {
        for seed in 1..=3 {
            scope.spawn(move || read(seed));
        }
        scope.spawn(write);
    });
    assert!(index.len() < 2 * ENTRIES);
}

fn revoke_subject(index: &RevocationIndex, issued_before: i64) {
    let entry = entry_of(2, "user", NOW + 900, issued_before);
    index.insert(&entry, NOW).unwrap();
}

/// An operation on an index.
#[derive(Clone, Debug)]
enum Step {
    /// Of this kind and name, lasting so many seconds; for subjects, issued so long ago.
    Insert(usize, usize, i64, i64),
    /// Moves the clock.
    Move(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4_usize, 0..60_usize, -100..400_i64, -50..50_i64)
            .prop_map(|(kind, name, lasts, ago)| Step::Insert(kind, name, lasts, ago)),
        1 => (-90..200_i64).prop_map(Step::Move),
    ]
}

fn name_of(name: usize) -> String {
    format!("AAECAwQFBgcICQoLD{name:04}A")
}

fn entry_of(kind: usize, name: &str, until: i64, issued_before: i64) -> RevocationEntry {
    let revoked = match kind {
        0 => Revoked::Token(name.to_owned()),
        1 => Revoked::Session(SessionId::parse(name).unwrap()),
        2 => Revoked::Subject {
            realm: Realm::new(REALM).unwrap(),
            subject: name.to_owned(),
            issued_before,
        },
        _ => Revoked::Sessionless {
            realm: Realm::new(REALM).unwrap(),
            subject: name.to_owned(),
            issued_before,
        },
    };
    RevocationEntry { revoked, until }
}

/// One that was accepted: kind, name, until, issued before.
type Accepted = (usize, usize, i64, i64);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_table_agrees_with_a_list_of_all_entries(
        capacity in prop_oneof![1..8_usize, 100..200_usize],
        steps in prop::collection::vec(step(), 1..400),
    ) {
        let index = RevocationIndex::new(capacity);
        let (mut now, mut latest) = (NOW, NOW);
        let mut accepted: Vec<Accepted> = Vec::new();
        // Of each name, the longest time and the latest epoch.
        let mut lives: HashMap<(usize, usize), (i64, i64)> = HashMap::new();
        for step in steps {
            match step {
                Step::Move(by) => now += by,
                Step::Insert(kind, name, lasts, ago) => {
                    let (until, before) = (now + lasts, now - ago);
                    let text = name_of(name + 100 * usize::from(kind == 3));
                    let inserted = index.insert(&entry_of(kind, &text, until, before), now);
                    if inserted.is_ok() {
                        accepted.push((kind, name, until, before));
                        let life = lives.entry((kind, name)).or_insert((until, before));
                        *life = (life.0.max(until), life.1.max(before));
                    }
                    let needed = |at: i64| lives.values().filter(|life| life.0 >= at - KEPT).count();
                    match inserted {
                        Ok(()) => prop_assert!(needed(latest) <= capacity),
                        Err(_) => prop_assert!(needed(now) >= capacity),
                    }
                }
            }
            latest = latest.max(now);
        }
        for (kind, name) in (0..4).flat_map(|kind| (0..60).map(move |name| (kind, name))) {
            for (at, session) in [(-1, None), (0, None), (0, Some("other")), (1, None)] {
                // A subject is looked up in two kinds: each has names of its own here.
                let (text, life) = (name_of(name + 100 * usize::from(kind == 3)), lives.get(&(kind, name)));
                let issued_at = life.map_or(now, |life| life.1) + at;
                let text = |own| (own == kind).then_some(&*text);
                let named = TokenNames {
                    id: text(0),
                    session: text(1).or(session),
                    realm: Some(REALM),
                    subject: text(2).or(text(3)),
                    issued_at: Some(issued_at),
                };
                let hits = |until: i64, before: i64| {
                    let is_asked = match kind {
                        2 => issued_at <= before,
                        3 => issued_at <= before && named.session.is_none(),
                        _ => true,
                    };
                    until >= now && is_asked
                };
                // Every entry that counts is seen, and nothing is invented.
                let must = accepted
                    .iter()
                    .any(|one| (one.0, one.1) == (kind, name) && hits(one.2, one.3));
                let may = life.is_some_and(|life| hits(life.0, life.1));
                let dropped = accepted.iter().any(|one| (now..latest - KEPT).contains(&one.2));
                match index.lookup(&named, now) {
                    Err(Refusal::Revoked) => prop_assert!(may),
                    Ok(()) => prop_assert!(!must),
                    Err(_) => prop_assert!(dropped),
                }
            }
        }
    }
}
