//! The middleware: what passes, what is refused, and when.
#![allow(clippy::unwrap_used)] // helpers stop where they cannot go on

mod common;

use std::{
    future::{Future, Ready, poll_fn, ready},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use actix_web::{
    App, Error, HttpMessage, HttpResponse, Responder,
    dev::{Service, ServiceRequest, ServiceResponse, Transform, fn_service},
    middleware::{Condition, from_fn},
    test::TestRequest,
    web,
};
use countersign::{
    AuthError, Authenticator, KeySet, Keys, TokenSource, VerifiedToken, Verifier,
    keys::{BoxFuture, KeySource, KeysUnavailable, RefreshReason},
    testing::TestIssuer,
};
use countersign_actix::JwtAuth;

use crate::common::{get, send, who, with};

#[actix_web::test]
async fn a_good_token_is_in_the_extensions() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().subject("ada").sign())).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ada"));
}

#[actix_web::test]
async fn no_token_is_a_bare_challenge_with_a_problem_document() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(who));
    let answer = send(app, get()).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.challenge.as_deref(), Some("Bearer"));
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(
        answer.body,
        r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"authentication is required"}"#
    );
}

#[actix_web::test]
async fn a_bad_token_is_an_invalid_token() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().expired().sign())).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.challenge.as_deref(),
        Some(r#"Bearer error="invalid_token", error_description="the token has expired""#)
    );
}

#[actix_web::test]
async fn two_authorization_headers_are_a_bad_request() {
    let issuer = TestIssuer::new();
    let token = issuer.token().sign();
    let app = App::new()
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(who));
    let request = with(&token).append_header(("authorization", format!("Bearer {token}")));
    assert_eq!(send(app, request).await.status, 400);
}

#[actix_web::test]
async fn it_covers_a_scope_and_nothing_beside_it() {
    let issuer = TestIssuer::new();
    let auth = JwtAuth::new(issuer.verifier());
    let app = || {
        App::new()
            .service(
                web::scope("/in")
                    .wrap(auth.clone())
                    .route("", web::get().to(who)),
            )
            .route("/out", web::get().to(who))
    };
    assert_eq!(send(app(), get().uri("/in")).await.status, 401);
    assert_eq!(send(app(), get().uri("/out")).await.status, 200);
    let token = issuer.token().sign();
    assert_eq!(send(app(), with(&token).uri("/in")).await.body, "user-1");
}

#[actix_web::test]
async fn it_covers_a_resource_and_nothing_beside_it() {
    let issuer = TestIssuer::new();
    let auth = JwtAuth::new(issuer.verifier());
    let app = || {
        App::new()
            .service(
                web::resource("/in")
                    .wrap(auth.clone())
                    .route(web::get().to(who)),
            )
            .route("/out", web::get().to(who))
    };
    assert_eq!(send(app(), get().uri("/in")).await.status, 401);
    assert_eq!(send(app(), get().uri("/out")).await.status, 200);
    let token = issuer.token().sign();
    assert_eq!(send(app(), with(&token).uri("/in")).await.body, "user-1");
}

#[actix_web::test]
async fn around_an_app_it_hides_which_paths_exist() {
    let issuer = TestIssuer::new();
    let app = || {
        App::new()
            .wrap(JwtAuth::new(issuer.verifier()))
            .route("/", web::get().to(who))
    };
    assert_eq!(send(app(), get().uri("/secret")).await.status, 401);
    let token = issuer.token().sign();
    assert_eq!(send(app(), with(&token).uri("/secret")).await.status, 404);
}

#[actix_web::test]
async fn middleware_outside_sees_the_refusal_and_its_reason() {
    let issuer = TestIssuer::new();
    let seen = Arc::new(Mutex::new(None));
    let note = Arc::clone(&seen);
    let app = App::new()
        .wrap(JwtAuth::new(issuer.verifier()))
        .wrap(from_fn(
            move |request, next: actix_web::middleware::Next<_>| {
                let note = Arc::clone(&note);
                async move {
                    let response = next.call(request).await?;
                    let error = response.response().extensions().get::<AuthError>().cloned();
                    let logged = response.response().error().is_some();
                    *note.lock().unwrap() = Some((error.unwrap().reason(), logged));
                    Ok::<_, Error>(response)
                }
            },
        ))
        .route("/", web::get().to(who));
    send(app, with(&issuer.token().by_a_stranger())).await;
    // `true`: actix-web's own logger finds the error too.
    assert_eq!(*seen.lock().unwrap(), Some(("bad_signature", true)));
}

