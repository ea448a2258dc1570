//! The head of an actix-web request, as the core reads it.

use actix_web::{
    HttpRequest,
    http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL},
};
use countersign::RequestHead;

/// A view of a request's head. It copies nothing.
pub(crate) struct Head<'r>(pub(crate) &'r HttpRequest);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn path(&self) -> &str {
        self.0.uri().path()
    }

    fn query(&self) -> Option<&str> {
        self.0.uri().query()
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let headers = self.0.headers();
        // A constant is found without parsing the name, which would happen with each request.
        let values = match name {
            "authorization" => headers.get_all(&AUTHORIZATION),
            "cookie" => headers.get_all(&COOKIE),
            "sec-websocket-protocol" => headers.get_all(&SEC_WEBSOCKET_PROTOCOL),
            name => headers.get_all(name),
        };
        let mut found = false;
        for value in values {
            found = true;
            visit(value.as_bytes());
        }
        // HTTP/2 names the host in the request target (RFC 9113 section 8.3.1).
        if let ("host", false, Some(authority)) = (name, found, self.0.uri().authority()) {
            visit(authority.as_str().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn every_value_of_a_header_is_visited_in_order() {
        let request = TestRequest::post()
            .uri("/orders/7?page=2")
            .append_header(("X-Token", "first"))
            .append_header(("x-token", "second"))
            .to_http_request();
        let head = Head(&request);

        let mut values = Vec::new();
        head.visit_header("x-token", &mut |value| values.push(value));
        assert_eq!(values, [b"first".as_slice(), b"second"]);
        assert_eq!(
            (head.method(), head.path(), head.query()),
            ("POST", "/orders/7", Some("page=2"))
        );
    }

    #[test]
    fn a_name_that_no_header_can_have_finds_nothing() {
        let request = TestRequest::default().to_http_request();
        Head(&request).visit_header("no header", &mut |_| unreachable!());
    }
}
