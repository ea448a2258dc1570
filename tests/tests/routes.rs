//! Tests of the answers of extractors and policies: the same through every entry.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use countersign::{
    Authenticator, MemoryStore, OpaqueIdentity, OpaqueToken, OpaqueTokenError, OpaqueTokens,
    Policy, PrincipalError, VerifiedToken,
    session::{ApiKeys, NewApiKey},
    testing::TestIssuer,
};
use countersign_tests::{ANONYMOUS, Answer, Entry, Person, Request};

/// Sends a request through every entry, and checks that the answers are equal.
#[track_caller]
fn visit(authenticator: &Authenticator, path: &str, request: &Request) -> Answer {
    let request = request.clone().target(path);
    let [core, tower, actix] = Entry::ALL.map(|entry| entry.visit(authenticator, &request));
    assert_eq!(core, tower, "core and axum, {path}");
    assert_eq!(core, actix, "core and actix-web, {path}");
    core
}

/// The answer of a route: a text, or the reason of a refusal with its status.
type Said = Result<&'static str, (u16, &'static str)>;

#[track_caller]
fn expect(answer: &Answer, said: Said) {
    match said {
        Ok(text) => assert_eq!(
            (answer.status, &*answer.body, answer.reason),
            (200, text, None)
        ),
        Err((status, reason)) => assert_eq!(
            (answer.status, answer.reason),
            (status, Some(reason)),
            "{}",
            answer.body
        ),
    }
}

const MISCONFIGURED: Said = Err((500, "misconfigured"));
const MISSING: Said = Err((401, "missing_token"));

#[test]
fn every_route_answers_every_token_alike_through_every_entry() {
    let issuer = TestIssuer::new();
    let strict = Authenticator::new(issuer.verifier()).realm("shop");
    let optional = strict.clone().optional();
    let requests = || {
        let token = || issuer.token().subject("ada");
        [
            Request::get(),
            Request::bearer(&token().sign()),
            Request::bearer(&token().role("admin").sign()),
            Request::bearer(&token().expired().sign()),
            Request::bearer("not.a.token"),
            Request::get().header("authorization", "Bearer"),
        ]
    };
    let refused = [
        Err((401, "expired")),
        Err((401, "malformed_token")),
        Err((400, "malformed_request")),
    ];
    for (path, nobody, user, admin) in [
        ("/claims", MISSING, Ok("ada"), Ok("ada")),
        ("/claims-if-any", Ok(ANONYMOUS), Ok("ada"), Ok("ada")),
        ("/misfit", MISSING, MISCONFIGURED, MISCONFIGURED),
        ("/admin", MISSING, Err((403, "forbidden")), Ok("ada")),
    ] {
        let [expired, malformed, no_token] = refused;
        let said = [nobody, user, admin, expired, malformed, no_token];
        for (request, said) in requests().iter().zip(said) {
            expect(&visit(&optional, path, request), said);
        }
        let said = [MISSING, user, admin, expired, malformed, no_token];
        for (request, said) in requests().iter().zip(said) {
            expect(&visit(&strict, path, request), said);
        }
    }
    for request in requests() {
        for authenticator in [&strict, &optional] {
            expect(&visit(authenticator, "/uncovered", &request), MISCONFIGURED);
        }
    }
}

