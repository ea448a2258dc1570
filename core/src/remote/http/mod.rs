//! The HTTP client for the documents of an identity provider.

mod builder;
mod client;
mod dyn_fetch;
mod fetch;
mod form_request;
mod proxy;
mod resolver;
pub(crate) mod url;

pub(crate) use self::dyn_fetch::DynFetch;
pub use self::{
    builder::HttpFetchBuilder,
    client::HttpFetch,
    fetch::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse},
    form_request::FormRequest,
};
