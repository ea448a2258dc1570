//! Responses of your own to refused requests.
#![allow(clippy::unwrap_used)] // helpers stop where they cannot go on

mod common;

use std::{fmt, sync::Arc};

use actix_web::{
    App, HttpResponse, ResponseError, http::StatusCode, middleware::DefaultHeaders, web,
};
use countersign::{
    AuthError, AuthErrorKind, KeySet, Keys, Policy, Verifier,
    keys::{KeySource, KeysUnavailable},
    testing::TestIssuer,
};
use countersign_actix::{
    Claims, DefaultResponseForAuthError, Error, JwtAuth, Require, ResponseForAuthError, Token,
};

use crate::common::{Robot, get, send, who, with};

fn own(error: &AuthError) -> HttpResponse {
    let status = StatusCode::from_u16(error.kind().status()).unwrap();
    HttpResponse::build(status).body(r#"{"message":"no"}"#)
}

#[actix_web::test]
async fn a_closure_makes_the_response_and_the_challenge_is_added() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(
            JwtAuth::new(issuer.verifier()).with_rejection_response(|_: &AuthError| {
                HttpResponse::Unauthorized().body("please log in")
            }),
        )
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().expired().sign())).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (401, "please log in")
    );
    assert!(answer.challenge.unwrap().contains("invalid_token"));
    assert_eq!(answer.reason, Some("expired"));
}

#[actix_web::test]
async fn a_challenge_that_the_response_sets_itself_stays() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(
            JwtAuth::new(issuer.verifier()).with_rejection_response(|_: &AuthError| {
                HttpResponse::Unauthorized()
                    .insert_header(("www-authenticate", "Basic"))
                    .finish()
            }),
        )
        .route("/", web::get().to(who));
    let answer = send(app, get()).await;
    assert_eq!(answer.challenge.as_deref(), Some("Basic"));
    assert_eq!(
        answer
            .response
            .headers()
            .get_all("www-authenticate")
            .count(),
        1
    );
}

#[actix_web::test]
async fn an_error_that_the_response_carries_already_does_not_cost_the_challenge() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(
            JwtAuth::new(issuer.verifier()).with_rejection_response(|error: &AuthError| {
                let mut response = HttpResponse::Unauthorized().body("please log in");
                response.extensions_mut().insert(error.clone());
                response
            }),
        )
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().expired().sign())).await;
    assert!(answer.challenge.unwrap().contains("invalid_token"));
    assert_eq!(answer.reason, Some("expired"));
}

#[actix_web::test]
async fn another_error_in_the_response_hides_neither_the_challenge_nor_the_reason() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(
            JwtAuth::new(issuer.verifier()).with_rejection_response(|_: &AuthError| {
                let other = AuthError::from(AuthErrorKind::Misconfigured);
                HttpResponse::from_error(Error::from(other))
            }),
        )
        .route("/", web::get().to(who));
    let answer = send(app, get()).await;
    assert_eq!(
        (answer.status, answer.challenge.as_deref()),
        (500, Some("Bearer"))
    );
    assert_eq!(answer.reason, Some("missing_token"));
}

#[actix_web::test]
async fn a_closure_can_start_from_the_problem_document() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(
            JwtAuth::new(issuer.verifier()).with_rejection_response(|error: &AuthError| {
                let mut response = DefaultResponseForAuthError.response_for_auth_error(error);
                *response.status_mut() = StatusCode::IM_A_TEAPOT;
                response
            }),
        )
        .route("/", web::get().to(who));
    let answer = send(app, get()).await;
    assert_eq!(
        (answer.status, answer.challenge.as_deref()),
        (418, Some("Bearer"))
    );
    assert!(answer.body.contains("authentication is required"));
}

#[actix_web::test]
async fn an_outage_still_says_when_to_come_back() {
    struct Away;
    impl KeySource for Away {
        fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
            Err(KeysUnavailable::default())
        }
    }
    let issuer = TestIssuer::new();
    let verifier = Verifier::builder(Keys::from_source(Away))
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .build()
        .unwrap();
    let app = App::new()
        .wrap(JwtAuth::new(verifier).with_rejection_response(own))
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().sign())).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("5"))
    );
}

