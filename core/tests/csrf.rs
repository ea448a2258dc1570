//! Tests of requests that another site makes a browser send.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::cell::RefCell;

use countersign::{
    AuthError, AuthErrorKind, Authenticator, ConfigError, Csrf, TokenSource,
    adapter::{Credentials, CsrfCheck, RequestHead},
    testing::TestIssuer,
};
use proptest::prelude::*;

const SECRET: &str = "an example secret of 32 bytes or more";
const PARTNER: &str = "https://partner.test";

/// A `POST /` to `app.test` by default. It records the headers that are asked for.
struct Head {
    method: &'static str,
    headers: Vec<(&'static str, Vec<u8>)>,
    asked: RefCell<Vec<String>>,
}

impl Head {
    fn post() -> Self {
        Self {
            method: "POST",
            headers: vec![("host", b"app.test".into())],
            asked: RefCell::default(),
        }
    }

    fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    fn headers(self, headers: &[(&'static str, &str)]) -> Self {
        headers
            .iter()
            .fold(self, |head, (name, value)| head.header(name, value))
    }

    fn cookie(self, token: &str) -> Self {
        self.header("cookie", format!("access={token}"))
    }
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        self.asked.borrow_mut().push(name.to_owned());
        for (own, value) in &self.headers {
            if *own == name {
                visit(value);
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    NeedsToken,
    Pass,
    Refused,
}
use Verdict::{NeedsToken, Pass, Refused};

fn csrf() -> Csrf {
    let csrf = Csrf::new().secret(SECRET).unwrap();
    csrf.allow_origin(PARTNER).unwrap()
}

fn verdict(head: &Head) -> Verdict {
    match csrf().check_head(head) {
        Ok(CsrfCheck::NeedsToken(_)) => NeedsToken,
        Ok(CsrfCheck::Pass) => Pass,
        Err(error) => {
            assert_eq!(error.kind().status(), 403);
            Refused
        }
    }
}

#[track_caller]
fn expect(rows: &[(&[(&'static str, &str)], Verdict)]) {
    for (headers, expected) in rows {
        assert_eq!(
            verdict(&Head::post().headers(headers)),
            *expected,
            "{headers:?}"
        );
    }
}

mod the_head {
    use super::*;

    #[test]
    fn a_safe_method_passes_wherever_it_comes_from() {
        let from_elsewhere = [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.test"),
        ];
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            let head = Head::post().method(method).headers(&from_elsewhere);
            assert_eq!(verdict(&head), Pass, "{method}");
        }
        for method in [
            "POST", "PUT", "PATCH", "DELETE", "CONNECT", "QUERY", "get", "GETX", "",
        ] {
            let head = Head::post().method(method).headers(&from_elsewhere);
            assert_eq!(verdict(&head), Refused, "{method}");
        }
    }

    #[test]
    fn a_safe_method_that_opens_a_websocket_is_judged_like_any_other_request() {
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            for (name, value) in [
                ("upgrade", "websocket"),
                ("upgrade", "WebSocket"),
                ("upgrade", "h2c,websocket"),
                ("upgrade", "h2c , websocket/13"),
                ("sec-fetch-mode", "websocket"),
            ] {
                let from = |headers: &[(&'static str, &str)]| {
                    let head = Head::post().method(method).header(name, value);
                    verdict(&head.headers(headers))
                };
                for (headers, expected) in [
                    (&[("origin", "https://evil.test")][..], Refused),
                    (&[("origin", "https://sub.app.test")], Refused),
                    (&[("sec-fetch-site", "same-site")], Refused),
                    (&[], Refused),
                    (&[("x-csrf-token", "something")], NeedsToken),
                    (&[("origin", "https://app.test")], Pass),
                    (&[("origin", PARTNER)], Pass),
                    (&[("sec-fetch-site", "same-origin")], Pass),
                ] {
                    assert_eq!(
                        from(headers),
                        expected,
                        "{method} {name} {value} {headers:?}"
                    );
                }
                // Such a request is not a login, but a request that sets cookies is subject to the
                // rules.
                let evil = Head::post().method(method).header(name, value);
                let evil = evil.header("origin", "https://evil.test");
                assert!(csrf().check_login(&evil).is_err());
            }
            for (name, value) in [
                ("upgrade", "h2c"),
                ("upgrade", "websockets"),
                ("upgrade", ""),
                ("sec-fetch-mode", "navigate"),
                ("sec-websocket-protocol", "websocket"),
            ] {
                let head = Head::post().method(method).header(name, value);
                let head = head.header("origin", "https://evil.test");
                assert_eq!(verdict(&head), Pass, "{method} {name} {value}");
            }
        }
    }

    #[test]
    fn sec_fetch_site_decides_where_it_is_sent() {
        expect(&[
            (&[("sec-fetch-site", "same-origin")], Pass),
            (&[("sec-fetch-site", "none")], Pass),
            (&[("sec-fetch-site", "same-site")], Refused),
            (&[("sec-fetch-site", "cross-site")], Refused),
            (&[("sec-fetch-site", "")], Refused),
            (&[("sec-fetch-site", "Same-Origin")], Refused),
            (&[("sec-fetch-site", "same-origin ")], Refused),
            (&[("sec-fetch-site", "same-origin, cross-site")], Refused),
            (&[("sec-fetch-site", "\"same-origin\"")], Refused),
            (
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("sec-fetch-site", "same-origin"),
                ],
                Refused,
            ),
            (
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("sec-fetch-site", "cross-site"),
                ],
                Refused,
            ),
        ]);
    }

    #[test]
    fn sec_fetch_site_has_more_weight_than_origin() {
        expect(&[
            // Sent by a page with `Referrer-Policy: no-referrer` to its own site.
            (
                &[("sec-fetch-site", "same-origin"), ("origin", "null")],
                Pass,
            ),
            // A host that a proxy has changed.
            (
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "https://public.test"),
                ],
                Pass,
            ),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://app.test"),
                ],
                Refused,
            ),
            (
                &[
                    ("sec-fetch-site", "same-site"),
                    ("origin", "https://app.test"),
                ],
                Refused,
            ),
        ]);
    }

    #[test]
    fn an_allowed_origin_may_be_on_another_site() {
        for site in ["same-site", "cross-site"] {
            expect(&[
                (&[("sec-fetch-site", site), ("origin", PARTNER)], Pass),
                (&[("sec-fetch-site", site)], Refused),
                (
                    &[("sec-fetch-site", site), ("origin", "http://partner.test")],
                    Refused,
                ),
                (
                    &[
                        ("sec-fetch-site", site),
                        ("origin", "https://partner.test:8443"),
                    ],
                    Refused,
                ),
                (
                    &[
                        ("sec-fetch-site", site),
                        ("origin", "https://a.partner.test"),
                    ],
                    Refused,
                ),
                (
                    &[
                        ("sec-fetch-site", site),
                        ("origin", "https://partner.test/"),
                    ],
                    Refused,
                ),
                (
                    &[
                        ("sec-fetch-site", site),
                        ("origin", "https://partner.test.evil.test"),
                    ],
                    Refused,
                ),
                (&[("sec-fetch-site", site), ("origin", "null")], Refused),
                (
                    &[
                        ("sec-fetch-site", site),
                        ("origin", PARTNER),
                        ("origin", PARTNER),
                    ],
                    Refused,
                ),
            ]);
        }
        expect(&[
            (
                &[("sec-fetch-site", "unheard-of"), ("origin", PARTNER)],
                Refused,
            ),
            (&[("origin", PARTNER)], Pass),
        ]);
    }

    #[test]
    fn without_sec_fetch_site_the_origin_names_the_host_of_the_request() {
        expect(&[
            (&[("origin", "https://app.test")], Pass),
            (&[("origin", "http://app.test")], Pass),
            (&[("origin", "https://app.test:8443")], Refused),
            (&[("origin", "https://evil.test")], Refused),
            (&[("origin", "https://sub.app.test")], Refused),
            (&[("origin", "https://app.test.evil.test")], Refused),
            (&[("origin", "https://app.test@evil.test")], Refused),
            (&[("origin", "https://app.test/")], Refused),
            (&[("origin", "app.test")], Refused),
            (&[("origin", "null")], Refused),
            (&[("origin", "")], Refused),
            (&[("origin", "https://app.test https://app.test")], Refused),
            (
                &[
                    ("origin", "https://app.test"),
                    ("origin", "https://app.test"),
                ],
                Refused,
            ),
            (
                &[
                    ("origin", "https://app.test"),
                    ("origin", "https://evil.test"),
                ],
                Refused,
            ),
            (
                &[("origin", "https://evil.test"), ("host", "evil.test")],
                Refused,
            ),
            (&[("origin", PARTNER), ("host", "evil.test")], Refused),
        ]);
        let not_text = Head::post().header("origin", b"https://app.test\xff");
        assert_eq!(verdict(&not_text), Refused);
    }

    #[test]
    fn the_port_of_the_host_counts_unless_it_is_the_default_one() {
        for (origin, host, expected) in [
            ("https://app.test", "app.test:443", Pass),
            ("http://app.test", "app.test:80", Pass),
            ("https://app.test", "app.test:80", Refused),
            ("http://localhost:3000", "localhost:3000", Pass),
            ("http://localhost:3001", "localhost:3000", Refused),
            ("http://localhost", "localhost:3000", Refused),
            ("http://[::1]:3000", "[::1]:3000", Pass),
        ] {
            let mut head = Head::post().header("origin", origin);
            head.headers[0].1 = host.into();
            assert_eq!(verdict(&head), expected, "{origin} to {host}");
        }
        let mut no_host = Head::post().header("origin", "https://app.test");
        no_host.headers.remove(0);
        assert_eq!(verdict(&no_host), Refused);
    }

    #[test]
    fn with_neither_header_it_depends_on_the_value() {
        expect(&[
            (&[("x-csrf-token", "something")], NeedsToken),
            (&[], Refused),
            (
                &[("x-csrf-token", "something"), ("x-csrf-token", "something")],
                Refused,
            ),
            // A header value does not make up for the browser's own information.
            (
                &[
                    ("x-csrf-token", "something"),
                    ("origin", "https://evil.test"),
                ],
                Refused,
            ),
            (
                &[
                    ("x-csrf-token", "something"),
                    ("sec-fetch-site", "cross-site"),
                ],
                Refused,
            ),
        ]);
        let head = Head::post().header("x-csrf-token", "something");
        let error = Csrf::new().check_head(&head).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::MissingOrigin);
    }

