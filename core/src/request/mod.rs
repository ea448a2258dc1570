//! The parts of a request that authentication reads: its head, and the token in it.

#[cfg(feature = "proof")]
mod client_certificate;
mod credentials;
mod head;
#[cfg(feature = "sessions")]
mod owned;
mod source;
mod token_text;

#[cfg(feature = "proof")]
pub use self::client_certificate::ClientCertificate;
#[cfg(feature = "sessions")]
pub(crate) use self::head::{cookie, visit_cookies};
#[cfg(feature = "sessions")]
pub use self::owned::OwnedHead;
pub use self::{credentials::Credentials, head::RequestHead, source::TokenSource};
pub(crate) use self::{
    credentials::{Provenance, Scheme},
    head::{DuplicateHeader, ends_in_number, single_header, target_authority},
    source::header_token,
    token_text::TokenText,
};
