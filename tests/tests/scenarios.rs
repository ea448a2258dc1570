//! Tests of the answers to requests: the same through every entry.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::{sync::Arc, time::Duration};

use countersign::{
    Authenticator, Csrf, DynamicIssuers, Issuers, KeySet, Keys, Policy, SigningKey, TokenSource,
    Verifier,
    adapter::RequestHead,
    keys::{BoxFuture, KeySource, KeysUnavailable, RefreshReason},
    testing::{TestIssuer, TestToken},
};
use countersign_tests::{ANONYMOUS, Answer, Entry, Request};
use serde_json::json;

/// Sends a request through every entry, and checks that the answers are equal.
#[track_caller]
fn send(authenticator: impl Into<Authenticator>, request: &Request) -> Answer {
    let authenticator = authenticator.into();
    let [core, tower, actix] = Entry::ALL.map(|entry| entry.send(&authenticator, request));
    assert_eq!(core, tower, "core and tower");
    assert_eq!(core, actix, "core and actix-web");
    core
}

#[track_caller]
fn expect(answer: &Answer, status: u16, challenge: Option<&str>) {
    assert_eq!(
        (answer.status, answer.www_authenticate.as_deref()),
        (status, challenge),
        "{}",
        answer.body
    );
}

const MALFORMED: Option<&str> =
    Some(r#"Bearer error="invalid_request", error_description="the credentials are malformed""#);
const MALFORMED_TOKEN: Option<&str> =
    Some(r#"Bearer error="invalid_token", error_description="the token is malformed""#);

#[test]
fn a_good_token_reaches_the_handler() {
    let issuer = TestIssuer::new();
    let token = issuer.token().subject("ada").sign();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        for spaces in [" ", "  "] {
            let request =
                Request::get().header("authorization", format!("{scheme}{spaces}{token}"));
            let answer = send(issuer.verifier(), &request);
            assert_eq!((answer.status, &*answer.body), (200, "ada"));
        }
    }
}

#[test]
fn no_token_is_a_bare_challenge() {
    let issuer = TestIssuer::new();
    let answer = send(issuer.verifier(), &Request::get());
    expect(&answer, 401, Some("Bearer"));
    assert_eq!(
        answer.content_type.as_deref(),
        Some("application/problem+json")
    );
    let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        problem,
        json!({
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "detail": "authentication is required",
        })
    );
}

#[test]
fn another_scheme_counts_as_no_token() {
    let issuer = TestIssuer::new();
    let token = issuer.token().sign();
    for value in [
        String::new(),
        "Basic dXNlcjpwYXNz".into(),
        format!("DPoP {token}"),
        format!("JWT {token}"),
        token.clone(),
        format!("Bearer{token}"),
        format!("Bearer:{token}"),
    ] {
        let answer = send(
            issuer.verifier(),
            &Request::get().header("authorization", &value),
        );
        expect(&answer, 401, Some("Bearer"));
    }
}

#[test]
fn a_bad_token_is_named_as_such() {
    let issuer = TestIssuer::new();
    let answer = send(
        issuer.verifier(),
        &Request::bearer(&issuer.token().expired().sign()),
    );
    expect(
        &answer,
        401,
        Some(r#"Bearer error="invalid_token", error_description="the token has expired""#),
    );
    let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&problem["error"], &problem["detail"]),
        (&json!("invalid_token"), &json!("the token has expired"))
    );
}

#[test]
fn malformed_credentials_are_a_bad_request() {
    let issuer = TestIssuer::new();
    let token = issuer.token().sign();
    for value in [
        "Bearer".into(),
        "Bearer ".into(),
        format!("Bearer\t{token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer token=\"{token}\""),
    ] {
        let answer = send(
            issuer.verifier(),
            &Request::get().header("authorization", &value),
        );
        expect(&answer, 400, MALFORMED);
    }
}

