//! The head of a request, as core reads it.

use std::{fmt, net::IpAddr};

#[cfg(feature = "proof")]
use actix_web::HttpMessage as _;
use actix_web::{
    HttpRequest,
    http::{
        header::{AUTHORIZATION, COOKIE, HeaderName, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
        uri::Authority,
    },
};
use countersign::adapter::RequestHead;
#[cfg(feature = "proof")]
use countersign::proof::ClientCertificate;

/// A view of a request's head, for what core reads of one: `SessionRoutes::answer`, [`Csrf`](countersign::Csrf), an
/// [`Authenticator`](countersign::Authenticator). It copies nothing.
///
/// # Examples
///
/// A route without a session, whose requests must come from the own site:
///
/// ```
/// use actix_web::HttpRequest;
/// use countersign::{AuthError, Csrf};
/// use countersign_actix::Head;
///
/// fn check(csrf: &Csrf, request: &HttpRequest) -> Result<(), AuthError> {
///     csrf.check_login(&Head::from(request))
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Head<'r>(pub(crate) &'r HttpRequest);

impl<'r> From<&'r HttpRequest> for Head<'r> {
    fn from(request: &'r HttpRequest) -> Self {
        Self(request)
    }
}

/// Shows the method: there may be tokens in all else.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", self.0.method())
            .finish_non_exhaustive()
    }
}

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

    fn authority(&self) -> Option<&str> {
        self.0.uri().authority().map(Authority::as_str)
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let headers = self.0.headers();
        // A constant needs no parsing, a name would be parsed for each request.
        let values = match name {
            "authorization" => headers.get_all(&AUTHORIZATION),
            "cookie" => headers.get_all(&COOKIE),
            "sec-websocket-protocol" => headers.get_all(&SEC_WEBSOCKET_PROTOCOL),
            "sec-fetch-mode" => headers.get_all(&SEC_FETCH_MODE),
            "upgrade" => headers.get_all(&UPGRADE),
            name => headers.get_all(name),
        };
        for value in values {
            visit(value.as_bytes());
        }
    }

    fn visit_headers<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in self.0.headers() {
            visit(name.as_str(), value.as_bytes());
        }
    }

    fn peer(&self) -> Option<IpAddr> {
        self.0.peer_addr().map(|address| address.ip())
    }

    #[cfg(feature = "proof")]
    fn client_certificate(&self) -> Option<ClientCertificate> {
        let of_connection = self.0.conn_data().copied();
        of_connection.or_else(|| self.0.extensions().get().copied())
    }
}

static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

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
    fn the_authority_is_that_of_the_target_and_host_is_a_header_like_any_other() {
        let seen = |uri: &str| {
            let request = TestRequest::default()
                .uri(uri)
                .insert_header(("host", "internal:8080"));
            let request = request.to_http_request();
            let head = Head(&request);
            let mut hosts = Vec::new();
            head.visit_header("host", &mut |value| hosts.push(value));
            assert_eq!(hosts, [b"internal:8080"], "{uri}");
            (head.authority().map(str::to_owned), head.path().to_owned())
        };
        let path = "/orders".to_owned();
        assert_eq!(seen("/orders"), (None, path.clone()));
        let authority = Some("app.example:8443".to_owned());
        assert_eq!(
            seen("http://app.example:8443/orders?page=2"),
            (authority, path)
        );
    }

    #[test]
    fn a_name_that_no_header_can_have_finds_nothing() {
        let request = TestRequest::default().to_http_request();
        Head(&request).visit_header("no header", &mut |_| unreachable!());
    }
}
