//! The extractors: claims, token, and both where a token is optional.

mod common;

use actix_web::{App, HttpMessage, dev::Service, web};
use countersign::{Authenticator, Policy, TokenSource, adapter::Anonymous, testing::TestIssuer};
use countersign_actix::{Claims, Error, JwtAuth, Optional, Token};

use crate::common::{Robot, User, get, send, with};

async fn user(Claims(user): Claims<User>) -> String {
    user.sub.clone()
}

async fn maybe_user(Optional(user): Optional<Claims<User>>) -> String {
    user.map_or_else(|| "nobody".to_owned(), |user| user.sub.clone())
}

async fn robot(_: Claims<Robot>) -> &'static str {
    "a robot"
}

async fn maybe_robot(_: Optional<Claims<Robot>>) -> &'static str {
    "a robot, or nobody"
}

async fn token(Token(token): Token) -> String {
    token.subject().unwrap_or_default().to_owned()
}

async fn maybe_token(Optional(token): Optional<Token>) -> String {
    token.map_or_else(
        || "nobody".to_owned(),
        |token| token.issuer().unwrap_or_default().to_owned(),
    )
}

#[actix_web::test]
async fn claims_and_token_are_arguments_of_a_handler() {
    let issuer = TestIssuer::new();
    let text = issuer.token().subject("ada").sign();
    let app = || App::new().wrap(JwtAuth::new(issuer.verifier()));
    for handler in [
        web::get().to(user),
        web::get().to(token),
        web::get().to(maybe_user),
    ] {
        let answer = send(app().route("/", handler), with(&text)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ada"));
    }
    let answer = send(app().route("/", web::get().to(maybe_token)), with(&text)).await;
    assert_eq!(answer.body, TestIssuer::ISSUER);
}

#[actix_web::test]
async fn two_extractors_share_the_same_claims() {
    async fn same(Claims(one): Claims<User>, Claims(other): Claims<User>) -> String {
        std::sync::Arc::ptr_eq(&one, &other).to_string()
    }
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(same));
    assert_eq!(send(app, with(&issuer.token().sign())).await.body, "true");
}

#[actix_web::test]
async fn a_route_without_the_middleware_is_the_developers_mistake() {
    let issuer = TestIssuer::new();
    for handler in [
        web::get().to(user),
        web::get().to(token),
        web::get().to(maybe_user),
        web::get().to(maybe_token),
    ] {
        // Even with a good token.
        let request = with(&issuer.token().sign());
        let answer = send(App::new().route("/", handler), request).await;
        assert_eq!((answer.status, answer.challenge.as_deref()), (500, None));
        assert_eq!(answer.reason, Some("misconfigured"));
    }
}

#[actix_web::test]
async fn claims_that_do_not_fit_are_the_developers_mistake() {
    let issuer = TestIssuer::new();
    for handler in [web::get().to(robot), web::get().to(maybe_robot)] {
        let app = App::new()
            .wrap(JwtAuth::new(
                Authenticator::new(issuer.verifier()).optional(),
            ))
            .route("/", handler);
        let answer = send(app, with(&issuer.token().sign())).await;
        assert_eq!((answer.status, answer.challenge.as_deref()), (500, None));
        assert!(!answer.body.contains("serial_number"), "{}", answer.body);
    }
}

#[actix_web::test]
async fn an_anonymous_request_is_refused_where_claims_are_needed() {
    let issuer = TestIssuer::new();
    let auth = Authenticator::new(issuer.verifier())
        .optional()
        .realm("orders");
    for handler in [web::get().to(user), web::get().to(token)] {
        let app = App::new()
            .wrap(JwtAuth::new(auth.clone()))
            .route("/", handler);
        let answer = send(app, get()).await;
        assert_eq!(answer.status, 401);
        assert_eq!(
            answer.challenge.as_deref(),
            Some(r#"Bearer realm="orders""#)
        );
        assert_eq!(answer.reason, Some("missing_token"));
    }
}

#[actix_web::test]
async fn an_anonymous_request_is_none_where_claims_are_optional() {
    let issuer = TestIssuer::new();
    for handler in [web::get().to(maybe_user), web::get().to(maybe_token)] {
        let app = App::new()
            .wrap(JwtAuth::new(
                Authenticator::new(issuer.verifier()).optional(),
            ))
            .route("/", handler);
        let answer = send(app, get()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "nobody"));
    }
}

