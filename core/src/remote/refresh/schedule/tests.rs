//! The schedule, second by second.

use super::*;
use crate::jose::{Algorithm, SigningKey};

const SEED: u64 = 1_234_567;
const LONG: Duration = Duration::from_secs(100_000);

/// A schedule, and the numbers that its jitter will be.
struct Lab {
    schedule: Schedule,
    jitter: Jitter,
    start: Instant,
}

impl Lab {
    fn new() -> Self {
        let start = Instant::now();
        Self {
            schedule: Schedule::new(Jitter::seeded(SEED), start),
            jitter: Jitter::seeded(SEED),
            start,
        }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + secs(seconds)
    }

    /// A fetch that takes no time, and brings keys for a long while.
    fn fetch(&mut self, now: Instant) {
        self.schedule.begin(now);
        self.schedule.succeed(now, LONG);
        self.jitter.unit();
    }

    /// A fetch that takes no time, and fails. Returns the pause after it, before any other bound than
    /// this one.
    fn fail(
        &mut self,
        now: Instant,
        retry_after: u64,
        usable: Option<Instant>,
        longest: u64,
    ) -> Duration {
        let doubled = secs(1 << self.schedule.failures.min(16)).min(secs(longest));
        let failure = Failure::new("status").with_retry_after(Some(secs(retry_after)));
        self.schedule.begin(now);
        self.schedule.fail(now, failure, usable);
        doubled.mul_f64(0.5 + 0.5 * self.jitter.unit())
    }

    /// The advice for a request that comes now and waits so long.
    fn advise(&mut self, now: Instant, patience: Duration) -> Advice {
        self.advise_since(self.schedule.count, now, now + patience)
    }

    /// The advice for a request that came after so many fetches had begun.
    fn advise_since(&mut self, after: u64, now: Instant, deadline: Instant) -> Advice {
        let request = KeyRequest {
            need: KeyNeed::Match,
            deadline,
            after,
        };
        self.schedule.advise(now, &request, None)
    }

