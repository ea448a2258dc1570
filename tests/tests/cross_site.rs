//! Tests of WebSocket handshakes and request targets under the cross-site protection, through every
//! entry.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use countersign::{Authenticator, Csrf, TokenSource, testing::TestIssuer};
use countersign_tests::{Answer, Entry, Request};

/// Sends a request through every entry, and checks that the answers are equal.
#[track_caller]
fn send(authenticator: &Authenticator, request: &Request) -> Answer {
    let [core, tower, actix] = Entry::ALL.map(|entry| entry.send(authenticator, request));
    assert_eq!(core, tower, "core and tower");
    assert_eq!(core, actix, "core and actix-web");
    core
}

/// Returns an authenticator that reads the cookie `access`, and a request of `app.test` that
/// carries it.
fn logged_in() -> (Authenticator, Request) {
    let issuer = TestIssuer::new();
    let authenticator = Authenticator::new(issuer.verifier()).source(TokenSource::cookie("access"));
    let cookie = format!("access={}", issuer.token().sign());
    (authenticator, Request::get().header("cookie", cookie))
}

mod websocket {
    use super::*;

    const OWN: &str = "https://app.test";
    const SIBLING: &str = "https://evil.app.test";

    /// The headers that mark a handshake, alone and as browsers and gateways send them.
    const HANDSHAKES: [&[(&str, &str)]; 7] = [
        // Chromium sends these two, and no `Sec-Fetch-*`.
        &[("connection", "Upgrade"), ("upgrade", "websocket")],
        &[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
        ],
        &[("upgrade", "h2c, websocket")],
        &[("upgrade", "h2c"), ("upgrade", "websocket")],
        &[("upgrade", "websocket/13")],
        &[("sec-fetch-mode", "websocket")],
        &[("upgrade", "websocket"), ("sec-fetch-mode", "websocket")],
    ];

    fn with(request: &Request, headers: &[(&str, &str)]) -> Request {
        let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
        headers.iter().fold(request.clone(), add)
    }

    #[test]
    fn a_handshake_of_a_foreign_origin_is_forbidden_and_one_of_the_own_goes_through() {
        let (authenticator, request) = logged_in();
        let request = request.header("host", "app.test");
        for handshake in HANDSHAKES {
            let from = |origin: &str| {
                let request = with(&request, handshake).header("origin", origin);
                let answer = send(&authenticator, &request);
                (answer.status, answer.reason)
            };
            for foreign in [SIBLING, "https://evil.test", "null"] {
                assert_eq!(from(foreign), (403, Some("cross_site")), "{handshake:?}");
            }
            assert_eq!(from(OWN), (200, None), "{handshake:?}");
        }
    }

    #[test]
    fn sec_fetch_site_counts_for_a_handshake_where_it_is_sent() {
        let (authenticator, request) = logged_in();
        for (site, status) in [
            ("same-origin", 200),
            ("same-site", 403),
            ("cross-site", 403),
        ] {
            let request = request
                .clone()
                .header("upgrade", "websocket")
                .header("sec-fetch-site", site);
            assert_eq!(send(&authenticator, &request).status, status, "{site}");
        }
    }

    #[test]
    fn a_handshake_without_any_origin_is_forbidden() {
        let (authenticator, request) = logged_in();
        let request = request.header("host", "app.test");
        let handshake = request.clone().header("upgrade", "websocket");
        let answer = send(&authenticator, &handshake);
        assert_eq!(
            (answer.status, answer.reason),
            (403, Some("missing_origin"))
        );
        assert_eq!(send(&authenticator, &request).status, 200);
    }

    #[test]
    fn extended_connect_is_a_handshake() {
        let (authenticator, request) = logged_in();
        // RFC 8441 section 4: `:method` is CONNECT, and `:authority` names the site.
        let request = request.method("CONNECT").target("https://app.test/socket");
        let from =
            |origin: &str| send(&authenticator, &request.clone().header("origin", origin)).status;
        assert_eq!(from(SIBLING), 403);
        assert_eq!(from(OWN), 200);
    }

