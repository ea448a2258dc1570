// The README shows the adapters too, so the suite in `tests/` is where its snippets are compiled.
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod challenge;
mod claims;
mod clock;
mod config_error;
mod cookie;
mod csrf;
mod error;
mod future;
mod issue;
mod issuers;
mod jose;
mod keys;
mod origin;
mod policy;
mod revocation;
mod session;
mod session_routes;
mod source;
#[cfg(feature = "test-util")]
pub mod testing;
mod verify;

pub use self::{
    auth::{Anonymous, Authenticate, Authenticator, log},
    challenge::{Challenge, Problem},
    claims::{Audience, Scopes, VerifiedToken},
    clock::{Clock, SystemClock},
    config_error::ConfigError,
    cookie::{AuthCookies, CookieError},
    csrf::{Csrf, CsrfCheck, CsrfToken},
    error::{AuthError, AuthErrorKind},
    issue::{IssueError, IssuedToken, Issuer, IssuerBuilder, SigningKeys},
    issuers::Issuers,
    jose::{Algorithm, Header, Key, SigningKey, SkippedKey},
    keys::{BoxFuture, KeySet, KeySource, Keys, KeysUnavailable, Refresh},
    policy::Policy,
    revocation::{
        LogBatch, LogPosition, Revocation, RevocationBuilder, RevocationEntry, RevocationLog,
        RevocationStatus, RevokeError, Revoked,
    },
    session::{
        Client, Digest, Ending, Identity, MemoryStore, Predecessor, Session, SessionError,
        SessionErrorKind, SessionEvent, SessionId, SessionStore, Sessions, SessionsBuilder,
        StoreError, StoredSession, TokenPair,
    },
    session_routes::{Reply, SessionRoutes, SignIn},
    source::{Credentials, RequestHead, TokenSource},
    verify::{Check, Explanation, Verdict, Verifier, VerifierBuilder},
};