#[actix_web::test]
async fn optional_means_missing_and_not_wrong() {
    let issuer = TestIssuer::new();
    let app = || {
        App::new()
            .wrap(JwtAuth::new(
                Authenticator::new(issuer.verifier()).optional(),
            ))
            .route("/", web::get().to(who))
    };
    let anonymous = send(app(), get()).await;
    assert_eq!((anonymous.status, anonymous.body.as_str()), (200, "nobody"));
    let wrong = send(app(), with(&issuer.token().expired().sign())).await;
    assert_eq!((wrong.status, wrong.reason), (401, Some("expired")));
}

#[actix_web::test]
async fn the_inner_verdict_replaces_the_outer_one() {
    let issuer = TestIssuer::new();
    let inner = Authenticator::new(issuer.verifier())
        .source(TokenSource::header("x-inner"))
        .optional();
    let app = || {
        App::new()
            .wrap(JwtAuth::new(inner.clone()))
            .wrap(JwtAuth::new(issuer.verifier()))
            .route("/", web::get().to(who))
    };
    let outer = || with(&issuer.token().subject("outer").sign());
    // Anonymous for the inner one, so the outer one's token is gone.
    assert_eq!(send(app(), outer()).await.body, "nobody");
    let both = outer().insert_header(("x-inner", issuer.token().subject("inner").sign()));
    assert_eq!(send(app(), both).await.body, "inner");
}

#[actix_web::test]
async fn a_token_that_another_middleware_refused_is_not_left_behind() {
    let issuer = TestIssuer::new();
    let left = Arc::new(AtomicBool::new(true));
    let note = Arc::clone(&left);
    let inner = Authenticator::new(issuer.verifier()).source(TokenSource::header("x-inner"));
    let app = App::new()
        .wrap(JwtAuth::new(inner))
        .wrap(from_fn(
            move |request, next: actix_web::middleware::Next<_>| {
                let note = Arc::clone(&note);
                async move {
                    let response = next.call(request).await?;
                    let extensions = response.request().extensions();
                    note.store(extensions.contains::<VerifiedToken>(), Ordering::SeqCst);
                    drop(extensions);
                    Ok::<_, Error>(response)
                }
            },
        ))
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(who));
    assert_eq!(send(app, with(&issuer.token().sign())).await.status, 401);
    assert!(!left.load(Ordering::SeqCst));
}

#[actix_web::test]
async fn the_verdict_is_there_at_the_first_poll() {
    let issuer = TestIssuer::new();
    let service = around(JwtAuth::new(issuer.verifier())).await;
    for (request, status) in [(with(&issuer.token().sign()), 200), (get(), 401)] {
        let response = pin!(service.call(request.to_srv_request()));
        let Poll::Ready(response) = poll(response) else {
            panic!("not ready");
        };
        assert_eq!(response.unwrap().status(), status);
    }
}

#[actix_web::test]
async fn a_request_waits_for_a_key_that_is_on_its_way() {
    let issuer = TestIssuer::new();
    let arrived = Arc::new(AtomicBool::new(false));
    let service = around(JwtAuth::new(slow(&issuer, &arrived))).await;
    let request = with(&issuer.token().sign()).to_srv_request();
    let mut response = pin!(service.call(request));
    assert!(poll(response.as_mut()).is_pending());
    arrived.store(true, Ordering::SeqCst);
    let Poll::Ready(response) = poll(response) else {
        panic!("not ready");
    };
    assert_eq!(response.unwrap().status(), 200);
}

#[actix_web::test]
async fn a_request_that_waited_can_still_be_refused() {
    let issuer = TestIssuer::new();
    let arrived = Arc::new(AtomicBool::new(true));
    let app = App::new()
        .wrap(JwtAuth::new(slow(&issuer, &arrived)))
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().by_a_stranger())).await;
    assert_eq!((answer.status, answer.reason), (401, Some("bad_signature")));
}

#[actix_web::test]
async fn keys_that_cannot_be_had_are_an_outage_and_not_the_clients_fault() {
    struct Away;
    impl KeySource for Away {
        fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
            Err(KeysUnavailable::retry_after(7))
        }
    }
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(verifier(&issuer, Keys::from_source(Away))))
        .route("/", web::get().to(who));
    let answer = send(app, with(&issuer.token().sign())).await;
    assert_eq!((answer.status, answer.challenge.as_deref()), (503, None));
    assert_eq!(answer.header("retry-after"), Some("7"));
}

