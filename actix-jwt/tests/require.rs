//! Policies for routes.

mod common;

use actix_web::{App, web};
use countersign::{Authenticator, Policy, testing::TestIssuer};
use countersign_actix::{JwtAuth, Require};

use crate::common::{get, send, who, with};

#[actix_web::test]
async fn a_token_that_fits_passes() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(Require::new(Policy::role("admin")))
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().role("admin").sign())).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "user-1"));
}

#[actix_web::test]
async fn a_token_that_does_not_fit_is_forbidden_and_told_what_would() {
    let issuer = TestIssuer::new();
    let auth = Authenticator::new(issuer.verifier()).realm("orders");
    let app = App::new()
        .wrap(Require::new(Policy::scope("orders:write")))
        .wrap(JwtAuth::new(auth))
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().scope("orders:read").sign())).await;
    assert_eq!(
        (answer.status, answer.reason),
        (403, Some("insufficient_scope"))
    );
    assert_eq!(
        answer.challenge.as_deref(),
        Some(
            r#"Bearer realm="orders", error="insufficient_scope", error_description="the token lacks a required scope", scope="orders:write""#
        )
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
}

#[actix_web::test]
async fn it_covers_a_scope_inside_of_a_scope() {
    let issuer = TestIssuer::new();
    let app = || {
        App::new().service(
            web::scope("/api")
                .wrap(JwtAuth::new(issuer.verifier()))
                .route("/me", web::get().to(who))
                .service(
                    web::scope("/admin")
                        .wrap(Require::new(Policy::role("admin")))
                        .route("/users", web::get().to(who)),
                ),
        )
    };
    let user = || with(&issuer.token().role("user").sign());
    assert_eq!(send(app(), user().uri("/api/me")).await.status, 200);
    assert_eq!(
        send(app(), user().uri("/api/admin/users")).await.status,
        403
    );
    let admin = with(&issuer.token().role("admin").sign());
    assert_eq!(send(app(), admin.uri("/api/admin/users")).await.status, 200);
}

#[actix_web::test]
async fn an_anonymous_request_is_asked_to_authenticate() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(Require::new(Policy::role("admin")))
        .wrap(JwtAuth::new(
            Authenticator::new(issuer.verifier()).optional(),
        ))
        .route("/", web::get().to(who));
    let answer = send(app, get()).await;
    assert_eq!(
        (answer.status, answer.challenge.as_deref()),
        (401, Some("Bearer"))
    );
}

#[actix_web::test]
async fn outside_of_the_middleware_it_lets_nobody_in() {
    let issuer = TestIssuer::new();
    let admin = || with(&issuer.token().role("admin").sign());
    let alone = App::new()
        .wrap(Require::new(Policy::role("admin")))
        .route("/", web::get().to(who));
    assert_eq!(send(alone, admin()).await.status, 500);
    let wrong_order = App::new()
        .wrap(JwtAuth::new(issuer.verifier()))
        .wrap(Require::new(Policy::role("admin")))
        .route("/", web::get().to(who));
    assert_eq!(send(wrong_order, admin()).await.status, 500);
}

#[actix_web::test]
async fn a_default_policy_refuses_everybody() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(Require::new(Policy::default()))
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(who));
    assert_eq!(send(app, with(&issuer.token().sign())).await.status, 403);
}
