//! Measurements, for any recorder of the [`metrics`](https://docs.rs/metrics) crate.
//!
//! Feature `metrics`. Without a recorder they cost a clock reading for each stage of a verification,
//! and go nowhere.
//!
//! | name | type | labels | what |
//! |---|---|---|---|
//! | `countersign_requests_total` | counter | `outcome` | requests, by verdict: `accepted`, `anonymous`, or the [reason](crate::AuthError::reason) of the refusal |
//! | `countersign_handler_refusals_total` | counter | `reason` | refusals after that: by the policy of a route, claims of another type, session routes |
//! | `countersign_login_refusals_total` | counter | `limit` | logins refused because too many had failed: for the `account`, or from the `address` |
//! | `countersign_login_failures_total` | counter | `reason` | logins by the session routes that failed: `wrong_credentials`, `login_refused` (by the app), `too_many_logins`, `unreadable_login` |
//! | `countersign_cache_lookups_total` | counter | `result` | looks into a `TokenCache`: `hit`, or `miss` when the token had to be verified |
//! | `countersign_tolerated_tokens_total` | counter | `issuer`, `tolerance` | tokens accepted only because of a [tolerance](crate::claims::Tolerance), each time that they came, also from a cache: `issuer` is the first name in the settings of the verifier, or `any` |
//! | `countersign_stage_seconds` | histogram | `stage` | time for a stage: `header`, `signature`, `payload`, `claims` |
//! | `countersign_key_wait_seconds` | histogram | | time that requests waited for a key |
//! | `countersign_key_fetches_total` | counter | `source`, `result` | fetches: `changed`, `unchanged`, or the stable name of the failure |
//! | `countersign_key_fetch_seconds` | histogram | `source` | time for a fetch, metadata included |
//! | `countersign_keys` | gauge | `source` | keys in use; 0 when they may not be used any more, or nobody renews them |
//! | `countersign_keys_fetched_timestamp_seconds` | gauge | `source` | when the keys were fetched or confirmed, in seconds since the Unix epoch: `time() -` it is their age |
//! | `countersign_keys_state` | gauge | `source`, `state` | 1 for the state (`KeysState`) that it is in, 0 for the others |
//! | `countersign_key_rotations_total` | counter | `source` | how often the keys changed, the first set not counted |
//!
//! `source` is the issuer or the URL that the app configured. No label ever contains anything that a client
//! sent, so the number of time series is bounded.
//!
//! # Examples
//!
//! ```
//! // After the app has installed its recorder:
//! countersign::metrics::describe();
//! ```

use std::time::Duration;

#[cfg(feature = "remote")]
use ::metrics::gauge;
use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};

/// Tells the recorder what each measurement is, and its unit. Call it once, after the recorder is
/// installed.
pub fn describe() {
    for (name, text) in [
        (REQUESTS, "Requests by verdict"),
        (HANDLER_REFUSALS, "Refusals after authentication"),
        (LOGIN_REFUSALS, "Logins refused after too many failures"),
        (LOGIN_FAILURES, "Logins that failed"),
        (CACHE_LOOKUPS, "Looks into a cache by result"),
        (
            TOLERATED_TOKENS,
            "Tokens accepted only because of a tolerance",
        ),
        (KEY_FETCHES, "Fetches of keys by result"),
        (KEY_ROTATIONS, "How often the keys changed"),
    ] {
        describe_counter!(name, Unit::Count, text);
    }
    for (name, text) in [
        (STAGE, "Time for a stage of a verification"),
        (KEY_WAIT, "Time that requests waited for a key"),
        (KEY_FETCH, "Time for a fetch of keys"),
    ] {
        describe_histogram!(name, Unit::Seconds, text);
    }
    for (name, unit, text) in [
        (KEYS, Unit::Count, "Keys in use"),
        (
            KEYS_FETCHED,
            Unit::Seconds,
            "When the keys were fetched or confirmed",
        ),
        (
            KEYS_STATE,
            Unit::Count,
            "1 for the state that the keys are in",
        ),
    ] {
        describe_gauge!(name, unit, text);
    }
}

