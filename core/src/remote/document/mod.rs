//! The documents of an identity provider, and how their answers are read.

pub(crate) mod discovery;
mod endpoint;
mod failure;
pub(crate) mod http_caching;
mod single_keys;

pub use self::discovery::Discovery;
pub(crate) use self::{
    endpoint::{Endpoint, Fetched, Location},
    failure::Failure,
    http_caching::LONGEST_LIFETIME,
};
