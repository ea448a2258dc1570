//! A statistical test that the time of a check does not tell an unknown key from a wrong or a good one.
//!
//! Work first: each asks the store once. Then time: the kinds take turns in an order that rotates, 2,000 times each, so that
//! whatever else the machine does hits all of them alike, and the medians are compared. Power: a control whose keys have two more peppers, so two more
//! hashes, has to be more than 5 % slower in the very same samples, and the kinds may differ by half of that at most. Noise
//! makes false alarms only, so one of several attempts has to pass.

use std::time::{Duration, Instant};

use countersign::session::{ApiKeys, NewApiKey};
use futures_executor::block_on;

use crate::{PEPPER, Store, with_other_id, with_other_secret, with_secret};

const SAMPLES: usize = 2_000;
const ATTEMPTS: usize = 8;

#[allow(clippy::disallowed_methods)] // the time is what is tested
fn time(keys: &ApiKeys, text: &str, is_good: bool) -> Duration {
    let start = Instant::now();
    let checked = block_on(keys.check(text));
    let took = start.elapsed();
    assert_eq!(checked.is_ok(), is_good);
    took
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Returns keys under so many peppers, a key, and the store.
fn keys(peppers: u8) -> (ApiKeys, String, Store) {
    let store = Store::default();
    let builder = ApiKeys::builder(store.clone(), PEPPER).failures_per_minute(u32::MAX);
    let builder = (1..peppers).fold(builder, |builder, n| {
        builder.older_pepper(format!("older pepper {n} of 32 bytes or more"))
    });
    let keys = builder.build().unwrap();
    let (_, text) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
    block_on(keys.check(text.as_str())).unwrap();
    store.calls();
    (keys, text.as_str().to_owned(), store)
}

#[test]
fn unknown_wrong_and_good_keys_take_the_same_work() {
    let (keys, good, store) = keys(2);
    for (text, is_good) in [
        (good.clone(), true),
        (with_other_secret(&good), false),
        (with_other_id(&good, 1), false),
    ] {
        time(&keys, &text, is_good);
        assert_eq!(store.calls(), ["find"]);
    }
}

#[test]
fn unknown_wrong_and_good_keys_take_the_same_time() {
    let (api_keys, good, _) = keys(4);
    let (slower, good_of_slower, _) = keys(6);
    let mut number = 0;
    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        let mut times = [const { Vec::new() }; 4];
        for turn in 0..SAMPLES {
            number += 1;
            // New ones: one that was refused a moment ago is refused from memory.
            let wrong = with_secret(&good, number);
            let unknown = with_other_id(&good, number);
            let mut kinds = [
                (0, &api_keys, &good, true),
                (1, &api_keys, &wrong, false),
                (2, &api_keys, &unknown, false),
                (3, &slower, &good_of_slower, true),
            ];
            // The first one finds colder caches than the others: each kind is the first as often as any other.
            kinds.rotate_left(turn % 4);
            for (kind, keys, text, is_good) in kinds {
                times[kind].push(time(keys, text, is_good));
            }
        }
        let [good, wrong, unknown, control] = times.map(|mut times| median(&mut times));
        let power = control.saturating_sub(good);
        let [wrong_differs, unknown_differs] = [wrong, unknown].map(|other| other.abs_diff(good));
        seen.push([good, wrong, unknown, control]);
        if power * 20 > good && wrong_differs.max(unknown_differs) * 2 < power {
            return;
        }
    }
    panic!("medians of good, wrong and unknown keys, and of the control: {seen:#?}");
}
