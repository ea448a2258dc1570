//! Tests of settings that are refused when the app starts, and of the defaults.

use std::time::Duration;

use countersign::{
    ConfigError, MemoryStore, Revocation, Sessions,
    session::{SessionsBuilder, store::StoreCapabilities},
    testing::FixedClock,
};

use crate::{
    faulty_store::FaultyStore,
    setup::{START, Setup, TTL, issuer},
};

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
        assert_eq!(text, "`grace` is more than 60 seconds");
    }
    assert_eq!(of(Duration::from_secs(60)), None);
    assert_eq!(of(Duration::ZERO), None);
}

#[test]
fn a_session_outlives_its_first_access_token() {
    let of = |idle: i64| refusal(|builder| builder.idle(Duration::from_secs(idle.unsigned_abs())));
    let text = of(TTL - 1).unwrap();
    assert_eq!(
        text,
        "`idle` is shorter than the issuer's `ttl`, the life of an access token"
    );
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
        assert_eq!(text, "`absolute` is more than 10 years");
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

/// Builds sessions over a store that reports these capabilities.
fn over(
    capabilities: StoreCapabilities,
    max_ttl: u64,
    settings: impl FnOnce(SessionsBuilder) -> SessionsBuilder,
) -> Result<Sessions, ConfigError> {
    let issuer = issuer(&FixedClock::at(START)).max_ttl(Duration::from_secs(max_ttl));
    let store = FaultyStore::with(capabilities);
    settings(Sessions::builder(issuer.build().unwrap(), store)).build()
}

/// F7: each process has to hear which sessions the others have ended.
#[test]
fn a_shared_store_needs_a_list_that_follows_it() {
    let over = |settings: fn(SessionsBuilder) -> SessionsBuilder| {
        over(StoreCapabilities::shared(), 86_400, settings)
    };
    let local = |builder: SessionsBuilder| builder.revocation(Revocation::local().build().unwrap());
    for settings in [(|builder| builder) as fn(_) -> _, local] {
        let Err(ConfigError::Missing(text)) = over(settings) else {
            panic!("it was built");
        };
        assert!(text.contains("`.revocation(..)`"), "{text}");
        assert!(text.contains("`.single_process()`"), "{text}");
    }
    // The twins: each remedy that the text names.
    assert!(over(|all| all.revocation(Revocation::replica().build().unwrap())).is_ok());
    assert!(over(SessionsBuilder::single_process).is_ok());
    let both = over(|all| {
        let list = Revocation::replica().build().unwrap();
        all.revocation(list).single_process()
    });
    assert!(matches!(both, Err(ConfigError::Conflict(_))));
}

#[test]
fn a_store_of_this_process_needs_no_list_that_follows_it() {
    assert!(over(StoreCapabilities::local(), 86_400, |builder| builder).is_ok());
    assert!(
        over(
            StoreCapabilities::local(),
            86_400,
            SessionsBuilder::single_process
        )
        .is_ok()
    );
}

/// F2: an app whose tokens can live for seven days, over a log that forgets after 25 hours.
#[test]
fn a_log_that_forgets_before_the_last_token_expires_is_refused() {
    let day = 86_400;
    let kept = |seconds| StoreCapabilities::local().retention(Duration::from_secs(seconds));
    let Err(ConfigError::Conflict(text)) = over(kept(25 * 3_600), 7 * day, |all| all) else {
        panic!("it was built");
    };
    assert_eq!(
        text,
        "the store's log keeps a revocation for 90000 s, and tokens live up to 604800 s: it has to \
         keep one for 605100 s. Raise the retention of the store, or lower the issuer's `max_ttl`"
    );
    // Exact to the second: the largest leeway of a verifier, and as much again for a clock of the
    // store's own.
    assert!(over(kept(day + 300), day, |all| all).is_ok());
    assert!(over(kept(day + 299), day, |all| all).is_err());
    assert!(over(kept(day + 600).own_clock(), day, |all| all).is_ok());
    assert!(over(kept(day + 599).own_clock(), day, |all| all).is_err());
}
