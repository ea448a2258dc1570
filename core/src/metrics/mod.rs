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
//! | `countersign_sessions_total` | counter | `realm`, `event` | events of sessions, by [name](crate::session::SessionEvent::name): `started`, `refreshed`, `repeated`, `wrong_client`, and for each end its reason, such as `logged_out` and `replayed` |
//! | `countersign_session_refusals_total` | counter | `route`, `reason` | answers of the session routes with a status of 400 or more: `route` is `login`, `refresh`, `logout`, `logout_all`, `renew`, `sessions`, `api_keys`, `jwks` or `none`, `reason` that of the error |
//! | `countersign_store_seconds` | histogram | `op` | time for a call of the session store: `mark`, `insert`, `find`, `rotate`, `set_data`, `end`, `end_all`, `end_realm`, `list`, `sweep`, `health`, `epoch`; of API keys: `insert_api_key`, `find_api_key`, `list_api_keys`, `end_api_key`, `end_api_keys`, `touch_api_key` |
//! | `countersign_store_errors_total` | counter | `op` | calls of the session store that failed, and reads of its log (`read_log`) |
//! | `countersign_clock_skew_seconds` | gauge | `list` | by how much this node's clock is ahead of that of the store whose log the list follows; less than zero when it is behind. Whole seconds, so 1 may be nothing |
//! | `countersign_store_epoch_timestamp_seconds` | gauge | `list` | since when the store whose log the list follows has lost no write that it had answered, in seconds since the Unix epoch, as far as it knows: it is later after a failover, a restart or a restored backup; absent before the first of them |
//! | `countersign_revocation_entries` | gauge | `list` | entries of a list of revocations |
//! | `countersign_revocation_capacity` | gauge | `list` | the most entries that it can have |
//! | `countersign_revocation_incomplete` | gauge | `list` | 1 while an entry that counts is missing, so that every token is refused with 503 |
//! | `countersign_revocation_synced_timestamp_seconds` | gauge | `list` | when the last complete read of the log began, in seconds since the Unix epoch: `time() -` it is how far the list lags |
//! | `countersign_cache_lookups_total` | counter | `result` | looks into a `TokenCache`: `hit`, or `miss` when the token had to be verified |
//! | `countersign_tolerated_tokens_total` | counter | `issuer`, `tolerance` | tokens accepted only because of a [tolerance](crate::claims::Tolerance), each time that they came, also from a cache: `issuer` is the first name in the settings of the verifier, or `any` |
//! | `countersign_delegated_tokens_total` | counter | | requests let through for a token with an [actor](crate::VerifiedToken::actor) |
//! | `countersign_opaque_tokens_total` | counter | `credential`, `result` | opaque tokens that were checked, by [name](crate::OpaqueTokens::name) of their kind: `known`, `opaque_token_refused`, `opaque_token_forbidden`, `opaque_token_unavailable` |
//! | `countersign_principals_total` | counter | `result` | principals of verified tokens: `kept` (from the cache), `found`, `principal_refused`, `principal_forbidden`, `principal_unavailable` |
//! | `countersign_client_tokens_total` | counter | `result` | requests of a `TokenClient` for a token: `granted`, `refused`, `unavailable`, `unusable_answer` |
//! | `countersign_client_token_seconds` | histogram | | time for an answer to one |
//! | `countersign_dynamic_issuers_total` | counter | `result` | what became of issuers that were not known (`DynamicIssuers`): `new` or `unknown` by the resolver's answer, `unavailable` (it failed), `misconfigured` (its verifier is for another issuer), `over_budget` and `full` (it was not asked), and `evicted`, `removed` of those that were known |
//! | `countersign_dynamic_issuers_known` | gauge | | issuers that have a verifier by a resolver's answer |
//! | `countersign_stage_seconds` | histogram | `stage` | time for a stage: `header`, `signature`, `payload`, `claims` |
//! | `countersign_key_wait_seconds` | histogram | | time that requests waited for a key |
//! | `countersign_key_fetches_total` | counter | `source`, `result` | fetches: `changed`, `unchanged`, or the stable name of the failure |
//! | `countersign_key_fetch_seconds` | histogram | `source` | time for a fetch, metadata included |
//! | `countersign_keys` | gauge | `source` | keys in use; 0 when they may not be used any more, or nobody renews them |
//! | `countersign_keys_fetched_timestamp_seconds` | gauge | `source` | when the keys were fetched or confirmed, in seconds since the Unix epoch: `time() -` it is their age |
//! | `countersign_keys_state` | gauge | `source`, `state` | 1 for the state (`KeysState`) that it is in, 0 for the others |
//! | `countersign_key_rotations_total` | counter | `source` | how often the keys changed, the first set not counted |
//! | `countersign_signatures_total` | counter | `result` | signatures of keys that are [kept elsewhere](crate::SigningKey::external): `signed`, `signer_busy`, `signer_refused`, `signer_timed_out`, `signer_unavailable`, `wrong_signature` |
//! | `countersign_signature_seconds` | histogram | | time for such a signature, without the wait for a turn |
//! | `countersign_signing_keys` | gauge | `issuer`, `state` | signing keys of an issuer: `active`, `next` (published ahead) and `retired` |
//! | `countersign_signing_key_rotations_total` | counter | `issuer` | how often another key came to sign in this process |
//! | `countersign_signing_key_active_timestamp_seconds` | gauge | `issuer` | from when the active key signs, in seconds since the Unix epoch: `time() -` it is its age; only for a ring with a [document](crate::issue::RingDocument) |
//! | `countersign_signing_keys_failing` | gauge | `issuer` | 1 while the signing keys cannot be read from their folder or store, or have a document that is refused |
//!
//! `source` is the issuer or the URL that the app configured, `issuer` the name of an `Issuer` or a verifier (both are `dynamic` for all that a resolver
//! of issuers builds, and the gauges of keys leave them out), `realm` that of the sessions, `list` the
//! [name](crate::revocation::RevocationBuilder::name) of a list, `credential` a name that the app gave. No label ever contains anything that a client
//! sent, so the number of time series is bounded.
//!
//! Counters exist from the start, at 0, so that their first increase is one: those of requests once
//! [`describe`] was called, the others once that which they count is built. So install the recorder first.
//!
//! Alarms and a dashboard over these names are in the repository: `docs/alerts.yml` and `docs/dashboard.json`.
//!
//! # Buckets
//!
//! An exporter with buckets needs their bounds: [`BUCKETS`].
//!
//! # Examples
//!
//! ```
//! // After the app has installed its recorder:
//! countersign::metrics::describe();
//! ```

