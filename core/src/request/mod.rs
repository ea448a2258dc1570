//! The request, as far as authentication reads it: its head, and the token in it.

mod credentials;
mod host;
mod source;

#[cfg(feature = "sessions")]
pub(crate) use self::source::{cookie, visit_cookies};
pub use self::{
    credentials::Credentials,
    source::{RequestHead, TokenSource},
};
pub(crate) use self::{
    credentials::{Provenance, TokenText},
    host::ends_in_number,
    source::{DuplicateHeader, single, target_authority},
};
