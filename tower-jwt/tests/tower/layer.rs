//! The layer by itself.

use axum::{body::Body, response::IntoResponse};
use countersign::{
    AuthError, AuthErrorKind, Authenticator, TokenSource, adapter::Anonymous, testing::TestIssuer,
};
use countersign_tower::{
    ClaimsRejection, DefaultResponseForAuthError, JwtAuthLayer, ResponseForAuthError,
};
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use tower::{Layer, service_fn};

use crate::{Away, anonymous, answer, bearing, greet, header, reason, text, verifier_with};

#[tokio::test]
async fn a_good_token_reaches_the_service() {
    let issuer = TestIssuer::new();
    let service = JwtAuthLayer::new(issuer.verifier()).layer(service_fn(greet));
    let response = answer(service, bearing(&issuer.token().subject("ada").sign())).await;
    assert_eq!(text(response).await, "Hello ada");
}

#[tokio::test]
async fn a_request_without_a_token_is_refused_with_a_bare_challenge() {
    let service = JwtAuthLayer::new(TestIssuer::new().verifier()).layer(service_fn(greet));
    let response = answer(service, anonymous()).await;
    assert_eq!(response.status(), 401);
    assert_eq!(header(&response, "www-authenticate"), "Bearer");
}

#[tokio::test]
async fn a_refusal_is_a_problem_document() {
    let service = JwtAuthLayer::new(TestIssuer::new().verifier()).layer(service_fn(greet));
    let response = answer(service, bearing("not.a.token")).await;
    assert_eq!(
        header(&response, "content-type"),
        "application/problem+json"
    );
    let problem: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(
        problem,
        serde_json::json!({
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "detail": "the token is malformed",
            "error": "invalid_token",
        })
    );
}

#[tokio::test]
async fn a_refused_request_never_reaches_the_service() {
    let issuer = TestIssuer::new();
    let unreachable = service_fn(|_: Request<Body>| async { panic!("it was called") });
    let service = JwtAuthLayer::new(issuer.verifier()).layer(unreachable);
    let response = answer(service, bearing(&issuer.token().expired().sign())).await;
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn outer_layers_find_the_refusal_in_the_response() {
    let issuer = TestIssuer::new();
    let service = JwtAuthLayer::new(issuer.verifier()).layer(service_fn(greet));
    let response = answer(service, bearing(&issuer.token().expired().sign())).await;
    assert_eq!(reason(&response), "expired");
}

#[tokio::test]
async fn two_authorization_headers_are_a_bad_request() {
    let issuer = TestIssuer::new();
    let service = JwtAuthLayer::new(issuer.verifier()).layer(service_fn(greet));
    let mut request = bearing(&issuer.token().sign());
    request
        .headers_mut()
        .append(AUTHORIZATION, "Bearer second".parse().unwrap());
    assert_eq!(answer(service, request).await.status(), 400);
}

#[tokio::test]
async fn keys_that_are_away_are_503_with_retry_after_and_without_a_challenge() {
    let issuer = TestIssuer::new();
    let verifier = verifier_with(&issuer, Away);
    let service = JwtAuthLayer::new(verifier).layer(service_fn(greet));
    let response = answer(service, bearing(&issuer.token().sign())).await;
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "retry-after"), "7");
    assert!(!response.headers().contains_key("www-authenticate"));
}

#[tokio::test]
async fn the_query_and_cookies_are_read_too_when_the_source_says_so() {
    let issuer = TestIssuer::new();
    let token = issuer.token().subject("ada").sign();
    let source = TokenSource::query("t").or(TokenSource::cookie("session"));
    let layer = JwtAuthLayer::new(Authenticator::new(issuer.verifier()).source(source));

    let in_query = Request::get(format!("/?a=b&t={token}"));
    let in_cookie = Request::get("/").header("cookie", format!("a=b; session={token}"));
    for request in [in_query, in_cookie] {
        let request = request.body(Body::empty()).unwrap();
        let response = answer(layer.layer(service_fn(greet)), request).await;
        assert_eq!(text(response).await, "Hello ada");
    }
}

#[tokio::test]
async fn a_source_of_your_own_sees_the_head_of_the_request() {
    let issuer = TestIssuer::new();
    let source = TokenSource::custom(|head| match (head.method(), head.query()) {
        ("GET", Some("in=path")) => head.path().strip_prefix("/token/"),
        _ => None,
    });
    let service = JwtAuthLayer::new(Authenticator::new(issuer.verifier()).source(source))
        .layer(service_fn(greet));
    let token = issuer.token().subject("ada").sign();
    let request = Request::get(format!("/token/{token}?in=path"));
    let response = answer(service, request.body(Body::empty()).unwrap()).await;
    assert_eq!(text(response).await, "Hello ada");
}

mod optional {
    use super::*;

