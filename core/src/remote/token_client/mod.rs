//! Tokens of this service's own, with which it calls others.

mod access_token;
mod answer;
mod authentication;
mod backoff;
mod builder;
mod client;
mod endpoint;
mod error;
mod form;
mod slot;

#[cfg(fuzzing)]
pub(in crate::remote) use self::answer::read;
pub use self::{
    access_token::AccessToken,
    authentication::ClientAuthentication,
    builder::TokenClientBuilder,
    client::TokenClient,
    error::{TokenError, TokenErrorKind},
};
