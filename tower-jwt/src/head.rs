//! The head of a request, as the core reads it.

use countersign::RequestHead;
use http::{
    HeaderMap, Method, Request, Uri,
    header::{AUTHORIZATION, AsHeaderName, COOKIE, SEC_WEBSOCKET_PROTOCOL},
    request::Parts,
};

/// A view of a request: no body, no copies.
pub(crate) struct Head<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
}

impl<'r, B> From<&'r Request<B>> for Head<'r> {
    fn from(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
        }
    }
}

impl<'r> From<&'r Parts> for Head<'r> {
    fn from(parts: &'r Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
        }
    }
}

impl<'r> Head<'r> {
    /// Whether there is such a header.
    fn visit(&self, name: impl AsHeaderName + Copy, visit: &mut dyn FnMut(&'r [u8])) -> bool {
        let Some(first) = self.headers.get(name) else {
            return false;
        };
        visit(first.as_bytes());
        // Where no header is there twice, neither is this one.
        if self.headers.len() != self.headers.keys_len() {
            for value in self.headers.get_all(name).iter().skip(1) {
                visit(value.as_bytes());
            }
        }
        true
    }
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        // A constant is found without parsing the name, which would happen with each request.
        let found = match name {
            "authorization" => self.visit(&AUTHORIZATION, visit),
            "cookie" => self.visit(&COOKIE, visit),
            "sec-websocket-protocol" => self.visit(&SEC_WEBSOCKET_PROTOCOL, visit),
            name => self.visit(name, visit),
        };
        // HTTP/2 names the host in the request target (RFC 9113 section 8.3.1).
        if let ("host", false, Some(authority)) = (name, found, self.uri.authority()) {
            visit(authority.as_str().as_bytes());
        }
    }
}