#[test]
fn two_tokens_are_a_bad_request() {
    let issuer = TestIssuer::new();
    let token = issuer.token().sign();
    let twice = Request::bearer(&token).header("authorization", format!("Bearer {token}"));
    expect(&send(issuer.verifier(), &twice), 400, MALFORMED);

    let either = Authenticator::new(issuer.verifier())
        .source(TokenSource::bearer().or(TokenSource::cookie("access")));
    let both = Request::bearer(&token).header("cookie", format!("access={token}"));
    expect(&send(either.clone(), &both), 400, MALFORMED);
    let one = Request::get().header("cookie", format!("access={token}"));
    assert_eq!(send(either, &one).status, 200);
}

#[test]
fn a_bad_first_token_never_falls_through_to_the_second() {
    let issuer = TestIssuer::new();
    let either = Authenticator::new(issuer.verifier())
        .source(TokenSource::bearer().or(TokenSource::cookie("access")));
    let good = format!("access={}", issuer.token().sign());
    let junk = Request::bearer("bad").header("cookie", &good);
    expect(&send(either.clone(), &junk), 401, MALFORMED_TOKEN);
    let scheme_only = Request::get()
        .header("authorization", "Bearer")
        .header("cookie", &good);
    expect(&send(either, &scheme_only), 400, MALFORMED);
}

#[test]
fn sources_are_opt_in() {
    let issuer = TestIssuer::new();
    let token = issuer.token().sign();
    let offers = [
        (
            TokenSource::cookie("access"),
            Request::get().header("cookie", format!("a=1; access={token}; b=2")),
        ),
        (
            TokenSource::cookie("access"),
            Request::get()
                .header("cookie", "a=1")
                .header("cookie", format!("access=\"{token}\"")),
        ),
        (
            TokenSource::header("X-Token"),
            Request::get().header("x-token", &token),
        ),
        (
            TokenSource::query("access_token"),
            Request::get().target(&format!("/?a=1&access_token={token}")),
        ),
        (
            TokenSource::websocket_protocol(),
            Request::get().header("sec-websocket-protocol", format!("chat, bearer.{token}")),
        ),
        (
            TokenSource::custom(|head: &dyn RequestHead| head.path().strip_prefix("/t/")),
            Request::get().target(&format!("/t/{token}")),
        ),
    ];
    for (source, request) in offers {
        expect(&send(issuer.verifier(), &request), 401, Some("Bearer"));
        let enabled = Authenticator::new(issuer.verifier()).source(source.clone());
        assert_eq!(send(enabled.clone(), &request).status, 200, "{source:?}");
        expect(&send(enabled, &Request::get()), 401, Some("Bearer"));
    }
}

#[test]
fn two_different_values_from_one_source_are_refused() {
    let issuer = TestIssuer::new();
    let token = issuer.token().sign();
    for (source, request) in [
        (
            TokenSource::header("x"),
            Request::get().header("x", &token).header("x", "y"),
        ),
        (
            TokenSource::query("a"),
            Request::get().target(&format!("/?a={token}&a=x")),
        ),
        (
            TokenSource::websocket_protocol(),
            Request::get().header(
                "sec-websocket-protocol",
                format!("bearer.x, bearer.{token}"),
            ),
        ),
    ] {
        let answer = send(
            Authenticator::new(issuer.verifier()).source(source),
            &request,
        );
        expect(&answer, 400, MALFORMED);
    }
    // Of two cookies, one was planted, and it is unknown which.
    let cookie = || Authenticator::new(issuer.verifier()).source(TokenSource::cookie("a"));
    let planted = Request::get().header("cookie", format!("a=x; a={token}"));
    expect(&send(cookie(), &planted), 401, MALFORMED_TOKEN);
    // Two equal cookies, as two paths of one site send them, are not ambiguous.
    let same = Request::get().header("cookie", format!("a={token}; a={token}"));
    assert_eq!(send(cookie(), &same).status, 200);
}

