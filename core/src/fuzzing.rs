//! Ways into private parsers, for the targets in `fuzz/`. Only there with `--cfg fuzzing`, which
//! `cargo fuzz` sets, and no part of the API.

#[cfg(feature = "remote")]
pub use crate::remote::fuzzing::*;
#[cfg(feature = "sessions")]
pub use crate::session::fuzzing::*;
use crate::{
    error::AuthErrorKind,
    jose::{Header, base64url},
    request::{RequestHead, TokenSource},
};

/// Decodes canonical base64url.
pub fn base64url_decode(text: &[u8]) -> Option<Vec<u8>> {
    base64url::decode(text)
}

/// Writes base64url.
pub fn base64url_encode(bytes: &[u8]) -> String {
    base64url::encode(bytes)
}

/// Reads an encoded header.
pub fn header(encoded: &str) -> Result<Header, AuthErrorKind> {
    Header::parse(encoded)
}

/// Returns the trust domain of a SPIFFE ID, with its scheme.
pub fn trust_domain_of(id: &str) -> Option<&str> {
    crate::claims::trust_domain_of(id)
}

/// Returns whether `htu` of a proof is the URL of a request for this path at a service with this external URL.
#[cfg(feature = "proof")]
pub fn is_url_of(external_url: &str, htu: &str, path: &str) -> bool {
    crate::proof::ExternalUrl::parse(external_url).is_ok_and(|own| own.is_of(htu, path))
}

/// Checks the name of an issuer as before a resolver is asked. An error is the fault.
#[cfg(feature = "remote")]
pub fn issuer_name(name: &str) -> Result<(), &'static str> {
    crate::verify::check_issuer_name(name)
}

/// Finds the one token of a request, and whether it is ambiguous.
pub fn find<'h>(
    source: &TokenSource,
    head: &'h dyn RequestHead,
) -> Result<Option<(&'h str, bool)>, AuthErrorKind> {
    let Some(found) = source.find(head, false)? else {
        return Ok(None);
    };
    Ok(Some((found.token.read()?, found.found.is_ambiguous)))
}
