//! Tests of issuers whose tokens are accepted from some sources only.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too
use countersign::{
    AuthErrorKind, Authenticator, ConfigError, Issuers, TokenSource, VerifiedToken,
    adapter::{Credentials, RequestHead},
    testing::TestIssuer,
};
use futures_executor::block_on;

/// The issuer whose tokens count in a cookie only. Those of `TestIssuer::ISSUER` count in a header
/// only.
const COOKIES: &str = "https://login.test";

#[derive(Default)]
struct Head {
    authorization: Option<String>,
    cookie: Option<String>,
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        "GET"
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
        let value = match name {
            "authorization" => self.authorization.as_deref(),
            "cookie" => self.cookie.as_deref(),
            _ => None,
        };
        if let Some(value) = value {
            visit(value.as_bytes());
        }
    }
}

struct Bed {
    issuer: TestIssuer,
    authenticator: Authenticator,
}

impl Bed {
    fn new() -> Self {
        let issuer = TestIssuer::new();
        let build = |name: &str| {
            let builder = countersign::Verifier::builder(issuer.key())
                .issuer(name)
                .audience(TestIssuer::AUDIENCE)
                .clock(issuer.clock().clone());
            builder.build().unwrap()
        };
        let issuers = [COOKIES, TestIssuer::ISSUER, "https://anywhere.test"].map(build);
        let cookie = TokenSource::cookie("access");
        let authenticator = Authenticator::new(Issuers::new(issuers).unwrap())
            .source(TokenSource::bearer().or(cookie.clone()))
            .source_for(COOKIES, cookie)
            .unwrap()
            .source_for(TestIssuer::ISSUER, TokenSource::bearer())
            .unwrap();
        Self {
            issuer,
            authenticator,
        }
    }

    fn token(&self, issuer: &str) -> String {
        self.issuer.token().issuer(issuer).sign()
    }

    fn check(&self, head: &Head) -> Result<Option<VerifiedToken>, AuthErrorKind> {
        block_on(self.authenticator.check(head)).map_err(|error| error.kind())
    }

    fn in_header(&self, issuer: &str) -> Result<Option<VerifiedToken>, AuthErrorKind> {
        self.check(&Head {
            authorization: Some(format!("Bearer {}", self.token(issuer))),
            ..Head::default()
        })
    }

    fn in_cookie(&self, issuer: &str) -> Result<Option<VerifiedToken>, AuthErrorKind> {
        self.check(&Head {
            cookie: Some(format!("access={}", self.token(issuer))),
            ..Head::default()
        })
    }
}

#[test]
fn a_token_counts_where_its_issuer_may_have_it() {
    let bed = Bed::new();
    assert!(bed.in_cookie(COOKIES).is_ok());
    assert!(bed.in_header(TestIssuer::ISSUER).is_ok());
}

#[test]
fn a_token_in_a_place_for_another_issuer_is_refused() {
    let bed = Bed::new();
    let refused = AuthErrorKind::UnknownIssuer;
    assert_eq!(bed.in_header(COOKIES).unwrap_err(), refused);
    assert_eq!(bed.in_cookie(TestIssuer::ISSUER).unwrap_err(), refused);
}

#[test]
fn without_places_of_its_own_an_issuer_has_all_of_them() {
    let bed = Bed::new();
    assert!(bed.in_header("https://anywhere.test").is_ok());
    assert!(bed.in_cookie("https://anywhere.test").is_ok());
}

#[test]
fn what_is_wrong_with_the_token_comes_first() {
    let bed = Bed::new();
    let expired = bed.issuer.token().expired().sign();
    let head = Head {
        cookie: Some(format!("access={expired}")),
        ..Head::default()
    };
    assert_eq!(bed.check(&head).unwrap_err(), AuthErrorKind::Expired);
}

#[test]
fn two_tokens_are_a_bad_request_wherever_they_may_be() {
    let bed = Bed::new();
    let head = Head {
        authorization: Some(format!("Bearer {}", bed.token(TestIssuer::ISSUER))),
        cookie: Some(format!("access={}", bed.token(COOKIES))),
    };
    assert_eq!(
        bed.check(&head).unwrap_err(),
        AuthErrorKind::MalformedRequest
    );
}

#[test]
fn a_token_that_was_found_by_other_means_has_no_place() {
    let bed = Bed::new();
    let token = bed.token(COOKIES);
    let credentials = Some(Credentials::new(&token));
    assert!(block_on(bed.authenticator.authenticate(credentials)).is_ok());
}

#[test]
fn a_source_of_sources_is_taken_apart() {
    let bed = Bed::new();
    let inner = TokenSource::cookie("other").or(TokenSource::cookie("access"));
    let authenticator = bed
        .authenticator
        .clone()
        .source(TokenSource::bearer().or(inner.clone()))
        .source_for(COOKIES, inner)
        .unwrap();
    let head = Head {
        cookie: Some(format!("access={}", bed.token(COOKIES))),
        ..Head::default()
    };
    assert!(block_on(authenticator.check(&head)).is_ok());
}

#[test]
fn an_issuer_that_nobody_has_is_a_mistake() {
    let bed = Bed::new();
    for name in [format!("{COOKIES}/"), String::new()] {
        let misspelt = bed.authenticator.clone();
        let refused = misspelt.source_for(&name, TokenSource::bearer());
        assert!(matches!(refused, Err(ConfigError::Conflict(_))), "{name}");
    }
}

#[test]
fn one_name_of_an_issuer_stands_for_all_of_its_names() {
    let bed = Bed::new();
    let other = "https://other-name.test";
    let verifier = countersign::Verifier::builder(bed.issuer.key())
        .issuer(COOKIES)
        .issuer(other)
        .audience(TestIssuer::AUDIENCE)
        .clock(bed.issuer.clock().clone())
        .build()
        .unwrap();
    let cookie = TokenSource::cookie("access");
    let authenticator = Authenticator::new(verifier)
        .source(TokenSource::bearer().or(cookie.clone()))
        .source_for(COOKIES, cookie)
        .unwrap();
    for name in [COOKIES, other] {
        let in_header = Head {
            authorization: Some(format!("Bearer {}", bed.token(name))),
            ..Head::default()
        };
        let refused = block_on(authenticator.check(&in_header)).unwrap_err();
        assert_eq!(refused.kind(), AuthErrorKind::UnknownIssuer, "{name}");
        let in_cookie = Head {
            cookie: Some(format!("access={}", bed.token(name))),
            ..Head::default()
        };
        assert!(block_on(authenticator.check(&in_cookie)).is_ok(), "{name}");
    }
}