    #[test]
    fn a_refusal_names_what_is_wrong_or_missing() {
        let secret = csrf();
        let no_secret = Csrf::new();
        let required = csrf().require_token().unwrap();
        let twice = [("x-csrf-token", "a"), ("x-csrf-token", "a")];
        for (csrf, headers, kind, cause) in [
            (
                &secret,
                &[("origin", "https://evil.test")][..],
                AuthErrorKind::CrossSite,
                "Origin is neither the host of the request nor an allowed one: `Csrf::allow_origin` names others, of the layer and of the session routes",
            ),
            (
                &secret,
                &[("sec-fetch-site", "cross-site")],
                AuthErrorKind::CrossSite,
                "Sec-Fetch-Site names another site or origin, and Origin is not an allowed one: `Csrf::allow_origin` names others, of the layer and of the session routes",
            ),
            (
                &secret,
                &[
                    ("origin", "https://app.test"),
                    ("origin", "https://app.test"),
                ],
                AuthErrorKind::CrossSite,
                "Sec-Fetch-Site, Origin or Host is there twice",
            ),
            (
                &no_secret,
                &[],
                AuthErrorKind::MissingOrigin,
                "the request has neither Sec-Fetch-Site nor Origin, and there is no secret for X-CSRF-Token",
            ),
            (
                &secret,
                &[],
                AuthErrorKind::MissingOrigin,
                "the request has neither Sec-Fetch-Site nor Origin, and no X-CSRF-Token",
            ),
            (
                &secret,
                &twice,
                AuthErrorKind::WrongCsrfToken,
                "X-CSRF-Token is there twice",
            ),
            (
                &secret,
                &[("x-csrf-token", "wrong")],
                AuthErrorKind::WrongCsrfToken,
                "X-CSRF-Token was not made for this session",
            ),
            (
                &required,
                &[("origin", "https://app.test")],
                AuthErrorKind::WrongCsrfToken,
                "the request has no X-CSRF-Token, which is required",
            ),
        ] {
            let head = Head::post().headers(headers);
            let error = csrf.check(&head, "session-1").unwrap_err();
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!((error.kind(), &*source), (kind, cause), "{headers:?}");
        }
    }

