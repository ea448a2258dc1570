//! The request, as far as authentication reads it: its head, and the token in it.

mod credentials;
mod head;
mod host;
mod source;

pub use self::{credentials::Credentials, head::RequestHead, source::TokenSource};
pub(crate) use self::{
    credentials::{Provenance, TokenText},
    head::{DuplicateHeader, cookie, single_header, target_authority, visit_cookies},
    host::ends_in_number,
};