pub(crate) fn request(outcome: &'static str) {
    counter!(REQUESTS, "outcome" => outcome).increment(1);
}

pub(crate) fn handler_refusal(reason: &'static str) {
    counter!(HANDLER_REFUSALS, "reason" => reason).increment(1);
}

#[cfg(feature = "sessions")]
pub(crate) fn login_refusal(limit: &'static str) {
    counter!(LOGIN_REFUSALS, "limit" => limit).increment(1);
}

#[cfg(feature = "sessions")]
pub(crate) fn login_failure(reason: &'static str) {
    counter!(LOGIN_FAILURES, "reason" => reason).increment(1);
}

#[cfg(feature = "cache")]
pub(crate) fn cache_lookup(is_hit: bool) {
    let result = if is_hit { "hit" } else { "miss" };
    counter!(CACHE_LOOKUPS, "result" => result).increment(1);
}

#[cold]
pub(crate) fn tolerated_token(issuer: &str, tolerance: &'static str) {
    counter!(TOLERATED_TOKENS, "issuer" => issuer.to_owned(), "tolerance" => tolerance)
        .increment(1);
}

pub(crate) fn stage(stage: &'static str, took: Duration) {
    histogram!(STAGE, "stage" => stage).record(took);
}

#[cfg(feature = "remote")]
pub(crate) fn key_wait(took: Duration) {
    histogram!(KEY_WAIT).record(took);
}

#[cfg(feature = "remote")]
pub(crate) fn key_fetch(source: &str, result: &'static str, took: Duration) {
    counter!(KEY_FETCHES, "source" => source.to_owned(), "result" => result).increment(1);
    histogram!(KEY_FETCH, "source" => source.to_owned()).record(took);
}

#[cfg(feature = "remote")]
pub(crate) fn key_rotation(source: &str) {
    counter!(KEY_ROTATIONS, "source" => source.to_owned()).increment(1);
}

/// `states` has every state, and whether it is the present one.
#[cfg(feature = "remote")]
#[allow(clippy::cast_precision_loss)] // a float is exact for a hundred keys, and for times far ahead
pub(crate) fn keys_state(
    source: &str,
    usable: usize,
    states: impl IntoIterator<Item = (&'static str, bool)>,
    fetched_at: Option<i64>,
) {
    if let Some(at) = fetched_at {
        gauge!(KEYS_FETCHED, "source" => source.to_owned()).set(at as f64);
    }
    gauge!(KEYS, "source" => source.to_owned()).set(usable as f64);
    for (state, is_it) in states {
        let value = f64::from(u8::from(is_it));
        gauge!(KEYS_STATE, "source" => source.to_owned(), "state" => state).set(value);
    }
}

const REQUESTS: &str = "countersign_requests_total";
const HANDLER_REFUSALS: &str = "countersign_handler_refusals_total";
const LOGIN_REFUSALS: &str = "countersign_login_refusals_total";
const LOGIN_FAILURES: &str = "countersign_login_failures_total";
const CACHE_LOOKUPS: &str = "countersign_cache_lookups_total";
const TOLERATED_TOKENS: &str = "countersign_tolerated_tokens_total";
const STAGE: &str = "countersign_stage_seconds";
const KEY_WAIT: &str = "countersign_key_wait_seconds";
const KEY_FETCHES: &str = "countersign_key_fetches_total";
const KEY_FETCH: &str = "countersign_key_fetch_seconds";
const KEYS: &str = "countersign_keys";
const KEYS_FETCHED: &str = "countersign_keys_fetched_timestamp_seconds";
const KEYS_STATE: &str = "countersign_keys_state";
const KEY_ROTATIONS: &str = "countersign_key_rotations_total";