#[test]
fn a_refusal_by_a_route_names_the_protection_space_of_the_layer() {
    let issuer = TestIssuer::new();
    let optional = Authenticator::new(issuer.verifier())
        .realm("shop")
        .optional();
    let user = Request::bearer(&issuer.token().sign());
    for (path, request, challenge) in [
        ("/claims", Request::get(), Some(r#"Bearer realm="shop""#)),
        ("/admin", Request::get(), Some(r#"Bearer realm="shop""#)),
        (
            "/admin",
            user.clone(),
            Some(
                r#"Bearer realm="shop", error="insufficient_scope", error_description="the token does not permit this""#,
            ),
        ),
        ("/misfit", user.clone(), None),
        ("/uncovered", user, None),
    ] {
        let answer = visit(&optional, path, &request);
        assert_eq!(answer.www_authenticate.as_deref(), challenge, "{path}");
    }
}

/// Finds the person of a token.
async fn person(token: VerifiedToken) -> Result<Person, PrincipalError> {
    match token.subject() {
        Some("ada") => Ok(Person("Ada Lovelace".to_owned())),
        Some("locked") => Err(PrincipalError::forbidden("locked")),
        Some("outage") => Err(std::io::Error::other("the database is away"))?,
        _ => Err(PrincipalError::unauthorized("no such person")),
    }
}

#[test]
fn the_principal_of_a_token_decides_and_is_there_for_handlers_through_every_entry() {
    let issuer = TestIssuer::new();
    let with = Authenticator::new(issuer.verifier())
        .optional()
        .principal(person);
    let bearer = |subject: &str| Request::bearer(&issuer.token().subject(subject).sign());
    for path in ["/principal", "/principal-if-any"] {
        for (subject, said) in [
            ("ada", Ok("Ada Lovelace")),
            ("nobody", Err((401, "principal_refused"))),
            ("locked", Err((403, "principal_forbidden"))),
            ("outage", Err((503, "principal_unavailable"))),
        ] {
            expect(&visit(&with, path, &bearer(subject)), said);
        }
    }
    let nobody = visit(&with, "/principal-if-any", &Request::get());
    expect(&nobody, Ok(ANONYMOUS));
    expect(&visit(&with, "/principal", &Request::get()), MISSING);
    // A route that asks for what nobody finds is a mistake, and lets nobody in.
    let without = Authenticator::new(issuer.verifier()).optional();
    let other = without
        .clone()
        .principal(async |_: VerifiedToken| Ok::<_, PrincipalError>(42));
    for authenticator in [without, other] {
        for path in ["/principal", "/principal-if-any"] {
            expect(&visit(&authenticator, path, &bearer("ada")), MISCONFIGURED);
        }
    }
    let policy = Policy::principal("a doctor", |person: &Person| person.0.starts_with("Dr "));
    let doctors = with.clone().require(policy);
    expect(
        &visit(&doctors, "/principal", &bearer("ada")),
        Err((403, "forbidden")),
    );
    let outage = visit(&with, "/claims", &bearer("outage"));
    assert!(
        outage.retry_after.is_some() && outage.www_authenticate.is_none(),
        "{outage:?}"
    );
}

#[test]
fn the_actor_of_a_token_decides_through_every_entry() {
    let issuer = TestIssuer::new();
    let token = |act: serde_json::Value| {
        let token = issuer.token().subject("ada").claim("act", act);
        Request::bearer(&token.sign())
    };
    let direct = Request::bearer(&issuer.token().subject("ada").sign());
    let agent = token(serde_json::json!({"sub": "agent", "act": {"sub": "page"}}));
    let page = token(serde_json::json!({"sub": "page", "act": {"sub": "agent"}}));
    let unreadable = token(serde_json::json!("agent"));

    let any = Authenticator::new(issuer.verifier());
    for (request, said) in [
        (&direct, Ok("direct")),
        (&agent, Ok("agent")),
        (&page, Ok("page")),
        (&unreadable, Err((401, "invalid_claim"))),
    ] {
        expect(&visit(&any, "/actor", request), said);
    }
    let agents = any.clone().require(Policy::actor("agent"));
    let users = any.require(Policy::direct());
    for (authenticator, request, said) in [
        (&agents, &agent, Ok("agent")),
        (&agents, &page, Err((403, "forbidden"))),
        (&agents, &direct, Err((403, "forbidden"))),
        (&agents, &unreadable, Err((401, "invalid_claim"))),
        (&users, &direct, Ok("direct")),
        (&users, &agent, Err((403, "forbidden"))),
        (&users, &unreadable, Err((401, "invalid_claim"))),
    ] {
        expect(&visit(authenticator, "/actor", request), said);
    }
}

/// Checks an opaque token.
async fn check(token: OpaqueToken) -> Result<OpaqueIdentity, OpaqueTokenError> {
    match token.as_str() {
        "sk_ada" => Ok(OpaqueIdentity::new("ada")),
        "sk_admin" => Ok(OpaqueIdentity::new("ada").roles(["admin"])),
        "sk_nobody" => Ok(OpaqueIdentity::new("nobody")),
        "sk_locked" => Err(OpaqueTokenError::forbidden("locked")),
        "sk_outage" => Err(std::io::Error::other("the database is away"))?,
        _ => Err(OpaqueTokenError::unauthorized("no such key")),
    }
}

#[test]
fn an_opaque_token_is_checked_by_the_app_and_is_a_token_like_any_other_through_every_entry() {
    let issuer = TestIssuer::new();
    let authenticator = Authenticator::new(issuer.verifier())
        .optional()
        .realm("shop")
        .principal(person)
        .opaque_tokens(OpaqueTokens::prefixed("sk_", check))
        .and_then(|own| own.opaque_tokens(OpaqueTokens::in_header("x-api-key", check)))
        .unwrap();
    let jwt = issuer.token().subject("ada").sign();
    let in_header = |key: &str| Request::get().header("x-api-key", key);
    let ambiguous = Err((400, "malformed_request"));
    for make in [Request::bearer, in_header] {
        for (path, key, said) in [
            ("/claims", "sk_ada", Ok("ada")),
            ("/principal", "sk_ada", Ok("Ada Lovelace")),
            ("/principal-if-any", "sk_ada", Ok("Ada Lovelace")),
            ("/admin", "sk_ada", Err((403, "forbidden"))),
            ("/admin", "sk_admin", Ok("ada")),
            ("/misfit", "sk_ada", MISCONFIGURED),
            ("/claims", "sk_nobody", Err((401, "principal_refused"))),
            (
                "/claims-if-any",
                "sk_eve",
                Err((401, "opaque_token_refused")),
            ),
            (
                "/claims-if-any",
                "sk_locked",
                Err((403, "opaque_token_forbidden")),
            ),
            (
                "/claims-if-any",
                "sk_outage",
                Err((503, "opaque_token_unavailable")),
            ),
        ] {
            expect(&visit(&authenticator, path, &make(key)), said);
        }
    }
    for (request, said) in [
        (Request::get(), Ok(ANONYMOUS)),
        (in_header(""), Ok(ANONYMOUS)),
        (Request::bearer(&jwt), Ok("ada")),
        // Neither is tried where the other one belongs.
        (in_header(&jwt), Err((401, "opaque_token_refused"))),
        (Request::bearer("sk-ada"), Err((401, "malformed_token"))),
        (
            Request::bearer(&jwt).header("x-api-key", "sk_ada"),
            ambiguous,
        ),
        (
            Request::bearer("sk_ada").header("x-api-key", "sk_ada"),
            ambiguous,
        ),
        (in_header("sk_ada").header("x-api-key", "sk_ada"), ambiguous),
    ] {
        expect(&visit(&authenticator, "/claims-if-any", &request), said);
    }
    let refused = visit(&authenticator, "/claims", &in_header("sk_eve"));
    assert_eq!(
        refused.www_authenticate.as_deref(),
        Some(
            r#"Bearer realm="shop", error="invalid_token", error_description="the token is not known here""#
        ),
    );
    let outage = visit(&authenticator, "/claims", &in_header("sk_outage"));
    assert!(outage.retry_after.is_some() && outage.www_authenticate.is_none());
}

#[test]
fn an_api_key_is_accepted_until_it_ends_through_every_entry() {
    let issuer = TestIssuer::new();
    let pepper = "a pepper of the tests, 32 bytes or more";
    let keys = ApiKeys::builder(MemoryStore::new(), pepper)
        .build()
        .unwrap();
    let authenticator = Authenticator::new(issuer.verifier())
        .opaque_tokens(&keys)
        .unwrap();
    let new = NewApiKey::new("CI");
    let (key, text) = futures_executor::block_on(keys.create("ada", &new)).unwrap();
    let request = Request::bearer(text.as_str());
    expect(&visit(&authenticator, "/claims", &request), Ok("ada"));
    let mut typo = text.as_str().to_owned();
    let last = if typo.ends_with('0') { "1" } else { "0" };
    typo.replace_range(57.., last);
    let refused = Err((401, "opaque_token_refused"));
    expect(
        &visit(&authenticator, "/claims", &Request::bearer(&typo)),
        refused,
    );
    assert!(futures_executor::block_on(keys.end(key.id())).unwrap());
    expect(&visit(&authenticator, "/claims", &request), refused);
}
