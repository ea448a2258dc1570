//! The request, as far as authentication reads it: its head, and the token in it.

mod credentials;
mod host;
mod source;

pub use self::{
    credentials::Credentials,
    source::{RequestHead, TokenSource},
};
pub(crate) use self::{
    credentials::{Provenance, TokenText},
    host::ends_in_number,
    source::{DuplicateHeader, cookie, single, target_authority, visit_cookies},
};