#[test]
fn optional_means_that_the_token_may_be_missing_not_that_it_may_be_bad() {
    let issuer = TestIssuer::new();
    let optional = || Authenticator::new(issuer.verifier()).optional();
    let answer = send(optional(), &Request::get());
    assert_eq!((answer.status, &*answer.body), (200, ANONYMOUS));
    let answer = send(optional(), &Request::bearer(&issuer.token().sign()));
    assert_eq!((answer.status, &*answer.body), (200, "user-1"));

    for bad in [
        issuer.token().expired().sign(),
        issuer.token().by_a_stranger(),
        issuer.token().unsigned(),
    ] {
        assert_eq!(send(optional(), &Request::bearer(&bad)).status, 401);
    }
    expect(
        &send(
            optional(),
            &Request::get().header("authorization", "Bearer"),
        ),
        400,
        MALFORMED,
    );
}

#[test]
fn what_is_required_is_required_of_anonymous_requests_too() {
    let issuer = TestIssuer::new();
    let named = || Authenticator::new(issuer.verifier()).realm("shop");
    let (nobody, good) = (
        Request::get(),
        Request::bearer(&issuer.token().scope("read").sign()),
    );
    let challenge = Some(r#"Bearer realm="shop""#);
    for authenticator in [
        named().optional().require(Policy::scope("read")),
        named().require(Policy::scope("read")).optional(),
        named()
            .optional()
            .require(Policy::scope("read"))
            .require_if_present(Policy::role("guest").not()),
        // A policy that every token meets is not met without a token.
        named().optional().require(Policy::role("guest").not()),
        named()
            .optional()
            .require(Policy::new("everybody", |_| true)),
    ] {
        expect(&send(authenticator.clone(), &nobody), 401, challenge);
        assert_eq!(send(authenticator, &good).status, 200);
    }
    for authenticator in [
        named().optional().require(Policy::default()),
        named().optional().require(Policy::scope("")),
    ] {
        expect(&send(authenticator.clone(), &nobody), 401, challenge);
        assert_eq!(send(authenticator, &good).status, 403);
    }
}

#[test]
fn what_is_required_of_a_token_if_present_lets_anonymous_requests_through() {
    let issuer = TestIssuer::new();
    let named = || Authenticator::new(issuer.verifier()).require_if_present(Policy::scope("read"));
    let (nobody, good, bad) = (
        Request::get(),
        Request::bearer(&issuer.token().scope("read").sign()),
        Request::bearer(&issuer.token().scope("write").sign()),
    );
    let answer = send(named().optional(), &nobody);
    assert_eq!((answer.status, &*answer.body), (200, ANONYMOUS));
    // By itself, it does not make the token optional.
    expect(&send(named(), &nobody), 401, Some("Bearer"));
    for authenticator in [named(), named().optional()] {
        assert_eq!(send(authenticator.clone(), &good).status, 200);
        assert_eq!(send(authenticator.clone(), &bad).status, 403);
        let both = authenticator.require_if_present(Policy::scope("more"));
        assert_eq!(send(both, &good).status, 403);
    }
}

#[test]
fn a_missing_scope_is_forbidden_and_named() {
    let issuer = TestIssuer::new();
    let read = Authenticator::new(issuer.verifier()).require(Policy::scope("orders:read"));
    for scope in ["", "orders", "orders:read2", "Orders:Read", "orders:write"] {
        expect(
            &send(
                read.clone(),
                &Request::bearer(&issuer.token().scope(scope).sign()),
            ),
            403,
            Some(
                r#"Bearer error="insufficient_scope", error_description="the token lacks a required scope", scope="orders:read""#,
            ),
        );
    }
    let good = issuer.token().scope("openid orders:read").sign();
    assert_eq!(send(read, &Request::bearer(&good)).status, 200);
}

#[test]
fn policies_combine() {
    let issuer = TestIssuer::new();
    let status = |policy: Policy, token: TestToken<'_>| {
        let authenticator = Authenticator::new(issuer.verifier()).require(policy);
        send(authenticator, &Request::bearer(&token.sign())).status
    };
    let both = || Policy::scope("a b");
    assert_eq!(status(both(), issuer.token().scope("b a")), 200);
    assert_eq!(status(both(), issuer.token().scope("a")), 403);
    let either = || Policy::any_scope(["a", "b"]);
    assert_eq!(status(either(), issuer.token().scope("b")), 200);
    assert_eq!(status(either(), issuer.token().scope("c")), 403);
    let role = || Policy::role("admin");
    assert_eq!(status(role(), issuer.token().role("admin")), 200);
    assert_eq!(
        status(
            role(),
            issuer.token().claim("roles", json!(["user", "admin"]))
        ),
        200
    );
    assert_eq!(status(role(), issuer.token().role("administrator")), 403);
    assert_eq!(
        status(
            role(),
            issuer.token().claim("roles", json!({"admin": true}))
        ),
        403
    );
    assert_eq!(status(role().not(), issuer.token().role("user")), 200);
    assert_eq!(status(role().not(), issuer.token().role("admin")), 403);
    let tenant = || Policy::claim("tenant", 7).or(Policy::role("root"));
    assert_eq!(status(tenant(), issuer.token().claim("tenant", 7)), 200);
    assert_eq!(status(tenant(), issuer.token().claim("tenant", "7")), 403);
    assert_eq!(status(tenant(), issuer.token().role("root")), 200);
    let own = || {
        Policy::new("subject is short", |token| {
            token.subject().is_some_and(|sub| sub.len() < 4)
        })
    };
    assert_eq!(
        status(
            own().and(Policy::scope("a")),
            issuer.token().subject("ada").scope("a")
        ),
        200
    );
    assert_eq!(
        status(
            own().and(Policy::scope("a")),
            issuer.token().subject("grace").scope("a")
        ),
        403
    );
    for nobody in [
        Policy::default(),
        Policy::scope(""),
        Policy::any_scope::<&str>([]),
    ] {
        assert_eq!(status(nobody, issuer.token().scope("a").role("admin")), 403);
    }
}

