// `tests/tests/readme` compiles the snippets. As doc tests they would need hidden lines, which GitHub and crates.io show.
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod anonymous;
mod auth;
mod authenticate;
#[cfg(feature = "cache")]
mod cache;
mod challenge;
mod claims;
mod clock;
mod config_error;
mod cookie;
mod credentials;
mod csrf;
mod error;
mod future;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod issue;
mod issuers;
mod jose;
mod keys;
mod log;
mod login_limits;
#[cfg(feature = "metrics")]
pub mod metrics;
mod mismatch;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod origin;
mod policy;
mod provider;
mod revocation;
mod session;
mod session_routes;
mod source;
mod sync;
#[cfg(feature = "test-util")]
pub mod testing;
mod verify;

#[cfg(feature = "cache")]
pub use self::cache::{TokenCache, TokenCacheBuilder};
#[cfg(feature = "remote")]
pub use self::keys::{
    Discovery, Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse, HttpFetch,
    HttpFetchBuilder, KeysState, KeysStatus, RemoteKeys, RemoteKeysBuilder, SavedKeys,
};
pub use self::{
    anonymous::Anonymous,
    auth::Authenticator,
    authenticate::Authenticate,
    challenge::{Challenge, Problem},
    claims::{Audience, RoleSource, ScopeSource, Scopes, TypedToken, VerifiedToken},
    clock::{Clock, SystemClock},
    config_error::ConfigError,
    cookie::{AuthCookies, CookieError},
    credentials::Credentials,
    csrf::{Csrf, CsrfCheck, CsrfToken},
    error::{AuthError, AuthErrorKind},
    issue::{IssueError, IssuedToken, Issuer, IssuerBuilder, SigningKeys},
    issuers::Issuers,
    jose::{Algorithm, Header, Key, SigningKey, SkippedKey},
    keys::{BoxFuture, KeySet, KeySetId, KeySource, Keys, KeysUnavailable, Refresh},
    log::log,
    login_limits::{LoginAttempt, LoginLimits, LoginLimitsBuilder, TooManyLogins},
    mismatch::Mismatch,
    policy::Policy,
    provider::Provider,
    revocation::{
        LogBatch, LogPosition, Revocation, RevocationBuilder, RevocationEntry, RevocationLog,
        RevocationStatus, RevokeError, Revoked,
    },
    session::{
        Client, Digest, EndedSession, Ending, Identity, MemoryStore, PendingLogin, PreviousToken,
        Realm, Session, SessionError, SessionErrorKind, SessionEvent, SessionId, SessionStore,
        Sessions, SessionsBuilder, StoreCapabilities, StoreError, StoreMark, StoredSession,
        TokenPair,
    },
    session_routes::{Answer, Reply, SessionRoutes, SignIn},
    source::{RequestHead, TokenSource},
    verify::{Check, Explanation, Verdict, Verifier, VerifierBuilder},
};
