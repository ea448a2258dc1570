//! Tests of clocks that jump.

use crate::{NOW, Outcome, bounded, insert, key};

#[test]
fn a_clock_that_goes_back_a_little_forgets_nothing() {
    let store = bounded(100, 100);
    assert_eq!(insert(&store, key(1, 1), NOW, NOW + 2), Outcome::New);
    for (jti, ahead) in (2..).zip(0..=7) {
        let now = NOW + ahead;
        assert_eq!(insert(&store, key(1, jti), now, NOW + 90), Outcome::New);
        assert_eq!(insert(&store, key(1, 1), NOW, NOW + 2), Outcome::Replay);
    }
    // And whoever comes then is not refused.
    assert_eq!(insert(&store, key(1, 50), NOW, NOW + 90), Outcome::New);
}

#[test]
fn a_clock_that_went_back_to_what_is_forgotten_finds_an_error_and_no_replay() {
    let store = bounded(100, 100);
    let until = NOW + 90;
    assert_eq!(insert(&store, key(1, 1), NOW, until), Outcome::New);
    let ahead = NOW + 3_600;
    assert_eq!(insert(&store, key(1, 2), ahead, ahead + 90), Outcome::New);
    // Back again. The first proof is fresh, and forgotten.
    for now in [NOW, NOW + 1, until] {
        for jti in [1, 3] {
            let refused = insert(&store, key(1, jti), now, until);
            assert_eq!(refused, Outcome::ClockWentBack);
        }
        // What is remembered is told still.
        assert_eq!(insert(&store, key(1, 2), now, until), Outcome::Replay);
    }
    // Its time is over: it goes on, long before the hour is.
    assert_eq!(
        insert(&store, key(1, 3), until + 1, until + 91),
        Outcome::New
    );
}

#[test]
fn times_at_the_ends_of_their_range_are_no_panic() {
    let store = bounded(100, 100);
    let times = [i64::MIN, -1, 0, 1, i64::MAX - 1, i64::MAX];
    let mut jti = 0;
    for now in times {
        for until in times {
            jti += 1;
            insert(&store, key(1, jti), now, until);
        }
    }
}