#[test]
fn step_up_is_asked_for() {
    let issuer = TestIssuer::new();
    let now = countersign::Clock::now(issuer.clock());
    let fresh = Policy::acr(["phr", "phrh"]).and(Policy::max_age(Duration::from_secs(60)));
    let fresh = Authenticator::new(issuer.verifier()).require(fresh);
    let with = |acr: &str, ago: i64| {
        let token = issuer
            .token()
            .claim("acr", acr)
            .claim("auth_time", now - ago);
        send(fresh.clone(), &Request::bearer(&token.sign()))
    };
    let challenge = Some(
        r#"Bearer error="insufficient_user_authentication", error_description="a more recent or stronger authentication is required", acr_values="phr phrh", max_age="60""#,
    );
    assert_eq!(with("phr", 60).status, 200);
    expect(&with("phr", 61), 401, challenge);
    expect(&with("pwd", 0), 401, challenge);
    expect(&with("phr", -3_600), 401, challenge);
}

#[test]
fn the_realm_and_the_metadata_are_in_every_challenge() {
    let issuer = TestIssuer::new();
    let named = Authenticator::new(issuer.verifier())
        .realm("the \"shop\"\r\n")
        .resource_metadata("https://api.test/.well-known/oauth-protected-resource")
        .require(Policy::role("admin"));
    let ending = r#"resource_metadata="https://api.test/.well-known/oauth-protected-resource""#;
    for (request, status) in [
        (Request::get(), 401),
        (Request::bearer("bad"), 401),
        (Request::get().header("authorization", "Bearer"), 400),
        (Request::bearer(&issuer.token().sign()), 403),
    ] {
        let answer = send(named.clone(), &request);
        assert_eq!(answer.status, status);
        let challenge = answer.www_authenticate.unwrap();
        assert!(
            challenge.starts_with(r#"Bearer realm="the \"shop\"??""#),
            "{challenge}"
        );
        assert!(challenge.ends_with(ending), "{challenge}");
    }
}

#[test]
fn a_preflight_without_token_is_refused_like_any_request() {
    let issuer = TestIssuer::new();
    let preflight = Request::get()
        .method("OPTIONS")
        .header("origin", "https://spa.test")
        .header("access-control-request-method", "GET");
    expect(&send(issuer.verifier(), &preflight), 401, Some("Bearer"));
}

/// Returns a `POST` to `app.test` with the token in a cookie, which a browser adds by itself.
fn post_with_cookie(token: &str) -> Request {
    Request::get()
        .method("POST")
        .header("host", "app.test")
        .header("cookie", format!("access={token}"))
}

fn cookie_or_bearer(issuer: &TestIssuer) -> Authenticator {
    Authenticator::new(issuer.verifier())
        .source(TokenSource::bearer().or(TokenSource::cookie("access")))
}

#[test]
fn a_cookie_changes_something_only_for_its_own_site() {
    let issuer = TestIssuer::new();
    let token = issuer.token().subject("ada").sign();
    let partner = Csrf::new().allow_origin("https://partner.test").unwrap();
    let authenticator = cookie_or_bearer(&issuer).csrf(partner);
    for (headers, status) in [
        (&[("sec-fetch-site", "same-origin")][..], 200),
        (&[("sec-fetch-site", "none")], 200),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://partner.test"),
            ],
            200,
        ),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.test"),
            ],
            403,
        ),
        (&[("origin", "https://app.test")], 200),
        (&[("origin", "https://partner.test")], 200),
        (&[("origin", "https://evil.test")], 403),
        (&[("origin", "null")], 403),
        (&[], 403),
    ] {
        let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
        let post = headers.iter().fold(post_with_cookie(&token), add);
        assert_eq!(
            send(authenticator.clone(), &post).status,
            status,
            "{headers:?}"
        );
        let read = post.method("GET");
        assert_eq!(send(authenticator.clone(), &read).status, 200);
        // A header that no browser adds by itself may come from any site.
        let bearer = headers.iter().fold(Request::bearer(&token), add);
        let bearer = bearer.method("POST");
        assert_eq!(send(authenticator.clone(), &bearer).status, 200);
    }
}

