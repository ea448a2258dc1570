//! The names of the measurements, and what the recorder is told about them.

use ::metrics::Unit;

pub(super) const COUNTERS: [(&str, &str); 18] = [
    (CACHE_LOOKUPS, "Looks into a cache by result"),
    (CLIENT_TOKENS, "Requests for tokens of this service's own"),
    (DYNAMIC_ISSUERS, "Questions about issuers by result"),
    (DELEGATED_TOKENS, "Accepted tokens with an actor"),
    (HANDLER_REFUSALS, "Refusals after authentication"),
    (KEY_FETCHES, "Fetches of keys by result"),
    (KEY_ROTATIONS, "How often the keys changed"),
    (LOGIN_FAILURES, "Logins that failed"),
    (LOGIN_REFUSALS, "Logins refused after too many failures"),
    (OPAQUE_TOKENS, "Opaque tokens that were checked"),
    (PRINCIPALS, "Principals of verified tokens"),
    (REQUESTS, "Requests by verdict"),
    (SESSIONS, "Events of sessions"),
    (SESSION_REFUSALS, "Refusals of the session routes"),
    (SIGNATURES, "Signatures of keys that are kept elsewhere"),
    (SIGNING_KEY_ROTATIONS, "How often another key came to sign"),
    (STORE_ERRORS, "Calls of the session store that failed"),
    (
        TOLERATED_TOKENS,
        "Tokens accepted only because of a tolerance",
    ),
];
pub(super) const HISTOGRAMS: [(&str, &str); 6] = [
    (CLIENT_TOKEN, "Time for an answer to a request for a token"),
    (KEY_FETCH, "Time for a fetch of keys"),
    (KEY_WAIT, "Time that requests waited for a key"),
    (
        SIGNATURE,
        "Time for a signature of a key that is kept elsewhere",
    ),
    (STAGE, "Time for a stage of a verification"),
    (STORE, "Time for a call of the session store"),
];
pub(super) const GAUGES: [(&str, Unit, &str); 13] = [
    (
        CLOCK_SKEW,
        Unit::Seconds,
        "By how much the clock is ahead of the store's",
    ),
    (
        DYNAMIC_ISSUERS_KNOWN,
        Unit::Count,
        "Issuers that a resolver has found",
    ),
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
    (
        REVOCATION_CAPACITY,
        Unit::Count,
        "The most entries of a list of revocations",
    ),
    (
        REVOCATION_ENTRIES,
        Unit::Count,
        "Entries of a list of revocations",
    ),
    (
        REVOCATION_INCOMPLETE,
        Unit::Count,
        "1 while a revocation that counts is missing",
    ),
    (
        REVOCATION_SYNCED,
        Unit::Seconds,
        "When the last complete read of the log of revocations began",
    ),
    (
        SIGNING_KEY_ACTIVE,
        Unit::Seconds,
        "From when the active key signs",
    ),
    (SIGNING_KEYS, Unit::Count, "Signing keys by state"),
    (
        SIGNING_KEYS_FAILING,
        Unit::Count,
        "1 while the signing keys are not read from their folder or store",
    ),
    (
        STORE_EPOCH,
        Unit::Seconds,
        "Since when the store has lost no write",
    ),
];
#[cfg(feature = "sessions")]
pub(super) const STORE_OPS: [&str; 19] = [
    "end",
    "end_all",
    "end_api_key",
    "end_api_keys",
    "end_realm",
    "epoch",
    "find",
    "find_api_key",
    "health",
    "insert",
    "insert_api_key",
    "list",
    "list_api_keys",
    "mark",
    "read_log",
    "rotate",
    "set_data",
    "sweep",
    "touch_api_key",
];

pub(super) const REQUESTS: &str = "countersign_requests_total";
pub(super) const HANDLER_REFUSALS: &str = "countersign_handler_refusals_total";
pub(super) const LOGIN_REFUSALS: &str = "countersign_login_refusals_total";
pub(super) const LOGIN_FAILURES: &str = "countersign_login_failures_total";
pub(super) const DELEGATED_TOKENS: &str = "countersign_delegated_tokens_total";
pub(super) const OPAQUE_TOKENS: &str = "countersign_opaque_tokens_total";
pub(super) const PRINCIPALS: &str = "countersign_principals_total";
pub(super) const CACHE_LOOKUPS: &str = "countersign_cache_lookups_total";
pub(super) const CLIENT_TOKEN: &str = "countersign_client_token_seconds";
pub(super) const CLIENT_TOKENS: &str = "countersign_client_tokens_total";
pub(super) const TOLERATED_TOKENS: &str = "countersign_tolerated_tokens_total";
pub(super) const DYNAMIC_ISSUERS: &str = "countersign_dynamic_issuers_total";
pub(super) const DYNAMIC_ISSUERS_KNOWN: &str = "countersign_dynamic_issuers_known";
pub(super) const STAGE: &str = "countersign_stage_seconds";
pub(super) const KEY_WAIT: &str = "countersign_key_wait_seconds";
pub(super) const KEY_FETCHES: &str = "countersign_key_fetches_total";
pub(super) const KEY_FETCH: &str = "countersign_key_fetch_seconds";
pub(super) const KEYS: &str = "countersign_keys";
pub(super) const KEYS_FETCHED: &str = "countersign_keys_fetched_timestamp_seconds";
pub(super) const KEYS_STATE: &str = "countersign_keys_state";
pub(super) const KEY_ROTATIONS: &str = "countersign_key_rotations_total";
pub(super) const SIGNATURE: &str = "countersign_signature_seconds";
pub(super) const SIGNATURES: &str = "countersign_signatures_total";
pub(super) const SIGNING_KEYS: &str = "countersign_signing_keys";
pub(super) const SIGNING_KEYS_FAILING: &str = "countersign_signing_keys_failing";
pub(super) const SIGNING_KEY_ACTIVE: &str = "countersign_signing_key_active_timestamp_seconds";
pub(super) const SIGNING_KEY_ROTATIONS: &str = "countersign_signing_key_rotations_total";
pub(super) const SESSIONS: &str = "countersign_sessions_total";
pub(super) const SESSION_REFUSALS: &str = "countersign_session_refusals_total";
pub(super) const STORE: &str = "countersign_store_seconds";
pub(super) const STORE_ERRORS: &str = "countersign_store_errors_total";
pub(super) const STORE_EPOCH: &str = "countersign_store_epoch_timestamp_seconds";
pub(super) const CLOCK_SKEW: &str = "countersign_clock_skew_seconds";
pub(super) const REVOCATION_ENTRIES: &str = "countersign_revocation_entries";
pub(super) const REVOCATION_CAPACITY: &str = "countersign_revocation_capacity";
pub(super) const REVOCATION_INCOMPLETE: &str = "countersign_revocation_incomplete";
pub(super) const REVOCATION_SYNCED: &str = "countersign_revocation_synced_timestamp_seconds";
