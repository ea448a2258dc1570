// `tests/tests/readme` compiles the snippets. As doc tests they would need hidden lines, which GitHub and crates.io show.
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
pub mod claims;
mod clock;
mod error;
mod future;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod issue;
mod jose;
pub mod keys;
mod log;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
#[cfg(feature = "proof")]
pub mod proof;
#[cfg(feature = "remote")]
pub mod remote;
mod request;
pub mod revocation;
#[cfg(feature = "sessions")]
pub mod session;
mod sync;
#[cfg(feature = "test-util")]
pub mod testing;
mod verify;

#[cfg(feature = "cache")]
pub use self::auth::TokenSubject;
#[cfg(feature = "remote")]
pub use self::remote::remote_keys::RemoteKeys;
#[cfg(feature = "sessions")]
pub use self::session::{
    http::routes::SessionRoutes, sessions::Sessions, store::memory::MemoryStore,
};
#[cfg(feature = "remote")]
pub use self::verify::{DynamicIssuers, DynamicIssuersBuilder, Tenant, Tenants};
#[cfg(feature = "cache")]
pub use self::verify::{TokenCache, TokenCacheBuilder};
pub use self::{
    auth::{
        AuthCookies, Authenticator, Csrf, OpaqueIdentity, OpaqueToken, OpaqueTokenError,
        OpaqueTokens, Policy, PrincipalError, PrincipalResolver,
    },
    claims::{provider::Provider, token::VerifiedToken},
    clock::{Clock, SystemClock},
    error::{AuthError, AuthErrorKind, ConfigError, LogLevel},
    issue::{issuer::Issuer, signing_keys::SigningKeys},
    jose::{Algorithm, Key, SigningKey},
    keys::{set::KeySet, source::Keys},
    request::TokenSource,
    revocation::list::Revocation,
    verify::{Issuers, Verifier, VerifierBuilder},
};

/// For adapters to web frameworks: what they read of a request, and how they answer it.
///
/// Apps on axum, tonic, hyper or actix-web need nothing of this module, except [`Reply`](adapter::Reply) for session
/// routes of their own. The guide [frameworks](guide::frameworks) builds an adapter in 25 lines.
pub mod adapter {
    pub use crate::{
        auth::{Anonymous, Authenticate, CsrfCheck, CsrfToken},
        error::{Challenge, Problem},
        log::log,
        request::{Credentials, RequestHead},
    };
    #[cfg(feature = "sessions")]
    pub use crate::{
        request::OwnedHead,
        session::http::{answer::Answer, reply::Reply},
    };
}

/// Verdicts for people: why a token was accepted or refused.
///
/// [`Verifier::explain`] makes an [`Explanation`](explain::Explanation), for a log or a tool of your own: it lists every
/// check of a token, what was expected and what was found. Do not send it to a client.
pub mod explain {
    pub use crate::{
        error::Mismatch,
        verify::{Check, Explanation, Verdict},
    };
}

/// Names that revocation shares with sessions. The rest comes with the feature `sessions`.
#[cfg(not(feature = "sessions"))]
pub mod session {
    pub use crate::claims::{realm::Realm, session_id::SessionId};

    /// The error of a revocation log.
    pub mod store {
        pub use crate::error::StoreError;
    }
}