#[test]
fn a_request_from_another_site_is_forbidden_without_a_challenge() {
    let issuer = TestIssuer::new();
    let named = cookie_or_bearer(&issuer).realm("shop");
    let cross = |token: String| post_with_cookie(&token).header("sec-fetch-site", "cross-site");
    // It is refused for that, before the token is checked.
    for token in [issuer.token().sign(), issuer.token().expired().sign()] {
        let answer = send(named.clone(), &cross(token));
        expect(&answer, 403, None);
        assert_eq!(answer.reason, Some("cross_site"));
        assert_eq!(
            answer.content_type.as_deref(),
            Some("application/problem+json")
        );
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            problem,
            json!({
                "type": "about:blank",
                "title": "Forbidden",
                "status": 403,
                "detail": "the request comes from another site",
            })
        );
    }
    let open = named.without_csrf_protection();
    assert_eq!(send(open, &cross(issuer.token().sign())).status, 200);
}

#[test]
fn a_client_that_says_nothing_of_its_site_repeats_a_value_of_its_session() {
    let issuer = TestIssuer::new();
    let csrf = Csrf::new()
        .secret("an example secret of 32 bytes or more")
        .unwrap();
    let own = csrf.token("session-1").unwrap().unwrap();
    let of_another = csrf.token("session-2").unwrap().unwrap();
    let session = || issuer.token().claim("sid", "session-1");
    let post = |value: &str| post_with_cookie(&session().sign()).header(Csrf::HEADER, value);

    // The keys are there, or arrive while the request waits.
    let known = KeySet::new([issuer.key().verifying_key()]);
    for (before, then) in [(Some(known.clone()), None), (None, Some(known))] {
        for entry in Entry::ALL {
            let answer = |request: &Request| {
                let (keys, _) = Away::keys(before.clone(), then.clone());
                let authenticator = Authenticator::new(verifier(&issuer, keys))
                    .source(TokenSource::cookie("access"))
                    .csrf(csrf.clone());
                entry.send(&authenticator, request)
            };
            assert_eq!(answer(&post(&own)).status, 200, "{entry:?}");
            let wrong = answer(&post(&of_another));
            expect(&wrong, 403, None);
            assert_eq!(wrong.reason, Some("wrong_csrf_token"), "{entry:?}");
            let silent = answer(&post_with_cookie(&session().sign()));
            expect(&silent, 403, None);
            assert_eq!(silent.reason, Some("missing_origin"), "{entry:?}");
            assert!(silent.body.contains("the request has no Origin header"));
            // A bad token is reported as such: the value only matters with a good one.
            let expired = post_with_cookie(&session().expired().sign());
            let expired = answer(&expired.header(Csrf::HEADER, &of_another));
            assert_eq!((expired.status, expired.reason), (401, Some("expired")));
        }
    }
}

