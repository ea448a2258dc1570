//! The sources of a request's token.

use std::{fmt, sync::Arc};

use super::{
    credentials::{Credentials, Provenance, Scheme, authorization},
    head::{AUTHORIZATION, COOKIE, RequestHead, ascii, cookie, non_empty_header},
    token_text::TokenText,
};
use crate::error::AuthErrorKind;

/// The sources of a request's token. The default is the `Authorization` header, and only that.
///
/// 1. One request, one token. Two `Authorization` headers are a bad request (400). Two cookies of
///    the name with different values are no token (401): one was planted, and nobody can tell which.
/// 2. When a second enabled source carries a token as well, the first must be good *and* alone: a
///    bad first one is refused as such (401), a good one as ambiguous (400). The second is never
///    used instead of the first.
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
pub struct TokenSource(Vec<Source>);

/// A function of the app that finds a token.
type Finder = dyn Fn(&dyn RequestHead) -> Option<&str> + Send + Sync;

#[derive(Clone)]
enum Source {
    Bearer,
    Cookie(Box<str>),
    Custom(Arc<Finder>),
    Header(Box<str>),
    Query(Box<str>),
    WebsocketProtocol,
}

impl TokenSource {
    /// Reads `Authorization: Bearer <token>` (RFC 6750 section 2.1). The default.
    pub fn bearer() -> Self {
        Self(vec![Source::Bearer])
    }

    /// Reads a cookie (RFC 6265 section 4.2). Its name is compared exactly.
    ///
    /// Browsers send it by themselves, so requests that change something or open a WebSocket are
    /// checked by [`Csrf`](crate::Csrf). Unless the name begins with `__Host-`, every subdomain of the
    /// site can plant one.
    pub fn cookie(name: impl Into<String>) -> Self {
        Self(vec![Source::Cookie(name.into().into_boxed_str())])
    }

    /// Reads a header whose value is the token and nothing else.
    pub fn header(name: impl Into<String>) -> Self {
        let name = name.into().to_ascii_lowercase();
        Self(vec![Source::Header(name.into_boxed_str())])
    }

    /// Reads a query parameter, for example `access_token`.
    ///
    /// Unsafe for most uses: URLs end up in logs, histories and `Referer` headers, which is why
    /// OAuth 2.1 dropped it (RFC 6750 section 5.3, RFC 9700 section 4.3.2). The adapters answer a request
    /// with such a parameter with `Referrer-Policy: no-referrer`, so that a page does not send its own URL on.
    pub fn query(name: impl Into<String>) -> Self {
        Self(vec![Source::Query(name.into().into_boxed_str())])
    }

    /// Reads the protocol `bearer.<token>` in `Sec-WebSocket-Protocol` (RFC 6455 section 11.3.4), for
    /// browsers, whose WebSocket API can set no header.
    ///
    /// The client offers a real protocol beside it; the server answers with that one, never with
    /// the token.
    pub fn websocket_protocol() -> Self {
        Self(vec![Source::WebsocketProtocol])
    }

    /// Asks a function that finds the token in the request head.
    ///
    /// It does not count as a cookie: one that reads a cookie is not protected by
    /// [`Csrf`](crate::Csrf). For a plain cookie there is [`cookie`](Self::cookie).
    pub fn custom<F>(find: F) -> Self
    where
        F: Fn(&dyn RequestHead) -> Option<&str> + Send + Sync + 'static,
    {
        Self(vec![Source::Custom(Arc::new(find))])
    }

    /// Adds the sources of `other`.
    pub fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns whether one of these sources is the one at `index` of `all`.
    pub(crate) fn allows(&self, all: &Self, index: usize) -> bool {
        let source = all.0.get(index);
        source.is_some_and(|source| self.0.iter().any(|own| own.is(source)))
    }

    /// Finds the one token that the request carries, in the first source that has one. `Authorization: DPoP` counts as
    /// `Bearer` does, if it is accepted.
    pub(crate) fn find<'h>(
        &self,
        head: &'h dyn RequestHead,
        accepts_dpop: bool,
    ) -> Result<Option<Credentials<'h>>, AuthErrorKind> {
        let mut found: Option<Credentials<'h>> = None;
        for (index, source) in self.0.iter().enumerate() {
            match (&mut found, source.find(head, accepts_dpop)) {
                (None, first) => {
                    found = first?.map(|(token, scheme)| Credentials {
                        token,
                        from_cookie: matches!(source, Source::Cookie(_)),
                        found: Provenance {
                            source_index: Some(index),
                            scheme,
                            ..Provenance::default()
                        },
                    });
                }
                (Some(first), Ok(Some(_)) | Err(_)) => first.found.is_ambiguous = true,
                (Some(_), Ok(None)) => {}
            }
        }
        Ok(found)
    }

    /// Returns whether the query of a request carries what one of these sources would read.
    pub(crate) fn is_in_url(&self, head: &dyn RequestHead) -> bool {
        let mut sources = self.0.iter();
        sources.any(|source| match source {
            Source::Query(name) => !matches!(query(head, name), Ok(None)),
            _ => false,
        })
    }

    /// Returns the names of the headers that can carry the token, in lower case.
    pub(crate) fn headers(&self) -> Vec<&str> {
        let names = self.0.iter().filter_map(|source| match source {
            Source::Bearer => Some(AUTHORIZATION),
            Source::Cookie(_) => Some(COOKIE),
            Source::Custom(_) | Source::Query(_) => None,
            Source::Header(name) => Some(&**name),
            Source::WebsocketProtocol => Some(WEBSOCKET_PROTOCOL),
        });
        names.collect()
    }
}

impl Default for TokenSource {
    fn default() -> Self {
        Self::bearer()
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => one.fmt(f),
            several => f.debug_list().entries(several).finish(),
        }
    }
}

impl Source {
    fn find<'h>(
        &self,
        head: &'h dyn RequestHead,
        accepts_dpop: bool,
    ) -> Result<Option<(TokenText<'h>, Scheme)>, AuthErrorKind> {
        let found = match self {
            Self::Bearer => return authorization(head, accepts_dpop),
            Self::Cookie(name) => cookie(head, name)?,
            Self::Custom(find) => find(head),
            Self::Header(name) => header_token(head, name)?,
            Self::Query(name) => query(head, name)?,
            Self::WebsocketProtocol => websocket_protocol(head)?,
        };
        Ok(found.map(|text| (TokenText::Str(text), Scheme::None)))
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cookie(own), Self::Cookie(other))
            | (Self::Header(own), Self::Header(other))
            | (Self::Query(own), Self::Query(other)) => own == other,
            (Self::Custom(own), Self::Custom(other)) => Arc::ptr_eq(own, other),
            (Self::Bearer, Self::Bearer) | (Self::WebsocketProtocol, Self::WebsocketProtocol) => {
                true
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer => f.write_str("bearer"),
            Self::Cookie(name) => write!(f, "cookie({name:?})"),
            Self::Custom(_) => f.write_str("custom"),
            Self::Header(name) => write!(f, "header({name:?})"),
            Self::Query(name) => write!(f, "query({name:?})"),
            Self::WebsocketProtocol => f.write_str("websocket_protocol"),
        }
    }
}

/// Reads a header whose value is the token and nothing else.
pub(crate) fn header_token<'h>(
    head: &'h dyn RequestHead,
    name: &str,
) -> Result<Option<&'h str>, AuthErrorKind> {
    non_empty_header(head, name)?.map(ascii).transpose()
}

const WEBSOCKET_PROTOCOL: &str = "sec-websocket-protocol";

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
    found.map(ascii).transpose()
}
