//! Where a request carries its token.

use std::{fmt, net::IpAddr, sync::Arc};

use super::credentials::{Credentials, Provenance, TokenText};
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

    /// The address at the other end of the connection, if it is known: the client's, or the last
    /// proxy's. No header has a say in it. Default `None`.
    fn peer(&self) -> Option<IpAddr> {
        None
    }
}

/// Where a request carries its token. The default is the `Authorization` header, and only that.
///
/// 1. One request, one token. Two `Authorization` headers are a bad request (400). Two cookies of
///    the name with different values are no token (401): one was planted, and nobody can tell which.
/// 2. When a second enabled source carries a token as well, the first must be good *and* alone: a
///    bad first one is refused as such (401), a good one as ambiguous (400). The second is never
///    used in place of the first.
/// 3. A source that carries nothing, or another scheme, counts as empty.
///
/// # Examples
///
/// ```
/// use countersign::TokenSource;
///
/// let browsers_too = TokenSource::bearer().or(TokenSource::cookie("__Host-access"));
/// ```
#[must_use = "a source does nothing until an `Authenticator` uses it"]
#[derive(Clone)]
pub struct TokenSource(Source);

/// A function of the app that finds a token.
type Finder = dyn Fn(&dyn RequestHead) -> Option<&str> + Send + Sync;

#[derive(Clone)]
enum Source {
    Bearer,
    Cookie(Box<str>),
    Custom(Arc<Finder>),
    Header(Box<str>),
    Query(Box<str>),
    DuplicateHeader(Vec<TokenSource>),
    WebsocketProtocol,
}

impl TokenSource {
    /// `Authorization: Bearer <token>` (RFC 6750 section 2.1). The default.
    pub fn bearer() -> Self {
        Self(Source::Bearer)
    }

    /// A cookie (RFC 6265 section 4.2). Its name is compared exactly.
    ///
    /// Browsers send it by themselves, so requests that change something or open a WebSocket are
    /// checked by [`Csrf`](crate::Csrf). Unless the name begins with `__Host-`, every subdomain of the
    /// site can plant one.
    pub fn cookie(name: impl Into<String>) -> Self {
        Self(Source::Cookie(name.into().into_boxed_str()))
    }

    /// A header that holds nothing but the token.
    pub fn header(name: impl Into<String>) -> Self {
        Self(Source::Header(
            name.into().to_ascii_lowercase().into_boxed_str(),
        ))
    }

    /// A query parameter, for example `access_token`.
    ///
    /// Unsafe for most uses: URLs end up in logs, histories and `Referer` headers, which is why
    /// OAuth 2.1 dropped it (RFC 6750 section 5.3, RFC 9700 section 4.3.2).
    pub fn query(name: impl Into<String>) -> Self {
        Self(Source::Query(name.into().into_boxed_str()))
    }

    /// The protocol `bearer.<token>` in `Sec-WebSocket-Protocol` (RFC 6455 section 11.3.4), for
    /// browsers, whose WebSocket API can set no header.
    ///
    /// The client offers a real protocol beside it; the server answers with that one, never with
    /// the token.
    pub fn websocket_protocol() -> Self {
        Self(Source::WebsocketProtocol)
    }

    /// A function that finds the token in the request head.
    ///
    /// It does not count as a cookie: one that reads a cookie is not protected by
    /// [`Csrf`](crate::Csrf). For a plain cookie there is [`cookie`](Self::cookie).
    pub fn custom<F>(find: F) -> Self
    where
        F: Fn(&dyn RequestHead) -> Option<&str> + Send + Sync + 'static,
    {
        Self(Source::Custom(Arc::new(find)))
    }

    /// This source, and `other` too.
    pub fn or(self, other: Self) -> Self {
        let mut sources = self.into_parts();
        sources.extend(other.into_parts());
        Self(Source::DuplicateHeader(sources))
    }

    /// One of the sources that this consists of, none of which consists of others.
    pub(crate) fn part(&self, index: usize) -> Option<&Self> {
        match &self.0 {
            Source::DuplicateHeader(sources) => sources.get(index),
            _ => (index == 0).then_some(self),
        }
    }