#[test]
fn several_issuers_keep_to_their_own_keys_and_audiences() {
    let (one, other) = (TestIssuer::new(), TestIssuer::new());
    let second = Verifier::builder(other.key())
        .issuer("https://other.test")
        .audience("other-audience")
        .clock(other.clock().clone())
        .build()
        .unwrap();
    let both = Issuers::new([one.verifier(), second]).unwrap();
    let status = |token: String| {
        let answer = send(both.clone(), &Request::bearer(&token));
        (answer.status, answer.www_authenticate)
    };
    let foreign = |token: TestToken<'_>| {
        token
            .issuer("https://other.test")
            .audience("other-audience")
            .sign()
    };
    assert_eq!(status(one.token().sign()).0, 200);
    assert_eq!(status(foreign(other.token())).0, 200);
    // The other issuer's name with this one's key, and the reverse.
    assert_eq!(status(foreign(one.token())).0, 401);
    assert_eq!(status(other.token().sign()).0, 401);
    // The other issuer's token for this one's audience.
    assert_eq!(
        status(other.token().issuer("https://other.test").sign()).0,
        401
    );
    let (code, challenge) = status(one.token().issuer("https://stranger.test").sign());
    assert_eq!(code, 401);
    assert!(challenge.unwrap().contains("the issuer is not known here"));
}

/// Keys that are unavailable, until the first refresh or permanently.
struct Away {
    then: Option<Arc<KeySet>>,
    now: std::sync::RwLock<Option<Arc<KeySet>>>,
}

impl Away {
    fn keys(before: Option<KeySet>, then: Option<KeySet>) -> (Keys, Arc<Self>) {
        let away = Arc::new(Self {
            then: then.map(Arc::new),
            now: std::sync::RwLock::new(before.map(Arc::new)),
        });
        (Keys::from_source(Shared(Arc::clone(&away))), away)
    }
}

struct Shared(Arc<Away>);

impl KeySource for Shared {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        let now = self.0.now.read().unwrap();
        now.clone().ok_or_else(|| KeysUnavailable::retry_after(7))
    }

    fn refresh(&self, _: RefreshReason<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        let away = Arc::clone(&self.0);
        Some(Box::pin(async move {
            let then = away
                .then
                .clone()
                .ok_or_else(|| KeysUnavailable::retry_after(7))?;
            *away.now.write().unwrap() = Some(then);
            Ok(())
        }))
    }
}

fn verifier(issuer: &TestIssuer, keys: Keys) -> Verifier {
    Verifier::builder(keys)
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

#[test]
fn keys_that_are_away_are_an_outage_not_a_bad_token() {
    let issuer = TestIssuer::new();
    let stranger = SigningKey::generate_es256().unwrap().verifying_key();
    for before in [None, Some(KeySet::new([stranger]))] {
        let (keys, _) = Away::keys(before, None);
        let answer = send(
            verifier(&issuer, keys),
            &Request::bearer(&issuer.token().sign()),
        );
        expect(&answer, 503, None);
        assert_eq!(answer.retry_after.as_deref(), Some("7"));
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            problem["detail"],
            "the service cannot verify tokens right now"
        );
    }
}

