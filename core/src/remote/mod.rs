//! Keys of an identity provider: fetched, renewed ahead of time, kept through an outage.
//!
//! Feature `remote`. Start with [`Verifier::discover`](crate::Verifier::discover) or
//! [`RemoteKeys`]. Look here for its [settings](RemoteKeysBuilder), its [status](KeysStatus) for
//! a readiness check, keys [saved](SavedKeys) for the next start, and to [set up](HttpFetchBuilder) the HTTP client
//! for a proxy or a company's certificates, or replace it by a [`Fetch`] of your own.

mod builder;
mod document;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod http;
mod refresh;
pub(crate) mod remote_keys;
mod saved;
mod status;
#[cfg(feature = "token-client")]
mod token_client;

#[cfg(feature = "metrics")]
pub(crate) use self::refresh::UNNAMED_LABEL;
#[cfg(feature = "token-client")]
pub use self::token_client::{
    AccessToken, ClientAuthentication, TokenClient, TokenClientBuilder, TokenError, TokenErrorKind,
};
pub use self::{
    builder::RemoteKeysBuilder,
    document::Discovery,
    http::{
        Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse, FormRequest, HttpFetch,
        HttpFetchBuilder,
    },
    saved::SavedKeys,
    status::{KeysState, KeysStatus},
};
pub(crate) use self::{http::url, refresh::unnamed, remote_keys::RemoteKeys};
