//! The contract of tower: whoever is called was polled ready.

use std::{
    cell::Cell,
    convert::Infallible,
    future::{Future, Ready, pending, poll_fn, ready},
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use axum::body::Body;
use countersign::{
    AuthError, KeySet,
    keys::{BoxFuture, KeySource, KeysUnavailable, RefreshReason},
    testing::TestIssuer,
};
use countersign_tower::JwtAuthLayer;
use http::{Request, Response};
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};

use crate::{bearing, greet, reason, verifier_with};

/// A service that panics when it is called without having been polled ready. Its clone is not
/// ready when it is.
#[derive(Default)]
struct Strict {
    ready: bool,
    clones: Rc<Cell<u32>>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        self.clones.set(self.clones.get() + 1);
        Self {
            ready: false,
            clones: Rc::clone(&self.clones),
        }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called but not ready");
        ready(Ok(Response::new(Body::empty())))
    }
}

/// Keys that must be fetched. The fetch takes one more poll, and then fails or not.
struct Fetched {
    set: Arc<KeySet>,
    arrived: Arc<AtomicBool>,
    fails: bool,
}

impl Fetched {
    fn from(issuer: &TestIssuer) -> Self {
        Self {
            set: Arc::new(KeySet::new([issuer.key().verifying_key()])),
            arrived: Arc::default(),
            fails: false,
        }
    }
}

impl KeySource for Fetched {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        match self.arrived.load(Ordering::SeqCst) {
            true => Ok(Arc::clone(&self.set)),
            false => Err(KeysUnavailable::default()),
        }
    }

    fn refresh(&self, _: RefreshReason<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        let (arrived, fails) = (Arc::clone(&self.arrived), self.fails);
        Some(Box::pin(async move {
            tokio::task::yield_now().await;
            arrived.store(!fails, Ordering::SeqCst);
            Ok(())
        }))
    }
}

/// Keys that are there, and a fetch for others that never ends.
struct Stuck(Arc<KeySet>);