    #[test]
    fn a_login_may_come_from_a_client_that_is_no_browser() {
        let login = |headers: &[(&'static str, &str)]| {
            let head = Head::post().headers(headers);
            csrf().check_login(&head).map_err(|error| error.kind())
        };
        let refused = Err(AuthErrorKind::CrossSite);
        assert_eq!(login(&[]), Ok(()));
        assert_eq!(login(&[("origin", "https://app.test")]), Ok(()));
        assert_eq!(login(&[("origin", PARTNER)]), Ok(()));
        assert_eq!(login(&[("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(login(&[("origin", "https://evil.test")]), refused);
        assert_eq!(login(&[("origin", "null")]), refused);
        assert_eq!(login(&[("sec-fetch-site", "cross-site")]), refused);
        assert_eq!(login(&[("sec-fetch-site", "same-site")]), refused);
    }
}

mod the_value {
    use super::*;

    fn check(csrf: &Csrf, value: impl AsRef<[u8]>, session_id: &str) -> Result<(), AuthErrorKind> {
        let head = Head::post().header(Csrf::HEADER, value);
        csrf.check(&head, session_id).map_err(|error| error.kind())
    }

    const REFUSED: Result<(), AuthErrorKind> = Err(AuthErrorKind::WrongCsrfToken);

    #[test]
    fn it_is_bound_to_its_session() {
        let csrf = csrf();
        let value = csrf.token("session-1").unwrap().unwrap();
        assert_eq!(check(&csrf, &value, "session-1"), Ok(()));
        for other in ["session-2", "session-", "session-11", "Session-1", ""] {
            assert_eq!(check(&csrf, &value, other), REFUSED, "{other}");
        }
        let of_nobody = csrf.token("").unwrap().unwrap();
        assert_eq!(check(&csrf, of_nobody, ""), REFUSED);
    }

    #[test]
    fn every_node_with_the_secret_accepts_it_and_no_other() {
        let value = csrf().token("session-1").unwrap().unwrap();
        let same = Csrf::new().secret(SECRET).unwrap();
        assert_eq!(check(&same, &value, "session-1"), Ok(()));
        let other = Csrf::new()
            .secret("another secret of 32 bytes or more")
            .unwrap();
        assert_eq!(check(&other, &value, "session-1"), REFUSED);
        let without = check(&Csrf::new(), &value, "session-1");
        assert_eq!(without, Err(AuthErrorKind::MissingOrigin));
    }

    #[test]
    fn two_values_of_one_session_differ_and_both_are_good() {
        let csrf = csrf();
        let [one, other] = [(); 2].map(|()| csrf.token("session-1").unwrap().unwrap());
        assert_ne!(one, other);
        assert_eq!(check(&csrf, one, "session-1"), Ok(()));
        assert_eq!(check(&csrf, other, "session-1"), Ok(()));
    }

    #[test]
    fn any_other_text_is_refused() {
        let csrf = csrf();
        let value = csrf.token("session-1").unwrap().unwrap();
        assert_eq!(value.len(), 64);
        let mut wrong = vec![
            String::new(),
            "A".repeat(64),
            value[..63].to_owned(),
            value[..20].to_owned(),
            format!("{value}A"),
            format!("{value}="),
            format!(" {value}"),
            format!("{value},{value}"),
            value.to_lowercase(),
        ];
        for place in [0, 20, 22, 63] {
            let mut changed = value.clone();
            let other = if &value[place..=place] == "A" {
                "B"
            } else {
                "A"
            };
            changed.replace_range(place..=place, other);
            wrong.push(changed);
        }
        for text in wrong {
            assert_eq!(check(&csrf, &text, "session-1"), REFUSED, "{text}");
        }
        assert_eq!(check(&csrf, [0xff; 64], "session-1"), REFUSED);
    }

    mod required {
        use super::*;

        fn always() -> Csrf {
            csrf().require_token().unwrap()
        }

        #[test]
        fn it_is_asked_for_although_the_browser_names_the_own_site() {
            let csrf = always();
            let own = csrf.token("session-1").unwrap().unwrap();
            let of_another = csrf.token("session-2").unwrap().unwrap();
            for (name, value) in [
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "none"),
                ("origin", "https://app.test"),
                ("origin", PARTNER),
            ] {
                let head = || Head::post().header(name, value);
                let kind = |head: &Head| csrf.check(head, "session-1").map_err(|e| e.kind());
                let refused = Err(AuthErrorKind::WrongCsrfToken);
                assert_eq!(kind(&head()), refused, "{value}");
                assert_eq!(kind(&head().header(Csrf::HEADER, &of_another)), refused);
                assert_eq!(kind(&head().header(Csrf::HEADER, &own)), Ok(()), "{value}");
            }
        }

        #[test]
        fn it_makes_up_for_no_other_site() {
            let own = always().token("session-1").unwrap().unwrap();
            let cross = Head::post()
                .header(Csrf::HEADER, own)
                .header("sec-fetch-site", "cross-site");
            let refused = always().check(&cross, "session-1").unwrap_err();
            assert_eq!(refused.kind(), AuthErrorKind::CrossSite);
        }

        #[test]
        fn reading_a_login_and_a_websocket_of_the_own_site_do_without() {
            let own = || Head::post().header("origin", "https://app.test");
            assert!(always().check(&own().method("GET"), "session-1").is_ok());
            assert!(always().check_login(&own()).is_ok());
            for socket in [
                own().method("GET").header("upgrade", "websocket"),
                own().method("CONNECT"),
            ] {
                assert!(always().check(&socket, "session-1").is_ok());
            }
        }

        #[test]
        fn an_authenticator_asks_for_the_value_of_the_session_of_the_token() {
            let issuer = TestIssuer::new();
            let authenticator = Authenticator::new(issuer.verifier())
                .source(TokenSource::bearer().or(TokenSource::cookie("access")))
                .csrf(always());
            let token = issuer.token().claim("sid", "session-1").sign();
            let status = |head: Head| {
                let verdict = futures_executor::block_on(authenticator.check(&head));
                verdict.map_or_else(|error| error.kind().status(), |_| 200)
            };
            let own = || {
                Head::post()
                    .cookie(&token)
                    .header("sec-fetch-site", "same-origin")
            };
            let value = |id| always().token(id).unwrap().unwrap();
            assert_eq!(status(own()), 403);
            assert_eq!(status(own().header(Csrf::HEADER, value("session-2"))), 403);
            assert_eq!(status(own().header(Csrf::HEADER, value("session-1"))), 200);
            let bearer = Head::post().header("authorization", format!("Bearer {token}"));
            assert_eq!(status(bearer), 200);
        }
    }

    #[test]
    fn there_is_none_without_a_secret() {
        assert_eq!(Csrf::new().token("session-1").unwrap(), None);
    }

    #[test]
    fn it_is_not_looked_at_where_the_browser_has_said_enough() {
        let head = Head::post().header("sec-fetch-site", "same-origin");
        assert!(csrf().check(&head, "session-1").is_ok());
    }

    proptest! {
        #[test]
        fn a_session_is_known_by_its_own_value_only(id in ".{1,40}", other in ".{0,40}") {
            prop_assume!(id != other);
            let csrf = csrf();
            let value = csrf.token(&id).unwrap().unwrap();
            prop_assert_eq!(check(&csrf, &value, &id), Ok(()));
            prop_assert_eq!(check(&csrf, &value, &other), REFUSED);
        }

        #[test]
        fn no_bytes_pass_or_panic(value in any::<Vec<u8>>(), text in "[A-Za-z0-9_-]{64}") {
            prop_assert_eq!(check(&csrf(), value, "session-1"), REFUSED);
            prop_assert_eq!(check(&csrf(), text, "session-1"), REFUSED);
        }

        #[test]
        fn no_headers_of_another_origin_pass_or_panic(
            origin in prop_oneof![any::<Vec<u8>>(), "https?://[a-z.:/@]{0,20}".prop_map(String::into_bytes)],
            host in any::<Vec<u8>>(),
        ) {
            let own = [b"http://app.test".as_slice(), b"https://app.test", PARTNER.as_bytes()];
            prop_assume!(!own.contains(&origin.as_slice()));
            prop_assert_eq!(verdict(&Head::post().header("origin", &origin)), Refused);
            let mut head = Head::post().header("origin", "https://app.test");
            head.headers[0].1.clone_from(&host);
            prop_assert_eq!(verdict(&head), match host.to_ascii_lowercase().as_slice() {
                b"app.test" | b"app.test:443" => Pass,
                _ => Refused,
            });
        }
    }
}

mod settings {
    use super::*;

    #[test]
    fn a_secret_is_strong() {
        for weak in [&b""[..], &SECRET.as_bytes()[..31], &[7; 32]] {
            let refused = Csrf::new().secret(weak).unwrap_err();
            assert!(matches!(refused, ConfigError::WeakKey(_)), "{refused}");
        }
        assert!(Csrf::new().secret(&SECRET.as_bytes()[..32]).is_ok());
    }

    #[test]
    fn a_random_secret_makes_values_of_its_own_and_changes_no_other_setting() {
        let [one, other] = [(); 2].map(|()| {
            let csrf = Csrf::new().allow_origin(PARTNER).unwrap();
            csrf.random_secret().unwrap()
        });
        let value = one.token("session-1").unwrap().unwrap();
        let head = Head::post().header(Csrf::HEADER, &value);
        assert!(one.check(&head, "session-1").is_ok());
        assert!(other.check(&head, "session-1").is_err());
        let from_partner = Head::post().header("origin", PARTNER);
        assert!(one.check(&from_partner, "session-1").is_ok());
    }

    #[test]
    fn a_required_value_needs_a_secret_to_be_made() {
        let refused = Csrf::new().require_token().unwrap_err();
        assert!(matches!(refused, ConfigError::Conflict(_)), "{refused}");
        assert!(refused.to_string().contains("`secret`"), "{refused}");
        assert!(Csrf::new().secret(SECRET).unwrap().require_token().is_ok());
    }

    #[test]
    fn an_allowed_origin_is_written_as_browsers_send_it() {
        for origin in [
            "https://app.example",
            "http://localhost:3000",
            "https://[::1]",
        ] {
            assert!(Csrf::new().allow_origin(origin).is_ok(), "{origin}");
        }
        for origin in [
            "app.example",
            "null",
            "*",
            "https://*.example",
            "https://app.example/",
            "https://app.example:443",
            "https://App.example",
        ] {
            let refused = Csrf::new().allow_origin(origin).unwrap_err();
            assert!(
                matches!(refused, ConfigError::InvalidSetting(_)),
                "{refused}"
            );
            assert!(refused.to_string().contains(origin), "{refused}");
        }
    }

    #[test]
    fn nothing_shows_the_secret_or_a_value() {
        let csrf = csrf();
        let value = csrf.token("session-1").unwrap().unwrap();
        let head = Head::post().header(Csrf::HEADER, &value);
        let check = csrf.check_head(&head).unwrap();
        let error = csrf.check(&head, "session-2").unwrap_err();
        let text = format!("{csrf:?} {check:?} {error:?} {error}");
        assert!(!text.contains(&value) && !text.contains(SECRET), "{text}");
        assert!(text.contains(PARTNER), "{text}");
    }
}

mod an_authenticator {
    use super::*;

    fn of(issuer: &TestIssuer) -> Authenticator {
        let source = TokenSource::bearer()
            .or(TokenSource::cookie("access"))
            .or(TokenSource::header("x-token"))
            .or(TokenSource::custom(|head| {
                let mut token = None;
                head.visit_header("x-found", &mut |value| {
                    token = std::str::from_utf8(value).ok();
                });
                token
            }));
        Authenticator::new(issuer.verifier()).source(source)
    }

    fn status(authenticator: &Authenticator, head: &Head) -> u16 {
        let result = futures_executor::block_on(authenticator.check(head));
        result.map_or_else(|error| error.kind().status(), |_| 200)
    }

    fn kind(authenticator: &Authenticator, head: &Head) -> Option<AuthErrorKind> {
        let result = futures_executor::block_on(authenticator.check(head));
        result.err().map(|error: AuthError| error.kind())
    }

    #[test]
    fn refuses_a_cookie_from_another_site_by_default() {
        let issuer = TestIssuer::new();
        let token = issuer.token().sign();
        let authenticator = of(&issuer);
        let cross = Head::post()
            .cookie(&token)
            .header("sec-fetch-site", "cross-site");
        assert_eq!(kind(&authenticator, &cross), Some(AuthErrorKind::CrossSite));
        let silent = Head::post().cookie(&token);
        assert_eq!(
            kind(&authenticator, &silent),
            Some(AuthErrorKind::MissingOrigin)
        );
        let own = Head::post()
            .cookie(&token)
            .header("sec-fetch-site", "same-origin");
        assert_eq!(status(&authenticator, &own), 200);
        let read = Head::post().method("GET").cookie(&token);
        assert_eq!(status(&authenticator, &read), 200);
        assert_eq!(
            status(&authenticator.clone().without_csrf_protection(), &cross),
            200
        );
    }

    #[test]
    fn lets_tokens_pass_that_no_browser_adds_by_itself() {
        let issuer = TestIssuer::new();
        let token = issuer.token().sign();
        let cross = || Head::post().header("sec-fetch-site", "cross-site");
        for head in [
            cross().header("authorization", format!("Bearer {token}")),
            cross().header("x-token", &token),
            cross().header("x-found", &token),
        ] {
            assert_eq!(status(&of(&issuer), &head), 200);
        }
        let found = of(&issuer).authenticate(Some(Credentials::new(&token)));
        assert!(futures_executor::block_on(found).is_ok());
    }

    #[test]
    fn looks_at_no_header_that_it_does_not_need() {
        let issuer = TestIssuer::new();
        let token = issuer.token().sign();
        let either = TokenSource::bearer().or(TokenSource::cookie("access"));
        let authenticator = Authenticator::new(issuer.verifier()).source(either);
        let bearer = Head::post().header("authorization", format!("Bearer {token}"));
        assert_eq!(status(&authenticator, &bearer), 200);
        assert_eq!(*bearer.asked.borrow(), ["authorization", "cookie"]);
        // With the credentials of a cookie, a GET can be a WebSocket handshake.
        let read = Head::post().method("GET").cookie(&token);
        assert_eq!(status(&authenticator, &read), 200);
        let asked = ["authorization", "cookie", "upgrade", "sec-fetch-mode"];
        assert_eq!(*read.asked.borrow(), asked);
    }

    #[test]
    fn binds_the_value_to_the_session_or_else_to_the_token() {
        let issuer = TestIssuer::new();
        let authenticator = of(&issuer).csrf(csrf());
        let with = |token: &str, bound_to: &str| {
            let value = csrf().token(bound_to).unwrap().unwrap();
            kind(
                &authenticator,
                &Head::post().cookie(token).header(Csrf::HEADER, value),
            )
        };
        let refused = Some(AuthErrorKind::WrongCsrfToken);

        let session = issuer.token().claim("sid", "session-1").sign();
        assert_eq!(with(&session, "session-1"), None);
        assert_eq!(with(&session, "session-2"), refused);
        assert_eq!(with(&session, "token-1"), refused);

        let lone = issuer.token().sign();
        assert_eq!(with(&lone, "token-1"), None);
        assert_eq!(with(&lone, "token-2"), refused);

        let nameless = issuer.token().without("jti").sign();
        assert_eq!(with(&nameless, ""), refused);
        assert_eq!(with(&nameless, "user-1"), refused);
        let empty = issuer.token().claim("sid", "").sign();
        assert_eq!(with(&empty, ""), refused);
    }

    #[test]
    fn says_cross_site_before_it_looks_at_the_token_and_wrong_value_after() {
        let issuer = TestIssuer::new();
        let authenticator = of(&issuer).csrf(csrf());
        let expired = issuer.token().expired().sign();
        let cross = Head::post()
            .cookie(&expired)
            .header("sec-fetch-site", "cross-site");
        assert_eq!(kind(&authenticator, &cross), Some(AuthErrorKind::CrossSite));
        let wrong = Head::post().cookie(&expired).header(Csrf::HEADER, "wrong");
        assert_eq!(kind(&authenticator, &wrong), Some(AuthErrorKind::Expired));
        let good = issuer.token().sign();
        let wrong = Head::post().cookie(&good).header(Csrf::HEADER, "wrong");
        let refused = Some(AuthErrorKind::WrongCsrfToken);
        assert_eq!(kind(&authenticator, &wrong), refused);
    }

    #[test]
    fn that_is_optional_still_refuses_a_cookie_from_another_site() {
        let issuer = TestIssuer::new();
        let optional = of(&issuer).optional();
        let cross = || Head::post().header("sec-fetch-site", "cross-site");
        assert_eq!(status(&optional, &cross()), 200);
        assert_eq!(
            status(&optional, &cross().cookie(&issuer.token().sign())),
            403
        );
    }
}
