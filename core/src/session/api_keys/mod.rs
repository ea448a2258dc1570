//! API keys of users: made, kept as keyed hashes, listed, ended, and checked at each request.

mod builder;
mod check;
mod error;
mod keys;
mod known;
mod new_key;
pub(super) mod text;
mod view;

pub use self::{
    builder::ApiKeysBuilder, error::ApiKeyError, keys::ApiKeys, new_key::NewApiKey,
    text::ApiKeyText, view::ApiKey,
};