    /// Whether this is `part`, or consists of it and others.
    pub(crate) fn contains(&self, part: &Self) -> bool {
        match (&self.0, &part.0) {
            (Source::DuplicateHeader(sources), _) => sources.iter().any(|own| own.contains(part)),
            (Source::Cookie(own), Source::Cookie(other))
            | (Source::Header(own), Source::Header(other))
            | (Source::Query(own), Source::Query(other)) => own == other,
            (Source::Custom(own), Source::Custom(other)) => Arc::ptr_eq(own, other),
            (Source::Bearer, Source::Bearer)
            | (Source::WebsocketProtocol, Source::WebsocketProtocol) => true,
            _ => false,
        }
    }

    fn into_parts(self) -> Vec<Self> {
        match self.0 {
            Source::DuplicateHeader(sources) => sources,
            one => vec![Self(one)],
        }
    }

    /// The one token that the request carries.
    pub(crate) fn find<'h>(
        &self,
        head: &'h dyn RequestHead,
    ) -> Result<Option<Credentials<'h>>, AuthErrorKind> {
        match &self.0 {
            Source::DuplicateHeader(sources) => find_first(sources, head),
            _ => self.find_one(head).map(|token| {
                Some(Credentials {
                    token: token?,
                    from_cookie: matches!(self.0, Source::Cookie(_)),
                    found: Provenance {
                        place: Some(0),
                        ..Provenance::default()
                    },
                })
            }),
        }
    }

    /// The names of the headers that can carry the token, in lower case.
    pub(crate) fn headers(&self) -> Vec<&str> {
        match &self.0 {
            Source::Bearer => vec![AUTHORIZATION],
            Source::Cookie(_) => vec![COOKIE],
            Source::Custom(_) | Source::Query(_) => Vec::new(),
            Source::Header(name) => vec![name],
            Source::DuplicateHeader(sources) => sources.iter().flat_map(Self::headers).collect(),
            Source::WebsocketProtocol => vec![WEBSOCKET_PROTOCOL],
        }
    }

    fn find_one<'h>(
        &self,
        head: &'h dyn RequestHead,
    ) -> Result<Option<TokenText<'h>>, AuthErrorKind> {
        let found = match &self.0 {
            Source::Bearer => return bearer(head),
            Source::Cookie(name) => cookie(head, name)?,
            Source::Custom(find) => find(head),
            Source::Header(name) => only(head, name)?.map(text).transpose()?,
            Source::Query(name) => query(head, name)?,
            Source::DuplicateHeader(_) => None,
            Source::WebsocketProtocol => websocket_protocol(head)?,
        };
        Ok(found.map(TokenText::Str))
    }
}

impl Default for TokenSource {
    fn default() -> Self {
        Self::bearer()
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Bearer => f.write_str("bearer"),
            Source::Cookie(name) => write!(f, "cookie({name:?})"),
            Source::Custom(_) => f.write_str("custom"),
            Source::Header(name) => write!(f, "header({name:?})"),
            Source::Query(name) => write!(f, "query({name:?})"),
            Source::DuplicateHeader(sources) => f.debug_list().entries(sources).finish(),
            Source::WebsocketProtocol => f.write_str("websocket_protocol"),
        }
    }
}

/// The token of the first source that carries one.
fn find_first<'h>(
    sources: &[TokenSource],
    head: &'h dyn RequestHead,
) -> Result<Option<Credentials<'h>>, AuthErrorKind> {
    let mut found: Option<Credentials<'h>> = None;
    for (index, source) in sources.iter().enumerate() {
        match (&mut found, source.find(head)) {
            (None, first) => {
                found = first?;
                if let Some(credentials) = &mut found {
                    credentials.found.place = Some(index);
                }
            }
            (Some(first), Ok(Some(_)) | Err(_)) => first.found.ambiguous = true,
            (Some(_), Ok(None)) => {}
        }
    }
    Ok(found)
}

const AUTHORIZATION: &str = "authorization";
const COOKIE: &str = "cookie";
const WEBSOCKET_PROTOCOL: &str = "sec-websocket-protocol";

/// `Authorization: Bearer <token68>` (RFC 9110 section 11.4, RFC 6750 section 2.1).
fn bearer(head: &dyn RequestHead) -> Result<Option<TokenText<'_>>, AuthErrorKind> {
    const SCHEME: &[u8] = b"bearer";

    let Some(value) = only(head, AUTHORIZATION)? else {
        return Ok(None);
    };
    // As nearly every client writes it. All else is taken apart below.
    if let Some(token) = value.strip_prefix(b"Bearer ")
        && !token.starts_with(b" ")
    {
        return Ok(Some(TokenText::Unread(token)));
    }
    let end = value
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t'))
        .unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    if !scheme.is_ascii() {
        return Err(AuthErrorKind::MalformedToken);
    }
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Ok(None);
    }
    match rest {
        [b' ', token @ ..] => one_token(token).map(TokenText::Str).map(Some),
        _ => Err(AuthErrorKind::MalformedRequest),
    }
}