mod names;

use std::time::Duration;
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
use std::time::Instant;

use ::metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

#[allow(clippy::wildcard_imports)] // all of them
use self::names::*;
use crate::error::AuthErrorKind;

/// The histograms, each with bounds for its buckets, in seconds.
///
/// A stage of a verification takes from under a microsecond to a millisecond, a call of a store up to seconds.
///
/// # Examples
///
/// ```
/// # struct Exporter;
/// # impl Exporter { fn set_buckets_for_metric(self, _: &str, _: &[f64]) -> Self { self } }
/// # let exporter = Exporter;
/// // As `metrics_exporter_prometheus::PrometheusBuilder` takes them:
/// let exporter = countersign::metrics::BUCKETS
///     .into_iter()
///     .fold(exporter, |exporter, (name, bounds)| exporter.set_buckets_for_metric(name, bounds));
/// # let _ = exporter;
/// ```
pub const BUCKETS: [(&str, &[f64]); 6] = [
    (CLIENT_TOKEN, WAITS),
    (KEY_FETCH, WAITS),
    (KEY_WAIT, WAITS),
    (SIGNATURE, WAITS),
    (STAGE, STAGES),
    (STORE, WAITS),
];

const STAGES: &[f64] = &[
    5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3,
];
const WAITS: &[f64] = &[
    5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Tells the recorder what each measurement is, and its unit, and makes the counters of requests. Call it once,
/// after the recorder is installed.
pub fn describe() {
    for (name, text) in COUNTERS {
        describe_counter!(name, Unit::Count, text);
    }
    for (name, text) in HISTOGRAMS {
        describe_histogram!(name, Unit::Seconds, text);
    }
    for (name, unit, text) in GAUGES {
        describe_gauge!(name, unit, text);
    }
    let refusals = || AuthErrorKind::ALL.iter().map(|kind| kind.reason());
    for outcome in refusals().chain(["accepted", "anonymous"]) {
        counter!(REQUESTS, "outcome" => outcome).increment(0);
    }
    for reason in refusals() {
        counter!(HANDLER_REFUSALS, "reason" => reason).increment(0);
    }
}

/// The beginning of something that is measured. `wasm32-unknown-unknown` has no clock: there, nothing takes time.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(
    #[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))] Instant,
);

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
impl Stopwatch {
    #[allow(clippy::disallowed_methods)] // it is measured, and decides nothing
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time until another one began.
    pub(crate) fn until(self, later: Self) -> Duration {
        later.0 - self.0
    }
}

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self()
    }

    pub(crate) fn until(self, _: Self) -> Duration {
        Duration::ZERO
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

/// Makes the counters of the session routes of a realm.
#[cfg(feature = "sessions")]
pub(crate) fn sessions(
    realm: &str,
    events: &[&'static str],
    limits: &[&'static str],
    failures: &[&'static str],
    refusals: &[(&'static str, &'static str)],
) {
    for event in events {
        counter!(SESSIONS, "realm" => realm.to_owned(), "event" => *event).increment(0);
    }
    for limit in limits {
        counter!(LOGIN_REFUSALS, "limit" => *limit).increment(0);
    }
    for reason in failures {
        counter!(LOGIN_FAILURES, "reason" => *reason).increment(0);
    }
    for (route, reason) in refusals {
        counter!(SESSION_REFUSALS, "route" => *route, "reason" => *reason).increment(0);
    }
    for op in STORE_OPS {
        counter!(STORE_ERRORS, "op" => op).increment(0);
    }
}

#[cfg(feature = "sessions")]
pub(crate) fn session_event(realm: &str, event: &'static str) {
    counter!(SESSIONS, "realm" => realm.to_owned(), "event" => event).increment(1);
}

#[cfg(feature = "sessions")]
pub(crate) fn session_refusal(route: &'static str, reason: &'static str) {
    counter!(SESSION_REFUSALS, "route" => route, "reason" => reason).increment(1);
}

#[cfg(feature = "sessions")]
pub(crate) fn store(op: &'static str, took: Duration, failed: bool) {
    histogram!(STORE, "op" => op).record(took);
    if failed {
        store_error(op);
    }
}

pub(crate) fn store_error(op: &'static str) {
    counter!(STORE_ERRORS, "op" => op).increment(1);
}

#[allow(clippy::cast_precision_loss)] // at most a hundred million
pub(crate) fn revocation_size(list: &str, entries: usize, capacity: usize, is_incomplete: bool) {
    gauge!(REVOCATION_ENTRIES, "list" => list.to_owned()).set(entries as f64);
    gauge!(REVOCATION_CAPACITY, "list" => list.to_owned()).set(capacity as f64);
    let incomplete = f64::from(u8::from(is_incomplete));
    gauge!(REVOCATION_INCOMPLETE, "list" => list.to_owned()).set(incomplete);
}

#[allow(clippy::cast_precision_loss)] // exact for times far ahead
pub(crate) fn revocation_synced(list: &str, at: i64) {
    gauge!(REVOCATION_SYNCED, "list" => list.to_owned()).set(at as f64);
}

#[allow(clippy::cast_precision_loss)] // exact for any clock that is one
pub(crate) fn clock_skew(list: &str, ahead: i64) {
    gauge!(CLOCK_SKEW, "list" => list.to_owned()).set(ahead as f64);
}

#[allow(clippy::cast_precision_loss)] // exact for any clock that is one
pub(crate) fn store_epoch(list: &str, since: i64) {
    gauge!(STORE_EPOCH, "list" => list.to_owned()).set(since as f64);
}

#[cfg(feature = "cache")]
pub(crate) fn cache_lookup(is_hit: bool) {
    let result = if is_hit { "hit" } else { "miss" };
    counter!(CACHE_LOOKUPS, "result" => result).increment(1);
}

/// Counts what became of requests for a token, so many times.
#[cfg(feature = "token-client")]
pub(crate) fn client_tokens(result: &'static str, times: u64) {
    counter!(CLIENT_TOKENS, "result" => result).increment(times);
}

#[cfg(feature = "token-client")]
pub(crate) fn client_token_seconds(took: Duration) {
    histogram!(CLIENT_TOKEN).record(took);
}

/// Counts a request that was let through for a token with an actor.
#[cold]
pub(crate) fn delegated_token() {
    counter!(DELEGATED_TOKENS).increment(1);
}

/// Counts the answers of a check of opaque tokens, so many times.
pub(crate) fn opaque_token(credential: &str, result: &'static str, times: u64) {
    counter!(OPAQUE_TOKENS, "credential" => credential.to_owned(), "result" => result)
        .increment(times);
}

/// Counts what became of the search for a principal, so many times.
pub(crate) fn principal(result: &'static str, times: u64) {
    counter!(PRINCIPALS, "result" => result).increment(times);
}

/// Counts what became of signatures of keys that are kept elsewhere, so many times.
#[cfg(feature = "signer")]
pub(crate) fn signatures(result: &'static str, times: u64) {
    counter!(SIGNATURES, "result" => result).increment(times);
}

#[cfg(feature = "signer")]
pub(crate) fn signature_time(took: Duration) {
    histogram!(SIGNATURE).record(took);
}

/// Counts what became of an issuer that was not known, so many times.
#[cfg(feature = "remote")]
pub(crate) fn dynamic_issuers(result: &'static str, times: u64) {
    counter!(DYNAMIC_ISSUERS, "result" => result).increment(times);
}

#[cfg(feature = "remote")]
#[allow(clippy::cast_precision_loss)] // at most ten thousand
pub(crate) fn dynamic_issuers_known(count: usize) {
    gauge!(DYNAMIC_ISSUERS_KNOWN).set(count as f64);
}

#[cold]
pub(crate) fn tolerated_token(issuer: &str, tolerance: &'static str) {
    counter!(TOLERATED_TOKENS, "issuer" => issuer.to_owned(), "tolerance" => tolerance)
        .increment(1);
}

pub(crate) fn stage(stage: &'static str, took: Duration) {
    histogram!(STAGE, "stage" => stage).record(took);
}

/// Makes the counters of a source of keys.
#[cfg(feature = "remote")]
pub(crate) fn key_source(source: &str, results: impl IntoIterator<Item = &'static str>) {
    counter!(KEY_ROTATIONS, "source" => source.to_owned()).increment(0);
    for result in results {
        counter!(KEY_FETCHES, "source" => source.to_owned(), "result" => result).increment(0);
    }
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

/// `counts` has every state, and the number of keys in it.
#[allow(clippy::cast_precision_loss)] // a float is exact for a hundred keys, and for times far ahead
pub(crate) fn signing_keys(
    issuer: &str,
    counts: [(&'static str, usize); 3],
    is_rotated: bool,
    signs_from: Option<i64>,
) {
    counter!(SIGNING_KEY_ROTATIONS, "issuer" => issuer.to_owned()).increment(is_rotated.into());
    for (state, count) in counts {
        gauge!(SIGNING_KEYS, "issuer" => issuer.to_owned(), "state" => state).set(count as f64);
    }
    if let Some(at) = signs_from {
        gauge!(SIGNING_KEY_ACTIVE, "issuer" => issuer.to_owned()).set(at as f64);
    }
}

pub(crate) fn signing_keys_failing(issuer: &str, is_failing: bool) {
    let failing = f64::from(u8::from(is_failing));
    gauge!(SIGNING_KEYS_FAILING, "issuer" => issuer.to_owned()).set(failing);
}
