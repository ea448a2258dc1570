//! The head of a request, as the core reads it.

use countersign::RequestHead;
use http::{
    HeaderMap, Method, Request, Uri,
    header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL},
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
        let values = match name {
            "authorization" => self.headers.get_all(AUTHORIZATION),
            "cookie" => self.headers.get_all(COOKIE),
            "sec-websocket-protocol" => self.headers.get_all(SEC_WEBSOCKET_PROTOCOL),
            name => self.headers.get_all(name),
        };
        for value in values {
            visit(value.as_bytes());
        }
    }
}