#[actix_web::test]
async fn it_is_ready_when_the_inner_service_is() {
    struct Busy;
    impl Service<ServiceRequest> for Busy {
        type Response = ServiceResponse;
        type Error = Error;
        type Future = Ready<Result<ServiceResponse, Error>>;

        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Pending
        }

        fn call(&self, request: ServiceRequest) -> Self::Future {
            ready(Ok(request.into_response(HttpResponse::Ok())))
        }
    }
    let auth = JwtAuth::new(TestIssuer::new().verifier());
    let busy = auth.new_transform(Busy).await.unwrap();
    let is_ready = |cx: &mut Context<'_>| Poll::Ready(busy.poll_ready(cx).is_ready());
    assert!(!poll_fn(is_ready).await);
}

#[actix_web::test]
async fn a_preflight_request_is_refused_like_any_other_without_a_token() {
    let issuer = TestIssuer::new();
    let app = App::new()
        .wrap(JwtAuth::new(issuer.verifier()))
        .route("/", web::get().to(who));
    let preflight = TestRequest::default().method(actix_web::http::Method::OPTIONS);
    assert_eq!(send(app, preflight).await.status, 401);
}

#[test]
fn it_can_be_made_once_and_cloned_into_every_worker() {
    fn for_workers<T: Clone + Send + 'static>(_: T) {}
    for_workers(JwtAuth::new(TestIssuer::new().verifier()));
}

/// The middleware around a service that answers 200 at once.
async fn around(
    auth: JwtAuth,
) -> impl Service<
    ServiceRequest,
    Response = ServiceResponse<impl actix_web::body::MessageBody>,
    Error = Error,
> {
    let inner = fn_service(|request: ServiceRequest| {
        ready(Ok::<_, Error>(request.into_response(HttpResponse::Ok())))
    });
    let inner = actix_web::dev::ServiceFactory::new_service(&inner, ()).await;
    auth.new_transform(inner.unwrap()).await.unwrap()
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A verifier whose keys come when `arrived` is set.
fn slow(issuer: &TestIssuer, arrived: &Arc<AtomicBool>) -> Verifier {
    struct Slow {
        arrived: Arc<AtomicBool>,
        fetched: Arc<AtomicBool>,
        set: Arc<KeySet>,
    }
    impl KeySource for Slow {
        fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
            match self.fetched.load(Ordering::SeqCst) {
                true => Ok(Arc::clone(&self.set)),
                false => Err(KeysUnavailable::default()),
            }
        }

        fn refresh(&self, _: RefreshReason<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
            let (arrived, fetched) = (Arc::clone(&self.arrived), Arc::clone(&self.fetched));
            Some(Box::pin(poll_fn(move |_| {
                if !arrived.load(Ordering::SeqCst) {
                    return Poll::Pending;
                }
                fetched.store(true, Ordering::SeqCst);
                Poll::Ready(Ok(()))
            })))
        }
    }
    let keys = Keys::from_source(Slow {
        arrived: Arc::clone(arrived),
        fetched: Arc::default(),
        set: Arc::new(KeySet::new([issuer.key().verifying_key()])),
    });
    verifier(issuer, keys)
}

fn verifier(issuer: &TestIssuer, keys: Keys) -> Verifier {
    Verifier::builder(keys)
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

#[actix_web::test]
async fn an_answer_whose_url_has_a_token_asks_for_no_referrer() {
    let issuer = TestIssuer::new();
    let sources = TokenSource::bearer().or(TokenSource::query("access_token"));
    let authenticator = Authenticator::new(issuer.verifier()).source(sources);
    let auth = JwtAuth::new(authenticator);
    let lax = || async {
        "".customize()
            .insert_header(("referrer-policy", "unsafe-url"))
    };
    let app = |own: bool| {
        let own_response = |_: &AuthError| HttpResponse::Ok().finish();
        let own_auth = auth.clone().with_rejection_response(own_response);
        App::new()
            .wrap(Condition::new(!own, auth.clone()))
            .wrap(Condition::new(own, own_auth))
            .route("/", web::get().to(lax))
    };
    let token = issuer.token().sign();
    let twice = format!("/?access_token={token}&access_token={token}");
    for (target, status, policy) in [
        (format!("/?access_token={token}"), 200, Some("no-referrer")),
        ("/?access_token=a.b.c".to_owned(), 401, Some("no-referrer")),
        (twice, 400, Some("no-referrer")),
        // These carry none.
        ("/?access_token=".to_owned(), 401, None),
        ("/?other=a.b.c".to_owned(), 401, None),
    ] {
        let answer = send(app(false), get().uri(&target)).await;
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(answer.header("referrer-policy"), policy, "{target}");
        let answer = send(app(true), get().uri(&target)).await;
        assert_eq!(answer.header("referrer-policy"), policy, "{target}");
    }
    // What the handler says stays where the URL has no token.
    let answer = send(app(false), with(&token)).await;
    assert_eq!(answer.header("referrer-policy"), Some("unsafe-url"));
}