    #[test]
    fn an_allowed_origin_may_open_one() {
        let (authenticator, request) = logged_in();
        let authenticator = authenticator.csrf(Csrf::new().allow_origin(SIBLING).unwrap());
        let request = request
            .header("host", "app.test")
            .header("upgrade", "websocket")
            .header("origin", SIBLING);
        assert_eq!(send(&authenticator, &request).status, 200);
    }

    #[test]
    fn other_upgrades_and_modes_leave_a_get_harmless() {
        let (authenticator, request) = logged_in();
        for header in [
            ("upgrade", "h2c"),
            ("upgrade", "websockets"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-mode", "cors"),
        ] {
            let request = with(&request, &[header]).header("origin", SIBLING);
            assert_eq!(send(&authenticator, &request).status, 200, "{header:?}");
        }
    }

    #[test]
    fn a_bearer_token_opens_one_from_anywhere() {
        let issuer = TestIssuer::new();
        let offer = format!("chat, bearer.{}", issuer.token().sign());
        let authenticator =
            Authenticator::new(issuer.verifier()).source(TokenSource::websocket_protocol());
        let request = Request::get()
            .header("upgrade", "websocket")
            .header("sec-websocket-protocol", offer)
            .header("origin", SIBLING);
        assert_eq!(send(&authenticator, &request).status, 200);
    }
}

mod target {
    use super::*;

    const PUBLIC: &str = "https://app.test";
    const INTERNAL: &str = "http://internal:8080";

    /// Returns the status of a POST with this target, these `Host` headers and this `Origin`.
    fn status(target: &str, hosts: &[&str], origin: &str) -> u16 {
        let (authenticator, request) = logged_in();
        let request = hosts
            .iter()
            .fold(request.method("POST"), |request, host| {
                request.header("host", host)
            })
            .target(target)
            .header("origin", origin);
        send(&authenticator, &request).status
    }

    #[test]
    fn the_authority_of_the_target_outweighs_host() {
        // As `:authority` in HTTP/2 (RFC 9113 section 8.3.1) or in absolute form (RFC 9112 section 3.2.2).
        for target in [
            "https://app.test/",
            "http://app.test/",
            "https://app.test:443/",
        ] {
            assert_eq!(status(target, &["internal:8080"], PUBLIC), 200, "{target}");
            assert_eq!(
                status(target, &["internal:8080"], INTERNAL),
                403,
                "{target}"
            );
            assert_eq!(status(target, &["app.test"], PUBLIC), 200, "{target}");
        }
        assert_eq!(status("http://internal:8080/", &["app.test"], PUBLIC), 403);
        assert_eq!(
            status("http://internal:8080/", &["app.test"], INTERNAL),
            200
        );
    }

    #[test]
    fn without_a_host_the_authority_is_enough() {
        assert_eq!(status("https://app.test/", &[], PUBLIC), 200);
        assert_eq!(status("https://app.test/", &[], INTERNAL), 403);
    }

    #[test]
    fn without_an_authority_the_one_host_counts() {
        assert_eq!(status("/", &["app.test"], PUBLIC), 200);
        assert_eq!(status("/", &["internal:8080"], PUBLIC), 403);
        assert_eq!(status("/", &["app.test", "app.test"], PUBLIC), 403);
        assert_eq!(status("/", &[], PUBLIC), 403);
    }

    #[test]
    fn user_information_names_no_host() {
        assert_eq!(
            status("https://app.test@evil.test/", &["app.test"], PUBLIC),
            403
        );
        assert_eq!(status("https://evil@app.test/", &["app.test"], PUBLIC), 403);
    }

    #[test]
    fn path_and_query_of_an_absolute_target_are_read_as_those_of_any_other() {
        let issuer = TestIssuer::new();
        let token = issuer.token().sign();
        for (source, target) in [
            (TokenSource::query("t"), format!("/a?t={token}")),
            (
                TokenSource::custom(|head| head.path().strip_prefix("/t/")),
                format!("/t/{token}?a=b"),
            ),
        ] {
            let authenticator = Authenticator::new(issuer.verifier()).source(source);
            for target in [target.clone(), format!("http://app.test{target}")] {
                let request = Request::get().target(&target);
                assert_eq!(send(&authenticator, &request).status, 200, "{target}");
            }
        }
    }
}
