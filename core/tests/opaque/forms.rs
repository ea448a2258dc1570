//! Tests of the forms by which opaque tokens are told from JWTs, and of requests with both.

use countersign::{
    Authenticator, Issuers, Key, TokenSource, Verifier, adapter::Credentials, testing::TestIssuer,
};
use futures_executor::block_on;

use crate::{Head, KEY, Keys, both, check, verdict};

#[test]
fn the_form_decides_who_judges_a_credential() {
    let (issuer, keys) = (TestIssuer::new(), Keys::default());
    let authenticator = both(&issuer, &keys);
    let jwt = issuer.token().subject("bob").sign();
    let expired = issuer.token().expired().sign();
    for (head, said, asked) in [
        (Head::bearer(KEY), Ok("ada"), 1),
        (
            Head::new([("authorization", "bearer  sk_ada")]),
            Ok("ada"),
            1,
        ),
        (Head::new([("x-api-key", KEY)]), Ok("ada"), 1),
        (Head::bearer("sk_"), Err((401, "opaque_token_refused")), 1),
        (
            Head::bearer("sk_eve"),
            Err((401, "opaque_token_refused")),
            1,
        ),
        // Its form is that of nothing that is known.
        (Head::bearer("sk-ada"), Err((401, "malformed_token")), 0),
        (Head::bearer("SK_ada"), Err((401, "malformed_token")), 0),
        (Head::bearer("xsk_ada"), Err((401, "malformed_token")), 0),
        // What is in the header goes to its check, whatever it looks like.
        (
            Head::new([("x-api-key", &*jwt)]),
            Err((401, "opaque_token_refused")),
            1,
        ),
        // A JWT that is refused is not tried elsewhere.
        (Head::bearer(&jwt), Ok("bob"), 0),
        (Head::bearer(&expired), Err((401, "expired")), 0),
        (
            Head::bearer("not.a.token"),
            Err((401, "malformed_token")),
            0,
        ),
        (
            Head::bearer("sk_ada sk_ada"),
            Err((400, "malformed_request")),
            0,
        ),
        (
            Head::new([("x-api-key", "")]),
            Err((401, "missing_token")),
            0,
        ),
        (
            Head::new([("x-api-key", "sk_\u{e4}")]),
            Err((401, "opaque_token_refused")),
            1,
        ),
        (
            Head::new([("x-api-key", &b"sk_\xe4"[..])]),
            Err((401, "malformed_token")),
            0,
        ),
    ] {
        let said = said.map(str::to_owned);
        assert_eq!(verdict(&authenticator, &head), said, "{:?}", head.headers);
        assert_eq!(keys.asked(), asked, "{:?}", head.headers);
    }
}

#[test]
fn a_request_with_two_credentials_is_ambiguous() {
    let (issuer, keys) = (TestIssuer::new(), Keys::default());
    let authenticator = both(&issuer, &keys).optional();
    let jwt = issuer.token().sign();
    let ambiguous = Err((400, "malformed_request"));
    for (head, said) in [
        (Head::bearer(&jwt).and("x-api-key", KEY), ambiguous),
        (Head::bearer(KEY).and("x-api-key", KEY), ambiguous),
        (Head::bearer(KEY).and("x-api-key", "sk_\u{e4}"), ambiguous),
        (
            Head::new([("x-api-key", KEY), ("x-api-key", KEY)]),
            ambiguous,
        ),
        (
            Head::bearer(KEY).and("authorization", "Bearer sk_ada"),
            ambiguous,
        ),
        // The first one is what the client has to mend.
        (
            Head::bearer("a.b.c").and("x-api-key", KEY),
            Err((401, "malformed_token")),
        ),
        // Nearest twins: the other header is empty, or of another scheme.
        (Head::bearer(KEY).and("x-api-key", ""), Ok("ada")),
        (
            Head::new([("authorization", "Basic YTpi"), ("x-api-key", KEY)]),
            Ok("ada"),
        ),
        (
            Head::new([("authorization", "Basic YTpi")]),
            Ok("anonymous"),
        ),
    ] {
        let said = said.map(str::to_owned);
        assert_eq!(verdict(&authenticator, &head), said, "{:?}", head.headers);
        assert_eq!(keys.asked(), usize::from(said == Ok("ada".to_owned())));
    }
}

