//! The extractors for axum.

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use countersign::{AuthError, Authenticator, Policy, TokenSource, testing::TestIssuer};
use countersign_tower::{Claims, ClaimsRejection, JwtAuthLayer, RequireLayer, Token};
use serde::Deserialize;

use crate::{anonymous, answer, bearing, header, reason, text};

#[derive(Deserialize)]
struct User {
    sub: String,
}

/// A type that the claims of the test tokens do not fit.
#[derive(Deserialize)]
struct Numbered {
    #[allow(dead_code)] // it is never read, because it never fits
    sub: u64,
}

async fn subject(Claims(user): Claims<User>) -> String {
    user.sub.clone()
}

async fn subject_if_any(user: Option<Claims<User>>) -> String {
    user.map_or("nobody".to_owned(), |user| user.sub.clone())
}

async fn seconds_left(Token(token): Token) -> String {
    token.remaining().unwrap_or(0).to_string()
}

async fn seconds_left_if_any(token: Option<Token>) -> String {
    token.map_or("none".to_owned(), |token| {
        format!("{:?}", token.remaining())
    })
}

async fn numbered(_: Claims<Numbered>) {}

async fn numbered_if_any(_: Option<Claims<Numbered>>) {}

async fn own_answer(user: Result<Claims<User>, ClaimsRejection>) -> Response {
    match user {
        Ok(_) => "in".into_response(),
        Err(refused) => refused.auth_error().reason().into_response(),
    }
}

fn strict(issuer: &TestIssuer, route: axum::routing::MethodRouter) -> Router {
    Router::new()
        .route("/", route)
        .route_layer(JwtAuthLayer::new(issuer.verifier()))
}

fn optional(issuer: &TestIssuer, route: axum::routing::MethodRouter) -> Router {
    let authenticator = Authenticator::new(issuer.verifier())
        .realm("shop")
        .optional();
    Router::new()
        .route("/", route)
        .route_layer(JwtAuthLayer::new(authenticator))
}

fn uncovered(route: axum::routing::MethodRouter) -> Router {
    Router::new().route("/", route)
}

fn in_own_words(error: &AuthError) -> Response {
    (StatusCode::IM_A_TEAPOT, format!("no: {}", error.reason())).into_response()
}

#[tokio::test]
async fn what_is_inside_a_layer_refuses_in_the_words_of_the_layer() {
    async fn checked(Token(token): Token) -> Result<(), ClaimsRejection> {
        Policy::scope("write").check(&token)?;
        Ok(())
    }
    async fn marked(request: Request, next: Next) -> Response {
        ([("x-inner", "1")], next.run(request).await).into_response()
    }
    let issuer = TestIssuer::new();
    let strict = JwtAuthLayer::new(issuer.verifier());
    let admins = || RequireLayer::new(Policy::role("admin"));
    for (inner, reason) in [
        (Router::new().route("/", get(numbered)), "misconfigured"),
        (Router::new().route("/", get(checked)), "insufficient_scope"),
        (
            Router::new().route("/", get(subject).layer(admins())),
            "forbidden",
        ),
    ] {
        let app = inner
            .route_layer(from_fn(marked))
            .route_layer(strict.clone().with_rejection_response(in_own_words));
        let response = answer(app, bearing(&issuer.token().sign())).await;
        assert_eq!(response.status(), 418);
        assert_eq!(header(&response, "x-inner"), "1");
        assert!(header(&response, "content-type").starts_with("text/plain"));
        let is_challenged = response.headers().contains_key("www-authenticate");
        assert_eq!(is_challenged, reason != "misconfigured");
        assert_eq!(text(response).await, format!("no: {reason}"));
    }
}

#[tokio::test]
async fn a_response_of_ones_own_inside_a_layer_stays() {
    let issuer = TestIssuer::new();
    let own = |error: &AuthError| ClaimsRejection::from(error.clone()).into_response();
    let admins = RequireLayer::new(Policy::role("admin")).with_rejection_response(own);
    for handler in [get(own_answer).layer(admins), get(own_error)] {
        let app = Router::new().route("/", handler).route_layer(
            JwtAuthLayer::new(issuer.verifier()).with_rejection_response(in_own_words),
        );
        let response = answer(app, bearing(&issuer.token().sign())).await;
        assert_ne!(response.status(), 418);
        assert!(!text(response).await.starts_with("no: "));
    }
}

