//! Request targets under the cross-site protection, through every entry.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

use countersign::{Authenticator, TokenSource, testing::TestIssuer};
use countersign_tests::{Answer, Entry, Request};

/// The same answer from every entry.
#[track_caller]
fn send(authenticator: &Authenticator, request: &Request) -> Answer {
    let [core, tower, actix] = Entry::ALL.map(|entry| entry.send(authenticator, request));
    assert_eq!(core, tower, "core and tower");
    assert_eq!(core, actix, "core and actix-web");
    core
}

/// An authenticator that reads the cookie `access`, and a request of `app.test` that carries it.
fn logged_in() -> (Authenticator, Request) {
    let issuer = TestIssuer::new();
    let authenticator = Authenticator::new(issuer.verifier()).source(TokenSource::cookie("access"));
    let cookie = format!("access={}", issuer.token().sign());
    (authenticator, Request::get().header("cookie", cookie))
}

mod target {
    use super::*;

    const PUBLIC: &str = "https://app.test";
    const INTERNAL: &str = "http://internal:8080";

    /// The status of a POST with this target, these `Host` headers and this `Origin`.
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