#[actix_web::test]
async fn a_policy_can_have_its_own_response() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(Require::new(Policy::role("admin")).with_rejection_response(own))
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().sign())).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (403, r#"{"message":"no"}"#)
    );
    assert!(answer.challenge.is_some());
}

#[actix_web::test]
async fn what_is_inside_a_middleware_refuses_in_its_words() {
    async fn robot(_: Claims<Robot>) -> &'static str {
        "a robot"
    }
    let issuer = TestIssuer::new();
    for (path, reason, is_challenged) in [
        ("/extractor", "misconfigured", false),
        ("/handler", "insufficient_scope", true),
        ("/policy", "forbidden", true),
    ] {
        let app = App::new()
            .route("/extractor", web::get().to(robot))
            .route("/handler", web::get().to(checked))
            .service(
                web::resource("/policy")
                    .wrap(Require::new(Policy::role("admin")))
                    .route(web::get().to(who)),
            )
            .wrap(DefaultHeaders::new().add(("x-inner", "1")))
            .wrap(JwtAuth::new(issuer.verifier()).with_rejection_response(own));
        let answer = send(app, with(&issuer.token().sign()).uri(path)).await;
        assert_eq!(answer.body, r#"{"message":"no"}"#, "{path}");
        assert_eq!(answer.header("x-inner"), Some("1"));
        assert_ne!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.challenge.is_some(), is_challenged);
        assert_eq!(answer.reason, Some(reason));
    }
}

async fn checked(Token(token): Token) -> Result<&'static str, Error> {
    Policy::scope("write").check(&token)?;
    Ok("in")
}

#[actix_web::test]
async fn a_response_of_ones_own_inside_a_middleware_stays() {
    let issuer = TestIssuer::new();
    let branded = |error: &AuthError| {
        let mut response = DefaultResponseForAuthError.response_for_auth_error(error);
        let brand = "x-brand".parse().unwrap();
        response
            .headers_mut()
            .insert(brand, "acme".parse().unwrap());
        response
    };
    let app = App::new()
        .wrap(Require::new(Policy::role("admin")).with_rejection_response(branded))
        .wrap(JwtAuth::new(issuer.verifier()).with_rejection_response(own))
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().sign())).await;
    assert_eq!(answer.header("x-brand"), Some("acme"));
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
}

/// An error of the app's own, with its own body.
#[derive(Debug)]
struct AppError(Error);

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "own: {}", self.0.auth_error().reason())
    }
}

impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let response = HttpResponse::build(self.status_code()).body(self.to_string());
        self.0.complete(response)
    }
}

#[actix_web::test]
async fn an_error_of_the_apps_own_keeps_the_challenge() {
    async fn handler(token: Token) -> Result<&'static str, AppError> {
        checked(token).await.map_err(AppError)
    }
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(issuer.verifier()).with_rejection_response(own))
        .route("/", web::get().to(handler));
    let answer = send(app, with(&issuer.token().sign())).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (403, "own: insufficient_scope")
    );
    assert!(answer.challenge.unwrap().contains("scope=\"write\""));
    assert_eq!(answer.reason, Some("insufficient_scope"));
}

#[actix_web::test]
async fn a_type_can_build_on_the_default_response() {
    #[derive(Clone)]
    struct Branded;
    impl ResponseForAuthError for Branded {
        fn response_for_auth_error(&self, error: &AuthError) -> HttpResponse {
            let mut response = DefaultResponseForAuthError.response_for_auth_error(error);
            response
                .headers_mut()
                .insert("x-brand".parse().unwrap(), "acme".parse().unwrap());
            response
        }
    }
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(issuer.verifier()).with_rejection_response(Branded))
        .route("/", web::get().to(who));
    let answer = send(app, get()).await;
    assert_eq!(answer.header("x-brand"), Some("acme"));
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.reason, Some("missing_token"));
}
