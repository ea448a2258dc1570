//! The middleware together with those that people use around it.

mod common;

use actix_cors::Cors;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::Method,
    middleware::{Compress, Condition, DefaultHeaders, Logger, NormalizePath},
    test::TestRequest,
    web,
};
use countersign::{Policy, Verifier, testing::TestIssuer};
use countersign_actix::{JwtAuth, Require};

use crate::common::{get, send, who, with};

const ORIGIN: (&str, &str) = ("origin", "https://shop.example");

#[actix_web::test]
async fn a_request_passes_through_all_of_them() {
    let issuer = TestIssuer::new();
    let request = with(&issuer.token().role("admin").sign())
        .uri("/api//me/")
        .insert_header(ORIGIN);
    let answer = send(app(issuer.verifier()), request).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "user-1"));
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN.1));
    assert_eq!(answer.header("x-version"), Some("1"));
}

#[actix_web::test]
async fn refusals_pass_through_all_of_them() {
    let issuer = TestIssuer::new();
    let user = with(&issuer.token().role("user").sign());
    for (request, status) in [(get(), 401), (user, 403)] {
        let request = request.uri("/api/me").insert_header(ORIGIN);
        let answer = send(app(issuer.verifier()), request).await;
        assert_eq!(answer.status, status);
        assert!(answer.challenge.is_some());
        // A script of the other origin may read the refusal, challenge included.
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN.1));
        assert_eq!(
            answer.header("access-control-expose-headers"),
            Some("www-authenticate")
        );
        assert_eq!(answer.header("x-version"), Some("1"));
    }
}

#[actix_web::test]
async fn refusals_are_compressed_like_any_other_response() {
    let issuer = TestIssuer::new();
    let service = actix_web::test::init_service(app(issuer.verifier())).await;
    let request = get()
        .uri("/api/me")
        .insert_header(("accept-encoding", "gzip"))
        .to_request();
    let response = actix_web::test::call_service(&service, request).await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers().get("content-encoding").unwrap(), "gzip");
}

#[actix_web::test]
async fn cors_outside_answers_a_preflight_request_without_a_token() {
    let issuer = TestIssuer::new();
    let preflight = TestRequest::default()
        .method(Method::OPTIONS)
        .uri("/api/me")
        .insert_header(ORIGIN)
        .insert_header(("access-control-request-method", "GET"))
        .insert_header(("access-control-request-headers", "authorization"));
    let answer = send(app(issuer.verifier()), preflight).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("authorization")
    );
}

#[actix_web::test]
async fn it_can_be_switched_off() {
    let issuer = TestIssuer::new();
    let app = |on| {
        App::new()
            .wrap(Condition::new(on, JwtAuth::new(issuer.verifier())))
            .route("/", web::get().to(who))
    };
    assert_eq!(send(app(true), get()).await.status, 401);
    assert_eq!(send(app(false), get()).await.status, 200);
}

/// The last one wrapped meets the request first.
fn app(
    verifier: Verifier,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
        Future: 'static,
    >,
> {
    let cors = Cors::default()
        .allowed_origin(ORIGIN.1)
        .allowed_methods(["GET"])
        .allowed_header("authorization")
        .expose_headers(["www-authenticate"]);
    App::new()
        .wrap(Require::new(Policy::role("admin")))
        .wrap(JwtAuth::new(verifier))
        .wrap(NormalizePath::trim())
        .wrap(DefaultHeaders::new().add(("x-version", "1")))
        .wrap(cors)
        .wrap(Compress::default())
        .wrap(Logger::default())
        .route("/api/me", web::get().to(who))
}