/// An error of the app's own, with its own body.
async fn own_error(Token(token): Token) -> Result<(), Response> {
    Policy::scope("write").check(&token).map_err(|error| {
        let refused = ClaimsRejection::from(error);
        let body = refused.auth_error().reason();
        (refused.status(), refused, body).into_response()
    })
}

#[tokio::test]
async fn an_error_of_the_apps_own_keeps_the_challenge() {
    let issuer = TestIssuer::new();
    let app = strict(&issuer, get(own_error));
    let response = answer(app, bearing(&issuer.token().sign())).await;
    assert_eq!(response.status(), 403);
    assert!(header(&response, "www-authenticate").contains("scope=\"write\""));
    assert_eq!(reason(&response), "insufficient_scope");
    assert_eq!(text(response).await, "insufficient_scope");
}

#[tokio::test]
async fn claims_are_the_payload_of_the_token() {
    let issuer = TestIssuer::new();
    let request = bearing(&issuer.token().subject("ada").sign());
    let response = answer(strict(&issuer, get(subject)), request).await;
    assert_eq!(text(response).await, "ada");
}

#[tokio::test]
async fn the_token_tells_what_the_claims_do_not() {
    let issuer = TestIssuer::new();
    let request = bearing(&issuer.token().sign());
    let response = answer(strict(&issuer, get(seconds_left)), request).await;
    assert_eq!(text(response).await, "300");
}

#[tokio::test]
async fn an_anonymous_request_for_claims_is_401_in_the_protection_space_of_the_layer() {
    for route in [get(subject), get(seconds_left)] {
        let response = answer(optional(&TestIssuer::new(), route), anonymous()).await;
        assert_eq!(response.status(), 401);
        assert_eq!(
            header(&response, "www-authenticate"),
            r#"Bearer realm="shop""#
        );
        assert_eq!(
            header(&response, "content-type"),
            "application/problem+json"
        );
        assert_eq!(reason(&response), "missing_token");
    }
}

#[tokio::test]
async fn an_anonymous_request_for_optional_claims_has_none() {
    let issuer = TestIssuer::new();
    let response = answer(optional(&issuer, get(subject_if_any)), anonymous()).await;
    assert_eq!(text(response).await, "nobody");
    let response = answer(optional(&issuer, get(seconds_left_if_any)), anonymous()).await;
    assert_eq!(text(response).await, "none");
}

#[tokio::test]
async fn optional_claims_are_there_when_a_token_is() {
    let issuer = TestIssuer::new();
    for app in [
        optional(&issuer, get(subject_if_any)),
        strict(&issuer, get(subject_if_any)),
    ] {
        let request = bearing(&issuer.token().subject("ada").sign());
        assert_eq!(text(answer(app, request).await).await, "ada");
    }
}

