//! Tests of the app with actix-web.

use std::time::Duration;

use actix_web::{
    App,
    test::{TestRequest, call_service, init_service, read_body},
};
use countersign::{AuthError, testing::TestIssuer};
use testing_example::with_actix::app;

#[actix_web::test]
async fn a_reader_sees_the_own_orders() {
    let issuer = TestIssuer::new();
    let token = issuer.token().subject("ada").scope("orders:read").sign();
    let answer = send(&issuer, list(&token)).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "the orders of ada")
    );
}

#[actix_web::test]
async fn without_a_token_there_is_a_challenge() {
    let issuer = TestIssuer::new();
    let answer = send(&issuer, TestRequest::get().uri("/orders")).await;
    assert_eq!((answer.status, answer.challenge.as_str()), (401, "Bearer"));
}

#[actix_web::test]
async fn bad_tokens_are_refused_for_the_right_reason() {
    let issuer = TestIssuer::new();
    let reader = || issuer.token().scope("orders:read");
    for (token, reason) in [
        (reader().expired().sign(), "expired"),
        (reader().not_yet_valid().sign(), "not_yet_valid"),
        (
            reader().audience("https://shop.test").sign(),
            "wrong_audience",
        ),
        (reader().issuer("https://evil.test").sign(), "wrong_issuer"),
        (reader().by_a_stranger(), "bad_signature"),
        (reader().unsigned(), "wrong_algorithm"),
    ] {
        let answer = send(&issuer, list(&token)).await;
        assert_eq!((answer.status, answer.reason), (401, Some(reason)));
    }
}

#[actix_web::test]
async fn a_token_without_the_scope_is_told_which_one_is_needed() {
    let issuer = TestIssuer::new();
    let token = issuer.token().scope("profile").sign();
    let answer = send(&issuer, list(&token)).await;
    assert_eq!(answer.status, 403);
    assert!(answer.challenge.contains(r#"scope="orders:read""#));
}

#[actix_web::test]
async fn only_an_admin_may_erase() {
    let issuer = TestIssuer::new();
    for (role, status) in [("admin", 200), ("user", 403)] {
        let request = TestRequest::delete().uri("/orders/all");
        let request = authorized(request, &issuer.token().role(role).sign());
        assert_eq!(send(&issuer, request).await.status, status);
    }
}

#[actix_web::test]
async fn a_token_ends_while_the_app_runs() {
    let issuer = TestIssuer::new();
    let token = issuer.token().scope("orders:read").sign();
    assert_eq!(send(&issuer, list(&token)).await.status, 200);
    issuer.clock().advance(Duration::from_secs(3600)); // nobody has to wait for it
    assert_eq!(send(&issuer, list(&token)).await.status, 401);
}

struct Answer {
    status: u16,
    challenge: String,
    reason: Option<&'static str>,
    body: String,
}

async fn send(issuer: &TestIssuer, request: TestRequest) -> Answer {
    let app = init_service(App::new().configure(app(issuer.verifier()))).await;
    let response = call_service(&app, request.to_request()).await;
    let challenge = response.headers().get("www-authenticate");
    let error = response.response().extensions().get().cloned();
    Answer {
        status: response.status().as_u16(),
        challenge: challenge
            .map_or("", |value| value.to_str().unwrap_or(""))
            .to_owned(),
        reason: error.as_ref().map(AuthError::reason),
        body: String::from_utf8_lossy(&read_body(response).await).into_owned(),
    }
}

fn list(token: &str) -> TestRequest {
    authorized(TestRequest::get().uri("/orders"), token)
}

fn authorized(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header(("authorization", format!("Bearer {token}")))
}