#[test]
fn an_opaque_token_is_known_wherever_tokens_are_looked_for() {
    let (issuer, keys) = (TestIssuer::new(), Keys::default());
    let source = TokenSource::bearer()
        .or(TokenSource::cookie("access"))
        .or(TokenSource::header("x-token"))
        .or(TokenSource::websocket_protocol());
    let authenticator = Authenticator::new(issuer.verifier())
        .source(source)
        .opaque_tokens(keys.prefixed())
        .unwrap();
    for (name, value) in [
        ("cookie", "access=sk_ada"),
        ("x-token", "sk_ada"),
        ("sec-websocket-protocol", "chat, bearer.sk_ada"),
    ] {
        let head = Head::new([(name, value)]);
        assert_eq!(
            verdict(&authenticator, &head),
            Ok("ada".to_owned()),
            "{name}"
        );
    }
    let found = block_on(authenticator.authenticate(Some(Credentials::new(KEY))));
    assert_eq!(found.unwrap().unwrap().credential(), Some("api_key"));
}

#[test]
fn an_opaque_token_in_a_cookie_is_protected_as_a_jwt_is() {
    let (issuer, keys) = (TestIssuer::new(), Keys::default());
    let authenticator = Authenticator::new(issuer.verifier())
        .source(TokenSource::cookie("access"))
        .opaque_tokens(keys.prefixed())
        .unwrap();
    let post = |site: &'static str, cookie: &str| {
        let mut head = Head::new([("sec-fetch-site", site)]).and("cookie", cookie);
        head.method = "POST";
        verdict(&authenticator, &head)
    };
    let jwt = format!("access={}", issuer.token().sign());
    for cookie in ["access=sk_ada", &jwt] {
        assert_eq!(post("cross-site", cookie), Err((403, "cross_site")));
    }
    assert_eq!(keys.asked(), 0);
    assert_eq!(post("same-origin", "access=sk_ada"), Ok("ada".to_owned()));
}

#[test]
fn no_jwt_passes_for_an_opaque_token() {
    let (own, keys) = (TestIssuer::new(), Keys::default());
    let any = || {
        let builder = Verifier::builder(own.key().verifying_key()).clock(own.clock().clone());
        builder.any_issuer().any_audience().build().unwrap()
    };
    let strict = Issuers::new([own.verifier()]).unwrap();
    for issuers in [Issuers::from(any()), strict.with_fallback(any()).unwrap()] {
        let authenticator = Authenticator::new(issuers)
            .opaque_tokens(keys.prefixed())
            .unwrap();
        let token = |issuer| own.token().subject("bob").issuer(issuer).sign();
        let posing = verdict(&authenticator, &Head::bearer(&token("api_key")));
        assert_eq!(posing, Err((401, "unknown_issuer")));
        let other = verdict(&authenticator, &Head::bearer(&token("api_keys")));
        assert_eq!(other, Ok("bob".to_owned()));
    }
    let jwt = check(&both(&own, &keys), &Head::bearer(&own.token().sign()));
    let jwt = jwt.unwrap().unwrap();
    assert!(!jwt.is_opaque() && jwt.credential().is_none());
}

#[test]
fn the_header_of_a_kind_is_kept_out_of_logs() {
    let authenticator = both(&TestIssuer::new(), &Keys::default());
    assert_eq!(
        authenticator.credential_headers(),
        ["authorization", "x-api-key"]
    );
}

#[test]
fn a_weak_key_of_a_verifier_has_no_say_in_opaque_tokens() {
    // A verifier of the kind's issuer would make two of one name.
    let key = Key::hs256("an example secret of 32 bytes or more").unwrap();
    let verifier = Verifier::builder(key).issuer("api_key").audience("orders");
    let authenticator = Authenticator::new(verifier.build().unwrap());
    let refused = authenticator.opaque_tokens(Keys::default().prefixed());
    assert!(refused.unwrap_err().to_string().contains("`opaque_tokens`"));
}