#[tokio::test]
async fn optional_claims_do_not_forgive_a_bad_token() {
    let issuer = TestIssuer::new();
    let request = bearing(&issuer.token().expired().sign());
    let response = answer(optional(&issuer, get(subject_if_any)), request).await;
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn a_route_without_a_layer_is_500_with_or_without_a_token() {
    let issuer = TestIssuer::new();
    for route in [
        get(subject),
        get(subject_if_any),
        get(seconds_left),
        get(seconds_left_if_any),
    ] {
        for request in [anonymous(), bearing(&issuer.token().sign())] {
            let response = answer(uncovered(route.clone()), request).await;
            assert_eq!(response.status(), 500);
            assert_eq!(reason(&response), "misconfigured");
        }
    }
}

#[tokio::test]
async fn claims_that_do_not_fit_are_500_and_not_told_to_the_client() {
    let issuer = TestIssuer::new();
    for route in [get(numbered), get(numbered_if_any)] {
        let request = bearing(&issuer.token().subject("confidential").sign());
        let response = answer(strict(&issuer, route), request).await;
        assert_eq!(response.status(), 500);
        assert_eq!(reason(&response), "misconfigured");
        assert!(!text(response).await.contains("confidential"));
    }
}

/// One layer inside another, the outer one for cookies. Each may be optional.
fn nested(
    outer: impl Fn(Authenticator) -> Authenticator,
    inner: impl Fn(Authenticator) -> Authenticator,
    issuer: &TestIssuer,
) -> Router {
    let outer = outer(Authenticator::new(issuer.verifier()).source(TokenSource::cookie("session")));
    let inner = inner(Authenticator::new(issuer.verifier()));
    Router::new()
        .route("/", get(subject_if_any))
        .route("/token", get(seconds_left_if_any))
        .route_layer(JwtAuthLayer::new(inner))
        .route_layer(JwtAuthLayer::new(outer))
}

#[tokio::test]
async fn the_token_of_an_inner_layer_counts_where_the_outer_one_found_none() {
    let issuer = TestIssuer::new();
    let app = nested(Authenticator::optional, |strict| strict, &issuer);
    for (path, seen) in [("/", "ada"), ("/token", "Some(300)")] {
        let mut request = bearing(&issuer.token().subject("ada").sign());
        *request.uri_mut() = path.parse().unwrap();
        assert_eq!(text(answer(app.clone(), request).await).await, seen);
    }
}

#[tokio::test]
async fn a_request_is_anonymous_where_the_inner_layer_finds_no_token() {
    let issuer = TestIssuer::new();
    let app = nested(|strict| strict, Authenticator::optional, &issuer);
    for (path, seen) in [("/", "nobody"), ("/token", "none")] {
        let mut request = anonymous();
        let cookie = format!("session={}", issuer.token().sign());
        request
            .headers_mut()
            .insert("cookie", cookie.parse().unwrap());
        *request.uri_mut() = path.parse().unwrap();
        assert_eq!(text(answer(app.clone(), request).await).await, seen);
    }
}

#[tokio::test]
async fn a_token_that_a_middleware_put_there_itself_counts_for_every_extractor() {
    let issuer = TestIssuer::new();
    let token = issuer
        .verifier()
        .verify_now(&issuer.token().subject("ada").sign());
    let app = Router::new()
        .route("/", get(subject))
        .route("/if-any", get(subject_if_any))
        .layer(axum::Extension(token.unwrap()))
        .layer(JwtAuthLayer::new(
            Authenticator::new(issuer.verifier()).optional(),
        ));
    for path in ["/", "/if-any"] {
        let mut request = anonymous();
        *request.uri_mut() = path.parse().unwrap();
        assert_eq!(text(answer(app.clone(), request).await).await, "ada");
    }
}

#[tokio::test]
async fn a_handler_can_refuse_with_the_question_mark() {
    async fn erase(Token(token): Token) -> Result<&'static str, ClaimsRejection> {
        Policy::scope("write").check(&token)?;
        Ok("erased")
    }
    let issuer = TestIssuer::new();
    let request = bearing(&issuer.token().scope("read").sign());
    let response = answer(strict(&issuer, get(erase)), request).await;
    assert_eq!(response.status(), 403);
    assert_eq!(reason(&response), "insufficient_scope");
    assert!(header(&response, "www-authenticate").contains(r#"scope="write""#));
}

#[tokio::test]
async fn a_handler_can_answer_a_rejection_itself() {
    let response = answer(optional(&TestIssuer::new(), get(own_answer)), anonymous()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(text(response).await, "missing_token");
}

#[test]
fn a_rejection_says_what_the_error_says() {
    let error = countersign::adapter::Anonymous::token(None, None).unwrap_err();
    let rejection = ClaimsRejection::from(error.clone());
    assert_eq!(rejection.to_string(), error.to_string());
    assert!(std::error::Error::source(&rejection).is_some());
    assert_eq!(rejection.into_auth_error().reason(), "misconfigured");
}
