//! The head of a request, and what is read of its headers.

use std::net::IpAddr;

#[cfg(feature = "proof")]
use super::client_certificate::ClientCertificate;
use crate::{error::AuthErrorKind, jose::json};

/// The head of a request, as the core reads it: no body, no copies.
///
/// An adapter implements it for its framework's request type; that is all a further framework
/// needs. Header names are compared without case by the implementation.
pub trait RequestHead {
    /// The method: `GET`, `POST` ...
    fn method(&self) -> &str;
    /// The path, starting with `/`.
    fn path(&self) -> &str;
    /// The path as the client sent it, where a router has taken a part of it away. Default: [`path`](Self::path). A head
    /// around another one asks that one.
    fn target_path(&self) -> &str {
        self.path()
    }
    /// The query, without the question mark.
    fn query(&self) -> Option<&str>;
    /// The authority of the request target: `:authority` in HTTP/2 and HTTP/3, that of the absolute
    /// form in HTTP/1. `None` where the target has none, as in origin form.
    ///
    /// It names the host of the request, and `Host` counts only where it is absent (RFC 9112 section
    /// 3.2.2, RFC 9113 section 8.3.1). That rule is the core's: do not answer with `Host` here.
    fn authority(&self) -> Option<&str>;
    /// Calls `visit` with the raw value of each header called `name` (in lower case), in order.
    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8]));

    /// Calls `visit` with the name, in any case, and the raw value of each header. Default: no header is visited.
    ///
    /// Only for [copies](crate::adapter::OwnedHead) of the head, which logins get on request.
    fn visit_headers<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        let _ = visit;
    }

    /// The address at the other end of the connection, if it is known: the client's, or the last
    /// proxy's. No header has a say in it. Default `None`.
    fn peer(&self) -> Option<IpAddr> {
        None
    }

    /// The certificate that the client proved in the TLS handshake, if there is one. No header has a say in it. Default
    /// `None`.
    #[cfg(feature = "proof")]
    fn client_certificate(&self) -> Option<ClientCertificate> {
        None
    }
}

pub(crate) const AUTHORIZATION: &str = "authorization";
pub(crate) const COOKIE: &str = "cookie";

/// Returns the raw value of the one header of this name.
pub(crate) fn single_header<'h>(
    head: &'h dyn RequestHead,
    name: &str,
) -> Result<Option<&'h [u8]>, DuplicateHeader> {
    let mut found = None;
    let mut several = false;
    head.visit_header(name, &mut |value| several |= found.replace(value).is_some());
    if several {
        Err(DuplicateHeader)
    } else {
        Ok(found)
    }
}

/// There is more than one header of the name.
pub(crate) struct DuplicateHeader;

/// Returns the one header of this name, without white space at its end; an empty one counts as absent.
pub(crate) fn non_empty_header<'h>(
    head: &'h dyn RequestHead,
    name: &str,
) -> Result<Option<&'h [u8]>, AuthErrorKind> {
    let value =
        single_header(head, name).map_err(|DuplicateHeader| AuthErrorKind::MalformedRequest)?;
    Ok(value
        .map(<[u8]>::trim_ascii_end)
        .filter(|value| !value.is_empty()))
}

/// Returns host and port of the request: the authority of its target, else the one `Host` header
/// (RFC 9112 section 3.3).
pub(crate) fn target_authority(head: &dyn RequestHead) -> Result<Option<&[u8]>, DuplicateHeader> {
    match head.authority() {
        Some(authority) => Ok(Some(authority.as_bytes())),
        None => single_header(head, "host"),
    }
}

/// Returns whether the last label of a host is a number: then readers of the URL standard take it for an
/// IPv4 address, or for nothing (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
///
/// `127.1` and `0x7f000001` are addresses to such readers, and names to others.
pub(crate) fn ends_in_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal
        || last
            .strip_prefix("0x")
            .or(last.strip_prefix("0X"))
            .is_some_and(is_hex)
}

/// Returns the value of a cookie; an empty one counts as absent. Two different values are no token: one
/// was planted.
pub(crate) fn cookie<'h>(
    head: &'h dyn RequestHead,
    name: &str,
) -> Result<Option<&'h str>, AuthErrorKind> {
    let mut found = None;
    let mut conflict = false;
    visit_cookies(head, name, |value| {
        conflict |= found.replace(value).is_some_and(|first| first != value);
    });
    if conflict {
        return Err(AuthErrorKind::MalformedToken);
    }
    found
        .filter(|value| !value.is_empty())
        .map(ascii)
        .transpose()
}

/// Visits the value of each cookie of this name, also of those that were planted.
#[inline]
pub(crate) fn visit_cookies<'h>(
    head: &'h dyn RequestHead,
    name: &str,
    mut visit: impl FnMut(&'h [u8]),
) {
    head.visit_header(COOKIE, &mut |header| {
        for pair in header.split(|byte| *byte == b';') {
            let value = pair
                .trim_ascii()
                .strip_prefix(name.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="));
            if let Some(value) = value {
                visit(unquoted(value.trim_ascii()));
            }
        }
    });
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// Reads a token as text, for it is ASCII. Its alphabet is checked when it is parsed.
pub(super) fn ascii(token: &[u8]) -> Result<&str, AuthErrorKind> {
    json::text(token).ok_or(AuthErrorKind::MalformedToken)
}