impl KeySource for Stuck {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.0))
    }

    fn refresh(&self, _: RefreshReason<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        Some(Box::pin(pending()))
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

async fn polled_ready<S, B>(service: &mut S)
where
    S: Service<Request<B>, Error = Infallible>,
{
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_called() {
    let issuer = TestIssuer::new();
    let mut service = JwtAuthLayer::new(issuer.verifier()).layer(Strict::default());
    for _ in 0..2 {
        polled_ready::<_, Body>(&mut service).await;
        let response = service.call(bearing(&issuer.token().sign())).await.unwrap();
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test]
async fn nothing_is_cloned_when_there_is_nothing_to_wait_for() {
    let issuer = TestIssuer::new();
    let mut service = JwtAuthLayer::new(issuer.verifier()).layer(Strict::default());
    polled_ready::<_, Body>(&mut service).await;
    service.call(bearing(&issuer.token().sign())).await.unwrap();
    assert_eq!(service.get_ref().clones.get(), 0);
}

#[tokio::test]
async fn after_waiting_the_service_is_polled_ready_before_it_is_called() {
    let issuer = TestIssuer::new();
    let verifier = verifier_with(&issuer, Fetched::from(&issuer));
    let mut service = JwtAuthLayer::new(verifier).layer(Strict::default());
    polled_ready::<_, Body>(&mut service).await;
    let waiting = service.call(bearing(&issuer.token().sign()));
    assert!(
        !service.get_ref().ready,
        "a waiting request keeps no service ready"
    );
    assert_eq!(waiting.await.unwrap().status(), 200);
}

#[tokio::test]
async fn requests_that_wait_for_a_key_take_no_place_from_others() {
    let issuer = TestIssuer::new();
    let known = Stuck(Arc::new(KeySet::new([issuer.key().verifying_key()])));
    let service = JwtAuthLayer::new(verifier_with(&issuer, known))
        .layer(ConcurrencyLimit::new(service_fn(greet), 1));
    let waiting = ["made-up-1", "made-up-2"].map(|kid| {
        let request = bearing(&issuer.token().header("kid", kid).sign());
        let mut waiting = Box::pin(service.clone().oneshot(request));
        assert!(poll(waiting.as_mut()).is_pending());
        waiting
    });

    let honest = pin!(service.oneshot(bearing(&issuer.token().sign())));
    let Poll::Ready(response) = poll(honest) else {
        panic!("there is no place for it");
    };
    assert_eq!(response.unwrap().status(), 200);
    drop(waiting);
}

#[tokio::test]
async fn a_request_that_waited_finds_the_place_that_an_idle_service_left() {
    let issuer = TestIssuer::new();
    let mut service = JwtAuthLayer::new(verifier_with(&issuer, Fetched::from(&issuer)))
        .layer(ConcurrencyLimit::new(service_fn(greet), 1));
    polled_ready::<_, Body>(&mut service).await;
    let mut waiting = pin!(service.call(bearing(&issuer.token().sign())));
    assert!(poll(waiting.as_mut()).is_pending());
    let Poll::Ready(response) = poll(waiting) else {
        panic!("the idle service still has its place");
    };
    assert_eq!(response.unwrap().status(), 200);
    drop(service);
}

#[tokio::test]
async fn a_service_that_fails_while_a_request_waits_fails_the_request() {
    struct Broken;

    impl Service<Request<Body>> for Broken {
        type Response = Response<Body>;
        type Error = &'static str;
        type Future = Ready<Result<Response<Body>, &'static str>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
            Poll::Ready(Err("the inner service is broken"))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            panic!("called but not ready")
        }
    }
    impl Clone for Broken {
        fn clone(&self) -> Self {
            Self
        }
    }

    let issuer = TestIssuer::new();
    let verifier = verifier_with(&issuer, Fetched::from(&issuer));
    let mut service = JwtAuthLayer::new(verifier).layer(Broken);
    // As if it had been ready: the request waits, and the service breaks meanwhile.
    let answer = service.call(bearing(&issuer.token().sign())).await;
    assert_eq!(answer.unwrap_err(), "the inner service is broken");
}

#[tokio::test]
async fn a_request_that_waited_in_vain_is_refused() {
    let issuer = TestIssuer::new();
    let keys = Fetched {
        fails: true,
        ..Fetched::from(&issuer)
    };
    let service = JwtAuthLayer::new(verifier_with(&issuer, keys)).layer(Strict::default());
    let request = bearing(&issuer.token().sign());
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(reason(&response), "keys_unavailable");
}

#[tokio::test]
async fn a_client_that_leaves_while_waiting_does_no_harm() {
    let issuer = TestIssuer::new();
    let verifier = verifier_with(&issuer, Fetched::from(&issuer));
    let mut service = JwtAuthLayer::new(verifier).layer(Strict::default());
    polled_ready::<_, Body>(&mut service).await;
    let mut waiting = Box::pin(service.call(bearing(&issuer.token().sign())));
    poll_fn(|cx| {
        assert!(waiting.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    drop(waiting);

    let request = bearing(&issuer.token().sign());
    assert_eq!(service.oneshot(request).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_service_that_cannot_take_more_holds_requests_back() {
    struct Busy;

    impl Service<Request<Body>> for Busy {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Ready<Result<Response<Body>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Pending
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            panic!("called but not ready")
        }
    }
    impl Clone for Busy {
        fn clone(&self) -> Self {
            Self
        }
    }

    let mut service = JwtAuthLayer::new(TestIssuer::new().verifier()).layer(Busy);
    let state = poll_fn(|cx| Poll::Ready(service.poll_ready(cx))).await;
    assert!(state.is_pending());
}

#[tokio::test]
async fn errors_of_the_inner_service_are_passed_on() {
    let issuer = TestIssuer::new();
    let failing = service_fn(|_: Request<Body>| async {
        Err::<Response<Body>, _>("the inner service failed")
    });
    let service = JwtAuthLayer::new(issuer.verifier()).layer(failing);
    let error = service.oneshot(bearing(&issuer.token().sign())).await;
    assert_eq!(error.unwrap_err(), "the inner service failed");
}

#[tokio::test]
async fn bodies_need_not_be_send() {
    let issuer = TestIssuer::new();
    let count = service_fn(|request: Request<Rc<str>>| async move {
        Ok::<_, Infallible>(Response::new(Rc::<str>::from(format!(
            "{}!",
            request.body()
        ))))
    });
    let verifier = verifier_with(&issuer, Fetched::from(&issuer));
    let service = JwtAuthLayer::new(verifier)
        .with_rejection_response(|_: &AuthError| Response::new(Rc::from("refused")))
        .layer(count);
    let request = bearing(&issuer.token().sign()).map(|_| Rc::from("in"));
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(&**response.body(), "in!");
}
