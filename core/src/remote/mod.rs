//! Keys of an identity provider: fetched, renewed ahead of time, kept through an outage.
//!
//! One way: `Schedule` says when, `Driver` fetches, `Endpoint` says what, and reads the answer, `Shared`
//! holds what requests read.

mod builder;
mod document;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod http;
mod refresh;
pub(crate) mod remote_keys;
mod saved;
mod status;

pub(crate) use self::remote_keys::RemoteKeys;
pub use self::{
    builder::RemoteKeysBuilder,
    document::Discovery,
    http::{
        Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse, HttpFetch, HttpFetchBuilder,
    },
    saved::SavedKeys,
    status::{KeysState, KeysStatus},
};