    fn layer(issuer: &TestIssuer) -> JwtAuthLayer {
        JwtAuthLayer::new(Authenticator::new(issuer.verifier()).optional())
    }

    #[tokio::test]
    async fn a_request_without_a_token_is_let_through() {
        let service = layer(&TestIssuer::new()).layer(service_fn(greet));
        let response = answer(service, anonymous()).await;
        assert_eq!(text(response).await, "Hello stranger");
    }

    #[tokio::test]
    async fn a_bad_token_is_refused() {
        let issuer = TestIssuer::new();
        let service = layer(&issuer).layer(service_fn(greet));
        let response = answer(service, bearing(&issuer.token().by_a_stranger())).await;
        assert_eq!(response.status(), 401);
    }

    #[tokio::test]
    async fn inside_a_strict_layer_it_forgets_the_outer_token() {
        let issuer = TestIssuer::new();
        let inner = Authenticator::new(issuer.verifier())
            .source(TokenSource::cookie("session"))
            .optional();
        let service = JwtAuthLayer::new(issuer.verifier())
            .layer(JwtAuthLayer::new(inner).layer(service_fn(greet)));
        let response = answer(service, bearing(&issuer.token().sign())).await;
        assert_eq!(text(response).await, "Hello stranger");
    }

    #[tokio::test]
    async fn outside_a_strict_layer_it_does_not_make_the_request_anonymous() {
        let issuer = TestIssuer::new();
        let outer = Authenticator::new(issuer.verifier())
            .source(TokenSource::cookie("session"))
            .optional();
        let service = JwtAuthLayer::new(outer)
            .layer(JwtAuthLayer::new(issuer.verifier()).layer(service_fn(greet)));
        let response = answer(service, bearing(&issuer.token().subject("ada").sign())).await;
        assert_eq!(text(response).await, "Hello ada");
    }

    #[tokio::test]
    async fn the_mark_of_an_anonymous_request_is_gone_once_there_is_a_token() {
        let marked = service_fn(|request: Request<Body>| async move {
            let marked = request.extensions().get::<Anonymous>().is_some();
            Ok(Response::new(Body::from(marked.to_string())))
        });
        let issuer = TestIssuer::new();
        let outer = Authenticator::new(issuer.verifier())
            .source(TokenSource::cookie("session"))
            .optional();
        let outer = JwtAuthLayer::new(outer);
        let response = answer(outer.layer(marked), anonymous()).await;
        assert_eq!(text(response).await, "true");
        let both = outer.layer(JwtAuthLayer::new(issuer.verifier()).layer(marked));
        let response = answer(both, bearing(&issuer.token().sign())).await;
        assert_eq!(text(response).await, "false");
    }
}

mod own_response {
    use super::*;

    #[tokio::test]
    async fn it_replaces_status_and_body() {
        let service = JwtAuthLayer::new(TestIssuer::new().verifier())
            .with_rejection_response(|error: &AuthError| {
                let mut response = Response::new(Body::from(error.reason()));
                *response.status_mut() = StatusCode::IM_A_TEAPOT;
                response
            })
            .layer(service_fn(greet));
        let response = answer(service, anonymous()).await;
        assert_eq!(response.status(), 418);
        assert_eq!(text(response).await, "missing_token");
    }

    #[tokio::test]
    async fn the_challenge_and_the_error_are_added_to_it() {
        let service = JwtAuthLayer::new(TestIssuer::new().verifier())
            .with_rejection_response(|_: &AuthError| Response::new(Body::empty()))
            .layer(service_fn(greet));
        let response = answer(service, anonymous()).await;
        assert_eq!(header(&response, "www-authenticate"), "Bearer");
        assert_eq!(reason(&response), "missing_token");
    }

    #[tokio::test]
    async fn its_own_challenge_is_left_alone() {
        let service = JwtAuthLayer::new(TestIssuer::new().verifier())
            .with_rejection_response(|_: &AuthError| {
                let mut response = Response::new(Body::empty());
                let challenge = "Negotiate".parse().unwrap();
                response.headers_mut().insert("www-authenticate", challenge);
                response
            })
            .layer(service_fn(greet));
        let response = answer(service, anonymous()).await;
        let challenges = response.headers().get_all("www-authenticate");
        assert!(challenges.iter().eq(["Negotiate"]));
    }

    #[tokio::test]
    async fn an_error_that_it_carries_already_does_not_cost_the_challenge() {
        let service = JwtAuthLayer::new(TestIssuer::new().verifier())
            .with_rejection_response(|error: &AuthError| {
                let mut response = Response::new(Body::empty());
                response.extensions_mut().insert(error.clone());
                response
            })
            .layer(service_fn(greet));
        let response = answer(service, anonymous()).await;
        assert_eq!(header(&response, "www-authenticate"), "Bearer");
        assert_eq!(reason(&response), "missing_token");
    }

