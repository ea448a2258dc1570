//! The HTTP client for the documents of an identity provider.

mod builder;
mod client;
mod fetch;
mod proxy;
mod resolver;
pub(crate) mod url;

pub use self::{
    builder::HttpFetchBuilder,
    client::HttpFetch,
    fetch::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse},
};
