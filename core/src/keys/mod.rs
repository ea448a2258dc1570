//! Verification keys: one, a set, or a source that renews them.

#[cfg(feature = "remote")]
mod fetch;
#[cfg(feature = "remote")]
mod http;
#[cfg(feature = "remote")]
mod remote;
mod set;
mod source;
#[cfg(feature = "remote")]
mod url;

#[cfg(all(fuzzing, feature = "remote"))]
pub(crate) use self::remote::fuzzing;
#[cfg(feature = "remote")]
pub use self::{
    fetch::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse},
    http::{HttpFetch, HttpFetchBuilder},
    remote::{Discovery, KeysState, KeysStatus, RemoteKeys, RemoteKeysBuilder, SavedKeys},
};
pub use self::{
    set::{KeySet, KeySetId},
    source::{BoxFuture, KeySource, Keys, KeysUnavailable, Refresh},
};
