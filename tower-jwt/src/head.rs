//! The head of a request, as core reads it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

#[cfg(feature = "axum")]
use axum::extract::{ConnectInfo, OriginalUri};
use countersign::adapter::RequestHead;
#[cfg(feature = "proof")]
use countersign::proof::ClientCertificate;
use http::{
    Extensions, HeaderMap, Method, Request, Uri,
    header::{AUTHORIZATION, AsHeaderName, COOKIE, HeaderName, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
    request::Parts,
    uri::Authority,
};

/// A view of a request's head, for what core reads of one: `SessionRoutes::answer`, [`Csrf`](countersign::Csrf), an
/// [`Authenticator`](countersign::Authenticator). It copies nothing.
///
/// # Examples
///
/// A route without a session, whose requests must come from the own site:
///
/// ```
/// use countersign::{AuthError, Csrf};
/// use countersign_tower::Head;
///
/// fn check<B>(csrf: &Csrf, request: &http::Request<B>) -> Result<(), AuthError> {
///     csrf.check_login(&Head::from(request))
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Head<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    extensions: &'r Extensions,
}

impl<'r, B> From<&'r Request<B>> for Head<'r> {
    fn from(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<'r> From<&'r Parts> for Head<'r> {
    fn from(parts: &'r Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}

/// Shows the method: there may be tokens in all else.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", self.method)
            .finish_non_exhaustive()
    }
}

impl<'r> Head<'r> {
    fn visit(&self, name: impl AsHeaderName + Copy, visit: &mut dyn FnMut(&'r [u8])) {
        let Some(first) = self.headers.get(name) else {
            return;
        };
        visit(first.as_bytes());
        // Where no header is there twice, neither is this one.
        if self.headers.len() != self.headers.keys_len() {
            for value in self.headers.get_all(name).iter().skip(1) {
                visit(value.as_bytes());
            }
        }
    }
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.uri.path()
    }

    #[cfg(feature = "axum")]
    fn target_path(&self) -> &str {
        let original = self.extensions.get::<OriginalUri>();
        original.map_or(self.uri, |OriginalUri(uri)| uri).path()
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    fn authority(&self) -> Option<&str> {
        self.uri.authority().map(Authority::as_str)
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        // A constant needs no parsing, a name would be parsed for each request.
        match name {
            "authorization" => self.visit(&AUTHORIZATION, visit),
            "cookie" => self.visit(&COOKIE, visit),
            "sec-websocket-protocol" => self.visit(&SEC_WEBSOCKET_PROTOCOL, visit),
            "sec-fetch-mode" => self.visit(&SEC_FETCH_MODE, visit),
            "upgrade" => self.visit(&UPGRADE, visit),
            name => self.visit(name, visit),
        }
    }

    fn visit_headers<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in self.headers {
            visit(name.as_str(), value.as_bytes());
        }
    }

    fn peer(&self) -> Option<IpAddr> {
        let address = self.extensions.get::<SocketAddr>();
        #[cfg(feature = "axum")]
        let address = (self.extensions.get::<ConnectInfo<SocketAddr>>())
            .map(|ConnectInfo(address)| address)
            .or(address);
        address.map(SocketAddr::ip)
    }

    #[cfg(feature = "proof")]
    fn client_certificate(&self) -> Option<ClientCertificate> {
        self.extensions.get().copied()
    }
}

static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