#[actix_web::test]
async fn the_token_of_an_inner_middleware_counts_where_the_outer_one_found_none() {
    async fn marked(request: actix_web::HttpRequest) -> String {
        request.extensions().contains::<Anonymous>().to_string()
    }
    let issuer = TestIssuer::new();
    let outer = Authenticator::new(issuer.verifier())
        .source(TokenSource::cookie("session"))
        .optional();
    for (handler, seen) in [
        (web::get().to(maybe_user), "ada"),
        (web::get().to(maybe_token), TestIssuer::ISSUER),
        // The mark of an anonymous request is gone.
        (web::get().to(marked), "false"),
    ] {
        let app = App::new()
            .wrap(JwtAuth::new(issuer.verifier()))
            .wrap(JwtAuth::new(outer.clone()))
            .route("/", handler);
        let answer = send(app, with(&issuer.token().subject("ada").sign())).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, seen));
    }
}

#[actix_web::test]
async fn a_request_is_anonymous_where_the_inner_middleware_finds_no_token() {
    let issuer = TestIssuer::new();
    let outer = Authenticator::new(issuer.verifier()).source(TokenSource::cookie("session"));
    for handler in [web::get().to(maybe_user), web::get().to(maybe_token)] {
        let app = App::new()
            .wrap(JwtAuth::new(
                Authenticator::new(issuer.verifier()).optional(),
            ))
            .wrap(JwtAuth::new(outer.clone()))
            .route("/", handler);
        let cookie = format!("session={}", issuer.token().sign());
        let answer = send(app, get().insert_header(("cookie", cookie))).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "nobody"));
    }
}

#[actix_web::test]
async fn a_token_that_a_middleware_put_there_itself_counts_for_every_extractor() {
    let issuer = TestIssuer::new();
    let text = issuer.token().subject("ada").sign();
    let token = issuer.verifier().verify_now(&text).unwrap();
    for handler in [web::get().to(user), web::get().to(maybe_user)] {
        let token = token.clone();
        let app = App::new()
            .wrap_fn(move |request, service| {
                request.extensions_mut().insert(token.clone());
                service.call(request)
            })
            .wrap(JwtAuth::new(
                Authenticator::new(issuer.verifier()).optional(),
            ))
            .route("/", handler);
        assert_eq!(send(app, get()).await.body, "ada");
    }
}

#[actix_web::test]
async fn a_wrong_token_is_refused_where_claims_are_optional() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(
            Authenticator::new(issuer.verifier()).optional(),
        ))
        .route("/", web::get().to(maybe_user));
    let answer = send(app, with(&issuer.token().by_a_stranger())).await;
    assert_eq!((answer.status, answer.reason), (401, Some("bad_signature")));
}

/// Checks the warning in the documentation of `Optional`.
#[actix_web::test]
async fn the_frameworks_own_option_hides_mistakes_but_grants_nothing() {
    async fn hidden(user: Option<Claims<Robot>>) -> String {
        user.is_some().to_string()
    }
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(hidden));
    let answer = send(app, with(&issuer.token().sign())).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "false"));
}

#[actix_web::test]
async fn a_handler_can_refuse_with_the_question_mark() {
    async fn delete(Token(token): Token) -> Result<&'static str, Error> {
        Policy::scope("orders:write").check(&token)?;
        Ok("deleted")
    }
    let issuer = TestIssuer::new();
    let app = || {
        App::new()
            .wrap(JwtAuth::new(issuer.verifier()))
            .route("/", web::get().to(delete))
    };
    let reader = with(&issuer.token().scope("orders:read").sign());
    let answer = send(app(), reader).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .challenge
            .unwrap()
            .contains(r#"scope="orders:write""#)
    );
    assert_eq!(answer.reason, Some("insufficient_scope"));
    let writer = with(&issuer.token().scope("orders:write").sign());
    assert_eq!(send(app(), writer).await.body, "deleted");
}

#[actix_web::test]
async fn a_handler_can_answer_a_refusal_itself() {
    async fn own(user: Result<Claims<User>, Error>) -> String {
        match user {
            Ok(user) => user.sub.clone(),
            Err(error) => error.into_auth_error().reason().to_owned(),
        }
    }
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(
            Authenticator::new(issuer.verifier()).optional(),
        ))
        .route("/", web::get().to(own));
    assert_eq!(send(app, get()).await.body, "missing_token");
}