    #[tokio::test]
    async fn another_error_in_it_hides_neither_the_challenge_nor_the_reason() {
        let service = JwtAuthLayer::new(TestIssuer::new().verifier())
            .with_rejection_response(|_: &AuthError| {
                let other = AuthError::from(AuthErrorKind::Misconfigured);
                ClaimsRejection::from(other).into_response()
            })
            .layer(service_fn(greet));
        let response = answer(service, anonymous()).await;
        assert_eq!(response.status(), 500);
        assert_eq!(header(&response, "www-authenticate"), "Bearer");
        assert_eq!(reason(&response), "missing_token");
    }

    #[tokio::test]
    async fn it_can_start_from_the_problem_document() {
        let service = JwtAuthLayer::new(TestIssuer::new().verifier())
            .with_rejection_response(|error: &AuthError| {
                let response: Response<String> =
                    DefaultResponseForAuthError.response_for_auth_error(error);
                response.map(|body| Body::from(body.to_uppercase()))
            })
            .layer(service_fn(greet));
        let response = answer(service, anonymous()).await;
        assert!(text(response).await.contains("AUTHENTICATION IS REQUIRED"));
    }
}

#[tokio::test]
async fn the_authorization_header_goes_on_as_a_sensitive_one() {
    let issuer = TestIssuer::new();
    let show = service_fn(|request: Request<Body>| async move {
        Ok(Response::new(Body::from(format!(
            "{:?}",
            request.headers()
        ))))
    });
    let service = JwtAuthLayer::new(issuer.verifier()).layer(show);
    let response = answer(service, bearing(&issuer.token().sign())).await;
    assert_eq!(text(response).await, r#"{"authorization": Sensitive}"#);
}

#[tokio::test]
async fn so_does_every_header_that_can_carry_the_token() {
    let issuer = TestIssuer::new();
    let source = TokenSource::header("X-Token")
        .or(TokenSource::cookie("session"))
        .or(TokenSource::header("not a name"));
    let show = service_fn(|request: Request<Body>| async move {
        let shown = request
            .headers()
            .iter()
            .filter(|(_, value)| !value.is_sensitive());
        let names: Vec<_> = shown.map(|(name, _)| name.as_str()).collect();
        Ok(Response::new(Body::from(names.join(" "))))
    });
    let service =
        JwtAuthLayer::new(Authenticator::new(issuer.verifier()).source(source)).layer(show);
    let request = Request::get("/")
        .header("x-token", issuer.token().sign())
        .header("accept", "*/*")
        .header("cookie", "a=b")
        .header("cookie", "c=d");
    let response = answer(service, request.body(Body::empty()).unwrap()).await;
    assert_eq!(text(response).await, "accept");
}

#[test]
fn the_inner_service_can_be_reached() {
    let layer = JwtAuthLayer::new(TestIssuer::new().verifier());
    let mut service = layer.layer("inner");
    assert_eq!(service.get_ref(), &"inner");
    *service.get_mut() = "changed";
    assert_eq!(service.into_inner(), "changed");
}

#[tokio::test]
async fn an_answer_whose_url_has_a_token_asks_for_no_referrer() {
    let issuer = TestIssuer::new();
    let sources = TokenSource::bearer().or(TokenSource::query("access_token"));
    let authenticator = Authenticator::new(issuer.verifier()).source(sources);
    let usual = JwtAuthLayer::new(authenticator);
    let own = usual
        .clone()
        .with_rejection_response(|_: &AuthError| Response::new(Body::empty()));
    let lax = service_fn(async |_: Request<Body>| {
        let policy = [("referrer-policy", "unsafe-url")];
        Ok::<_, std::convert::Infallible>(policy.into_response())
    });
    let token = issuer.token().sign();
    let twice = format!("/?access_token={token}&access_token={token}");
    for (target, status, policy) in [
        (format!("/?access_token={token}"), 200, "no-referrer"),
        ("/?access_token=a.b.c".to_owned(), 401, "no-referrer"),
        (twice, 400, "no-referrer"),
        // These carry none.
        ("/?access_token=".to_owned(), 401, ""),
        ("/?other=a.b.c".to_owned(), 401, ""),
    ] {
        let request = || Request::get(&target).body(Body::empty()).unwrap();
        let response = answer(usual.layer(lax), request()).await;
        assert_eq!(response.status(), status, "{target}");
        assert_eq!(header(&response, "referrer-policy"), policy, "{target}");
        let response = answer(own.layer(lax), request()).await;
        assert_eq!(header(&response, "referrer-policy"), policy, "{target}");
    }
    // What the inner service says stays where the URL has no token.
    let response = answer(usual.layer(lax), bearing(&token)).await;
    assert_eq!(header(&response, "referrer-policy"), "unsafe-url");
}
