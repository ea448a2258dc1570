//! Settings that are refused when the app starts, and what holds without any.

use std::time::Duration;

use countersign::{ConfigError, MemoryStore, Sessions, SessionsBuilder, testing::FixedClock};

use crate::setup::{START, Setup, TTL, issuer};

const TEN_YEARS: Duration = Duration::from_secs(3_660 * 86_400);

fn refusal(settings: impl FnOnce(SessionsBuilder) -> SessionsBuilder) -> Option<String> {
    let issuer = issuer(&FixedClock::at(START)).build().unwrap();
    let builder = settings(Sessions::builder(issuer, MemoryStore::new()));
    match builder.build() {
        Ok(_) => None,
        Err(ConfigError::InvalidSetting(text)) => Some(text),
        Err(other) => panic!("{other}"),
    }
}

/// S02
#[test]
fn a_window_of_more_than_a_minute_is_refused() {
    let of = |window: Duration| refusal(|builder| builder.grace(window));
    for window in [
        Duration::from_secs(61),
        Duration::from_millis(60_001),
        Duration::MAX,
    ] {
        let text = of(window).unwrap();
        assert_eq!(text, "the grace window is more than 60 seconds");
    }
    assert_eq!(of(Duration::from_secs(60)), None);
    assert_eq!(of(Duration::ZERO), None);
}

#[test]
fn a_session_outlives_its_first_access_token() {
    let of = |idle: i64| refusal(|builder| builder.idle(Duration::from_secs(idle.unsigned_abs())));
    let text = of(TTL - 1).unwrap();
    assert_eq!(text, "`idle` is shorter than the life of an access token");
    assert_eq!(of(TTL), None);
}

#[test]
fn the_absolute_life_is_not_shorter_than_the_idle_time() {
    let of = |absolute: u64| {
        refusal(|builder| {
            builder
                .idle(Duration::from_secs(2_000))
                .absolute(Duration::from_secs(absolute))
        })
    };
    let text = of(1_999).unwrap();
    assert_eq!(text, "`absolute` is shorter than `idle`");
    assert_eq!(of(2_000), None);
}

/// S05
#[test]
fn no_session_lives_for_more_than_ten_years() {
    let of = |absolute: Duration| refusal(|builder| builder.absolute(absolute));
    for absolute in [TEN_YEARS + Duration::from_secs(1), Duration::MAX] {
        let text = of(absolute).unwrap();
        assert_eq!(text, "a session may live for more than 10 years");
    }
    assert_eq!(of(TEN_YEARS), None);
}

#[test]
fn without_settings_it_is_two_weeks_ninety_days_and_ten_seconds() {
    let setup = Setup::new();
    let mut pair = setup.login("ada");
    assert_eq!(pair.refresh_expires_in(), 14 * 86_400);
    let shown = format!("{:?}", setup.sessions);
    assert!(
        shown.contains("idle: 1209600, absolute: 7776000, grace: 10,"),
        "{shown}"
    );
    for _ in 0..20 {
        setup.pass(13 * 86_400);
        match setup.refresh(&pair) {
            Ok(next) => pair = next,
            Err(_) => break,
        }
    }
    assert_eq!(pair.session().expires_at(), START + 90 * 86_400);
}