#[test]
fn the_first_request_after_a_rotation_waits_for_its_key() {
    let issuer = TestIssuer::new();
    let stranger = SigningKey::generate_es256().unwrap().verifying_key();
    let own = KeySet::new([issuer.key().verifying_key()]);
    for before in [None, Some(KeySet::new([stranger]))] {
        // For each entry, the keys have not arrived yet.
        for entry in Entry::ALL {
            let (keys, _) = Away::keys(before.clone(), Some(own.clone()));
            let authenticator = Authenticator::new(verifier(&issuer, keys));
            let answer = entry.send(&authenticator, &Request::bearer(&issuer.token().sign()));
            assert_eq!(answer.status, 200, "{entry:?}: {}", answer.body);
            let bad = entry.send(
                &authenticator,
                &Request::bearer(&issuer.token().expired().sign()),
            );
            assert_eq!(bad.status, 401);
        }
    }
}

#[test]
fn nothing_of_a_token_reaches_the_client() {
    let issuer = TestIssuer::new();
    let secret = "a-private-claim-value";
    let tokens = [
        issuer.token().subject(secret).expired().sign(),
        issuer.token().audience(secret).sign(),
        issuer.token().issuer(secret).sign(),
        issuer.token().header("typ", secret).sign(),
        issuer.token().header("kid", secret).sign(),
        issuer.token().claim("exp", secret).sign(),
        issuer.token().claim("aud", json!([7, secret])).sign(),
        issuer.token().claim("sub", json!([secret])).sign(),
        issuer
            .token()
            .claim("scope", json!([format!("{secret} b")]))
            .sign(),
        issuer.token().scope(secret).sign(),
    ];
    let authenticator = Authenticator::new(issuer.verifier()).require(Policy::scope("read"));
    for token in tokens {
        let answer = send(authenticator.clone(), &Request::bearer(&token));
        assert!(matches!(answer.status, 401 | 403));
        let text = format!("{answer:?}");
        assert!(!text.contains(secret), "{text}");
        assert!(!text.contains(&token[..20]), "{text}");
    }
}

#[test]
fn tokens_of_tenants_are_answered_alike() {
    let issuer = TestIssuer::new();
    let (key, clock) = (issuer.key().clone(), issuer.clock().clone());
    // Answers by the name of the tenant.
    let resolver = move |name: Box<str>| {
        let builder = Verifier::builder(&key).clock(clock.clone());
        let builder = builder.audience(TestIssuer::AUDIENCE);
        async move {
            match &*name {
                "https://good.id.example" => builder.issuer(name).build().map(Some),
                "https://mixed-up.id.example" => builder.any_issuer().build().map(Some),
                "https://outage.id.example" => {
                    Err(countersign::ConfigError::Missing("a row".into()))
                }
                _ => Ok(None),
            }
        }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tenants = {
        let _within = runtime.enter();
        // A refusal is remembered for a second, so that each entry is told to come again after one.
        let builder = DynamicIssuers::builder(resolver);
        builder.unknown_for(Duration::from_secs(1)).build().unwrap()
    };
    let authenticator = Authenticator::new(Issuers::dynamic(tenants.clone()));
    let answer = |name: &str| {
        let token = issuer.token().subject("ada").issuer(name).sign();
        send(authenticator.clone(), &Request::bearer(&token))
    };
    for (name, status, reason) in [
        ("https://good.id.example", 200, None),
        ("https://mixed-up.id.example", 500, Some("misconfigured")),
        ("https://outage.id.example", 503, Some("issuer_unavailable")),
        ("https://other.id.example", 401, Some("unknown_issuer")),
        ("http://good.id.example", 401, Some("unknown_issuer")),
    ] {
        let answer = answer(name);
        assert_eq!((answer.status, answer.reason), (status, reason), "{name}");
    }
    tenants.remove("https://good.id.example");
    assert_eq!(answer("https://good.id.example").status, 401);
}