    /// When a request with much patience causes a fetch.
    fn wanted_at(&mut self, now: Instant) -> Instant {
        assert_eq!(self.advise(now, LONG), Advice::Wait);
        self.schedule.next(now)
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

// The first numbers of SplitMix64 for these seeds, as published.
#[test]
fn jitter_is_split_mix_64_from_0_to_1() {
    for (seed, numbers) in [
        (
            SEED,
            [
                6_457_827_717_110_365_317_u64,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
            ],
        ),
        (
            0,
            [
                0xe220_a839_7b1d_cdaf,
                0x6e78_9e6a_a1b9_65f4,
                0x06c4_5d18_8009_454f,
                0xf88b_b8a8_724c_81ec,
            ],
        ),
    ] {
        let mut jitter = Jitter::seeded(seed);
        for number in numbers {
            let expected = (number >> 32) as f64 / f64::from(u32::MAX);
            assert_eq!(jitter.unit(), expected, "{seed}");
        }
    }
}

#[test]
fn the_first_fetch_is_due_at_once() {
    let lab = Lab::new();
    assert_eq!(lab.schedule.next(lab.start), lab.start);
    assert!(lab.schedule.is_starting() && !lab.schedule.stopped);
    let counts = (lab.schedule.count, lab.schedule.ended());
    assert_eq!(counts, (0, 0));
}

#[test]
fn keys_are_fetched_again_at_a_part_of_their_lifetime_since_the_fetch_began() {
    let mut lab = Lab::new();
    let now = lab.at(2);
    lab.schedule.begin(lab.start);
    lab.schedule.succeed(now, secs(1_000));
    let due = lab.start + secs(1_000).mul_f64(0.75 + 0.1 * lab.jitter.unit());
    assert_eq!(lab.schedule.next(now), due);
    assert_eq!(lab.schedule.pause(now), due - now);
    assert_eq!(lab.schedule.pause(due + secs(1)), Duration::ZERO);
    assert!(!lab.schedule.is_starting());
    let counts = (lab.schedule.count, lab.schedule.ended());
    assert_eq!(counts, (1, 1));
    assert_eq!(lab.schedule.last_error(), None);
}

#[test]
fn pauses_double_after_each_failure_up_to_a_bound_and_a_success_ends_that() {
    for (longest, has_keys) in [(300, true), (10, false)] {
        let mut lab = Lab::new();
        for failures in 1..=20 {
            let now = lab.schedule.next(lab.start);
            let usable = has_keys.then_some(now + LONG);
            let pause = lab.fail(now, 0, usable, longest);
            assert_eq!(lab.schedule.pause(now), pause, "{failures}");
            assert_eq!(lab.schedule.failures, failures);
            assert_eq!(lab.schedule.last_error(), Some("status"));
        }
        let now = lab.schedule.next(lab.start);
        lab.fetch(now);
        let state = (lab.schedule.failures, lab.schedule.last_error());
        assert_eq!(state, (0, None));
        let counts = (lab.schedule.count, lab.schedule.ended());
        assert_eq!(counts, (21, 21));
    }
}

#[test]
fn a_provider_that_asks_for_a_longer_pause_gets_it_up_to_a_bound() {
    for (asked_for, has_keys, expected) in [
        (200, true, 200),
        (1_000, true, 300),
        (50, false, 50),
        (1_000, false, 60),
    ] {
        let mut lab = Lab::new();
        let usable = has_keys.then_some(lab.start + LONG);
        lab.fail(lab.start, asked_for, usable, 300);
        assert_eq!(lab.schedule.pause(lab.start), secs(expected));
        // Requests wait no longer than a minute for that.
        let wanted_at = lab.wanted_at(lab.start);
        assert_eq!(wanted_at, lab.at(expected.min(60)));
    }
}

#[test]
fn a_failure_keeps_requests_from_causing_a_fetch_for_ten_seconds_at_most() {
    let mut lab = Lab::new();
    let usable = Some(lab.start + LONG);
    let short = lab.fail(lab.start, 0, usable, 300);
    assert_eq!(lab.wanted_at(lab.start), lab.start + short);
    for _ in 0..8 {
        let now = lab.schedule.next(lab.start);
        lab.fail(now, 0, usable, 300);
    }
    let now = lab.schedule.next(lab.start);
    let long = lab.fail(now, 0, usable, 300);
    assert!(long > secs(100));
    assert_eq!(lab.schedule.next(now), now + long);
    assert_eq!(lab.wanted_at(now), now + secs(10));
    // A success ends that.
    let now = now + long;
    lab.fetch(now);
    assert_eq!(lab.wanted_at(now), now);
}

#[test]
fn a_fetch_is_due_before_the_keys_at_hand_are_too_old() {
    for (usable, expected) in [(200, 200), (1, 1), (0, 1)] {
        let mut lab = Lab::new();
        let usable = Some(lab.at(usable));
        lab.fail(lab.start, 300, usable, 300);
        assert_eq!(lab.schedule.pause(lab.start), secs(expected));
    }
}

#[test]
fn requests_may_cause_two_fetches_at_once_and_then_one_every_ten_seconds() {
    let mut lab = Lab::new();
    // Fetches that are due take nothing from that.
    for _ in 0..3 {
        let now = lab.schedule.next(lab.start);
        lab.schedule.begin(now);
        lab.schedule.succeed(now, secs(1));
    }
    let now = lab.schedule.next(lab.start);
    lab.fetch(now);
    for _ in 0..2 {
        assert_eq!(lab.wanted_at(now), now);
        lab.fetch(now);
        assert!(lab.schedule.next(now) > now + secs(1_000));
    }
    // The last answer is a moment old, and good.
    assert_eq!(lab.advise(now, secs(2)), Advice::NotThere);
    assert_eq!(lab.wanted_at(now), now + secs(10));
}

#[test]
fn a_request_waits_for_a_fetch_only_if_that_has_a_second_to_answer() {
    let mut lab = Lab::new();
    lab.fetch(lab.start);
    let now = lab.at(5);
    let short = secs(1) - Duration::from_nanos(1);
    assert_eq!(lab.advise(now, short), Advice::Unavailable(secs(1)));
    assert!(lab.schedule.next(now) > now);
    assert_eq!(lab.advise(now, secs(1)), Advice::Wait);
    assert_eq!(lab.schedule.next(now), now);
}

#[test]
fn only_a_fetch_that_began_after_a_request_came_decides_about_it() {
    let mut lab = Lab::new();
    let (now, deadline) = (lab.at(1), lab.at(100));
    lab.schedule.begin(lab.start);
    let before = lab.schedule.count;
    // It is under way, and may have missed what is wanted.
    assert_eq!(lab.advise_since(before, now, deadline), Advice::Wait);
    lab.schedule.succeed(now, LONG);
    assert_eq!(lab.advise_since(before, now, deadline), Advice::Wait);
    assert_eq!(
        lab.advise_since(before - 1, now, deadline),
        Advice::NotThere
    );
    // The next one fails, and perhaps the one after it does not.
    let usable = Some(lab.start + LONG);
    lab.fail(now, 0, usable, 300);
    assert_eq!(lab.advise_since(before, now, deadline), Advice::Wait);
    lab.fetch(lab.at(20));
    let now = lab.at(20);
    assert_eq!(lab.advise_since(before, now, deadline), Advice::NotThere);
    // Also for those whose time is over.
    assert_eq!(
        lab.advise_since(before, deadline, deadline),
        Advice::NotThere
    );
}

#[test]
fn a_request_whose_time_is_over_hears_when_the_next_fetch_begins() {
    let mut lab = Lab::new();
    lab.schedule.begin(lab.start);
    assert_eq!(
        lab.advise(lab.at(1), Duration::ZERO),
        Advice::Unavailable(secs(1)),
        "one is under way"
    );
    let failure = Failure::new("status").with_retry_after(Some(secs(40)));
    lab.schedule.fail(lab.at(1), failure, None);
    let now = lab.at(11);
    assert_eq!(
        lab.advise(now, Duration::ZERO),
        Advice::Unavailable(secs(30))
    );
    // As does one that would not live to see its end.
    assert_eq!(lab.advise(now, secs(30)), Advice::Unavailable(secs(30)));
    assert_eq!(lab.advise(now, secs(31)), Advice::Wait);
}

#[test]
fn a_schedule_that_was_stopped_keeps_nobody_waiting() {
    let mut lab = Lab::new();
    lab.schedule.stop();
    assert!(lab.schedule.stopped && !lab.schedule.is_starting());
    assert_eq!(lab.schedule.last_error(), Some("stopped"));
    assert_eq!(lab.advise(lab.start, LONG), Advice::Unavailable(secs(300)));
}

#[test]
fn a_request_looks_again_when_the_keys_have_what_it_needs() {
    let mut lab = Lab::new();
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let keys = KeySet::new([key.with_id("1").verifying_key()]);
    let mut advise = |need, keys| {
        let request = KeyRequest {
            need,
            deadline: lab.start + LONG,
            after: 0,
        };
        lab.schedule.advise(lab.start, &request, keys)
    };
    let key = |id: &str| KeyNeed::Key(id.into());
    for (need, advice) in [
        (KeyNeed::Everything, Advice::LookAgain),
        (key("1"), Advice::LookAgain),
        (key("2"), Advice::Wait),
        (KeyNeed::Match, Advice::Wait),
    ] {
        assert_eq!(advise(need, Some(&keys)), advice);
    }
    for need in [KeyNeed::Everything, key("1"), KeyNeed::Match] {
        assert_eq!(advise(need, None), Advice::Wait);
    }
}

#[test]
fn a_key_that_the_last_answer_lacked_is_not_asked_for_until_a_fetch_fails() {
    let mut lab = Lab::new();
    let advise = |lab: &mut Lab, id: &str, after, now| {
        let request = KeyRequest {
            need: KeyNeed::Key(id.into()),
            deadline: now + LONG,
            after,
        };
        lab.schedule.advise(now, &request, None)
    };
    let now = lab.start;
    assert_eq!(advise(&mut lab, "old", 0, now), Advice::Wait);
    lab.fetch(now);
    // A later request for it cannot know more; one for another key can.
    for (id, after, advice) in [
        ("old", 0, Advice::NotThere),
        ("old", 1, Advice::NotThere),
        ("new", 1, Advice::Wait),
    ] {
        assert_eq!(advise(&mut lab, id, after, now), advice, "{id} {after}");
    }
    lab.fail(now, 0, None, 10);
    assert_eq!(advise(&mut lab, "old", 2, now), Advice::Wait);
}