/// Reads what stands behind the scheme and a space. More spaces may come first, and nothing may follow.
pub(crate) fn one_token(rest: &[u8]) -> Result<&str, AuthErrorKind> {
    if is_plain(rest) {
        return text(rest);
    }
    let token = rest.trim_ascii_start();
    let before = &rest[..rest.len() - token.len()];
    // Several words, several tokens, or auth-params: no token68 at all.
    let several = token.iter().any(|byte| matches!(byte, b' ' | b'\t' | b','));
    let params = token.windows(2).any(|pair| pair == b"=\"");
    if token.is_empty() || before.iter().any(|byte| *byte != b' ') || several || params {
        return Err(AuthErrorKind::MalformedRequest);
    }
    text(token)
}

/// Whether every byte is above the comma, as in every JWT. A short text counts as odd.
///
/// It looks at a whole block at once, and at the end twice where the blocks do not fill the text.
fn is_plain(token: &[u8]) -> bool {
    let (blocks, _) = token.as_chunks::<BLOCK>();
    let Some(mut least) = token.last_chunk::<BLOCK>().copied() else {
        return false;
    };
    for block in blocks {
        for (least, byte) in least.iter_mut().zip(block) {
            *least = (*least).min(*byte);
        }
    }
    least.into_iter().fold(u8::MAX, u8::min) > b','
}

/// How many bytes are compared at once.
const BLOCK: usize = 64;

/// The value of a cookie; an empty one counts as absent. Two different values are no token: one was
/// planted.
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
        .map(text)
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

fn query<'h>(head: &'h dyn RequestHead, name: &str) -> Result<Option<&'h str>, AuthErrorKind> {
    let mut values = head
        .query()
        .unwrap_or("")
        .split('&')
        .filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .filter(|value| !value.is_empty());
    let first = values.next();
    match values.next() {
        Some(_) => Err(AuthErrorKind::MalformedRequest),
        None => Ok(first),
    }
}

fn websocket_protocol(head: &dyn RequestHead) -> Result<Option<&str>, AuthErrorKind> {
    let mut found = None;
    let mut several = false;
    head.visit_header(WEBSOCKET_PROTOCOL, &mut |header| {
        for protocol in header.split(|byte| *byte == b',') {
            if let Some(token) = protocol.trim_ascii().strip_prefix(b"bearer.") {
                several |= found.replace(token).is_some();
            }
        }
    });
    if several {
        return Err(AuthErrorKind::MalformedRequest);
    }
    found.map(text).transpose()
}

/// The one header of this name, without white space at its end; an empty one counts as absent.
fn only<'h>(head: &'h dyn RequestHead, name: &str) -> Result<Option<&'h [u8]>, AuthErrorKind> {
    let value = single(head, name).map_err(|DuplicateHeader| AuthErrorKind::MalformedRequest)?;
    Ok(value
        .map(<[u8]>::trim_ascii_end)
        .filter(|value| !value.is_empty()))
}

/// Returns host and port of the request: the authority of its target, else the one `Host` header
/// (RFC 9112 section 3.3).
pub(crate) fn target_authority(head: &dyn RequestHead) -> Result<Option<&[u8]>, DuplicateHeader> {
    match head.authority() {
        Some(authority) => Ok(Some(authority.as_bytes())),
        None => single(head, "host"),
    }
}

/// The raw value of the one header of this name.
pub(crate) fn single<'h>(
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

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// A token is ASCII. Its alphabet is checked when it is parsed.
fn text(token: &[u8]) -> Result<&str, AuthErrorKind> {
    json::text(token).ok_or(AuthErrorKind::MalformedToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_holds_no_byte_that_a_token_must_not_hold() {
        for len in [0, 1, 31, 32, 33, 63, 64, 65, 541] {
            let good = vec![b'-'; len];
            assert_eq!(is_plain(&good), len >= BLOCK);
            for at in 0..len {
                for odd in [b'\t', b' ', b'"', b','] {
                    let mut bad = good.clone();
                    bad[at] = odd;
                    assert!(!is_plain(&bad), "{odd} at {at} of {len}");
                }
            }
        }
    }
}
