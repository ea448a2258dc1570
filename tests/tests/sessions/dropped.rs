//! Tests of clients that close the connection while the store is at work.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use actix_web::{
    App,
    dev::Service as _,
    rt,
    test::{TestRequest, init_service},
};
use axum::{Router, body::Body};
use countersign::{
    AuthErrorKind, Issuer, MemoryStore, SessionRoutes, Sessions, SigningKey,
    adapter::Answer,
    revocation::RevocationEntry,
    session::{
        ClientInfo, EndReason, Identity, Realm, SessionEvent, SessionId, SignIn, TokenPair,
        store::{
            EndedSession, SessionStore, StoreCapabilities, StoreError, StoreMark, StoredSession,
            TokenHash,
        },
    },
    testing::FixedClock,
};
use countersign_tests::{Request, sessions::MOUNT};
use futures_executor::block_on;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::yield_now};
use tower::ServiceExt;

/// A store in which each find and each end waits for a permit.
#[derive(Clone)]
struct Slow {
    memory: MemoryStore,
    finds: Arc<Semaphore>,
    ends: Arc<Semaphore>,
}

impl SessionStore for Slow {
    fn capabilities(&self) -> StoreCapabilities {
        self.memory.capabilities()
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        self.memory.mark().await
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        self.memory.insert(session, begun).await
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.finds.acquire().await.expect("it is open").forget();
        self.memory.find(id).await
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        self.memory.rotate(from, next).await
    }

    async fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.memory.set_data(id, from, to).await
    }

    async fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        self.ends.acquire().await.expect("it is open").forget();
        self.memory.end(id, revocation).await
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        self.memory
            .end_all(realm, subject, issued_before, until)
            .await
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        self.memory.list(realm, subject, now).await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.memory.sweep(now).await
    }
}

/// A logged-in user with a request that is about to end the session.
struct LoggedIn {
    clock: FixedClock,
    sessions: Sessions,
    store: Slow,
    pair: TokenPair,
    why: Arc<Mutex<Vec<EndReason>>>,
}

/// The request of a client that then goes away.
#[derive(Clone, Copy, Debug)]
enum Wish {
    /// A login to one session more than is allowed.
    LogIn,
    LogOut,
    /// A refresh with a token that has been used before.
    Replay,
    /// A refresh of a user whom the app no longer knows.
    Vanished,
}

const WISHES: [Wish; 4] = [Wish::LogIn, Wish::LogOut, Wish::Replay, Wish::Vanished];

impl LoggedIn {
    fn new() -> Self {
        let clock = FixedClock::default();
        let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap())
            .audience("app")
            .clock(clock.clone())
            .build()
            .unwrap();
        let store = Slow {
            memory: MemoryStore::new(),
            finds: Arc::new(Semaphore::new(0)),
            ends: Arc::new(Semaphore::new(0)),
        };
        let why = Arc::<Mutex<Vec<_>>>::default();
        let ear = Arc::clone(&why);
        let listen = move |event: &SessionEvent| {
            if let SessionEvent::Ended { why, .. } = event {
                ear.lock().unwrap().push(*why);
            }
        };
        let sessions = Sessions::builder(issuer, store.clone())
            .per_subject(1)
            .on_event(listen)
            .build()
            .unwrap();
        let ada = Identity::new("ada", json!({}));
        let pair = block_on(sessions.start(&ada, ClientInfo::new())).unwrap();
        Self {
            clock,
            sessions,
            store,
            pair,
            why,
        }
    }

    /// Returns routes that know Ada by name at a login, and no user at a refresh.
    fn routes(&self) -> SessionRoutes {
        SessionRoutes::json(
            self.sessions.clone(),
            |question: SignIn<Value>| async move {
                let known = matches!(question, SignIn::Credentials(_));
                Ok::<_, StoreError>(known.then(|| Identity::new("ada", json!({}))))
            },
        )
    }

    /// Returns the endpoint, the body, and the reason for which the session ends.
    async fn request(&self, wish: Wish) -> (&'static str, Value, EndReason) {
        let token = json!({ "refresh_token": self.pair.refresh_token() });
        match wish {
            Wish::LogIn => ("/login", json!({ "name": "ada" }), EndReason::Displaced),
            Wish::LogOut => ("/logout", token, EndReason::LoggedOut),
            Wish::Replay => {
                self.store.finds.add_permits(2);
                let claims = async |_| Ok::<_, StoreError>(Some(json!({})));
                let client = ClientInfo::new();
                let next = self
                    .sessions
                    .refresh(self.pair.refresh_token(), &client, claims);
                next.await.unwrap();
                self.clock.advance(Duration::from_secs(60));
                ("/refresh", token, EndReason::Replayed)
            }
            Wish::Vanished => ("/refresh", token, EndReason::SubjectGone),
        }
    }

    /// Lets the store finish ending the sessions.
    fn go_on(&self) {
        self.store.finds.add_permits(10);
        self.store.ends.add_permits(10);
    }

    /// Waits until the session is gone everywhere, and that was reported.
    async fn ends(&self, why: EndReason) {
        for _ in 0..1_000 {
            if *self.why.lock().unwrap() == [why] {
                let found = self.store.memory.find(self.pair.session().id()).await;
                assert!(found.unwrap().is_none());
                let access = self.pair.access_token().as_str();
                let refused = self.sessions.verifier().verify_now(access).unwrap_err();
                assert_eq!(refused.kind(), AuthErrorKind::Revoked);
                return;
            }
            yield_now().await;
        }
        panic!("the session goes on");
    }
}

/// Polls until only the store can make progress, and drops the future.
async fn dropped<T>(answer: impl Future<Output = T>) {
    let mut answer = pin!(answer);
    for _ in 0..100 {
        let is_ready = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx).is_ready()));
        assert!(!is_ready.await, "it has an answer");
        yield_now().await;
    }
}

/// Sends a request through tower, and goes away.
async fn leave_tower(ada: &LoggedIn, endpoint: &str, body: &Value) {
    let service = countersign_tower::session_routes(ada.routes());
    let app: Router = Router::new().nest_service(MOUNT, service);
    let request = http::Request::post(format!("{MOUNT}{endpoint}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    dropped(app.oneshot(request)).await;
}

/// Sends a request through actix-web, and goes away.
async fn leave_actix(ada: &LoggedIn, endpoint: &str, body: &Value) {
    let scope = countersign_actix::session_routes(MOUNT, ada.routes());
    let service = init_service(App::new().service(scope)).await;
    let request = TestRequest::post()
        .uri(&format!("{MOUNT}{endpoint}"))
        .set_json(body);
    dropped(service.call(request.to_request())).await;
}

fn on_tokio(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(test);
}

/// F9
#[test]
fn a_logout_is_carried_out_although_the_client_has_gone_through_tower() {
    on_tokio(async {
        let ada = LoggedIn::new();
        let (endpoint, body, why) = ada.request(Wish::LogOut).await;
        // Before the session was even found.
        leave_tower(&ada, endpoint, &body).await;
        ada.go_on();
        ada.ends(why).await;
    });
}

/// F9
#[test]
fn a_logout_is_carried_out_although_the_client_has_gone_through_actix() {
    rt::System::new().block_on(async {
        let ada = LoggedIn::new();
        let (endpoint, body, why) = ada.request(Wish::LogOut).await;
        leave_actix(&ada, endpoint, &body).await;
        ada.go_on();
        ada.ends(why).await;
    });
}

#[test]
fn an_ending_that_has_begun_is_carried_out_although_the_client_has_gone_through_tower() {
    for wish in WISHES {
        on_tokio(async {
            let ada = LoggedIn::new();
            let (endpoint, body, why) = ada.request(wish).await;
            ada.store.finds.add_permits(10);
            leave_tower(&ada, endpoint, &body).await;
            ada.go_on();
            ada.ends(why).await;
        });
    }
}

#[test]
fn an_ending_that_has_begun_is_carried_out_although_the_client_has_gone_through_actix() {
    for wish in WISHES {
        rt::System::new().block_on(async {
            let ada = LoggedIn::new();
            let (endpoint, body, why) = ada.request(wish).await;
            ada.store.finds.add_permits(10);
            leave_actix(&ada, endpoint, &body).await;
            ada.go_on();
            ada.ends(why).await;
        });
    }
}

/// The twin: a refresh whose client has gone exchanges nothing, and ends nothing.
#[test]
fn what_ends_nothing_yet_goes_with_the_client() {
    for wish in [Wish::Replay, Wish::Vanished] {
        on_tokio(async {
            let ada = LoggedIn::new();
            let (endpoint, body, _) = ada.request(wish).await;
            let spare = ada.store.finds.available_permits();
            ada.store.finds.forget_permits(spare);
            leave_tower(&ada, endpoint, &body).await;
            ada.go_on();
            for _ in 0..100 {
                yield_now().await;
            }
            assert_eq!(*ada.why.lock().unwrap(), []);
            let found = ada.store.memory.find(ada.pair.session().id()).await;
            assert!(found.unwrap().is_some());
        });
    }
}

/// The calls of a custom adapter.
#[test]
fn the_rest_of_an_answer_is_handed_over_once() {
    for wish in WISHES {
        on_tokio(async {
            let ada = LoggedIn::new();
            let (endpoint, body, why) = ada.request(wish).await;
            ada.store.finds.add_permits(10);
            let rests = Arc::<Mutex<Vec<Answer>>>::default();
            let request = Request::post(endpoint).json(body.to_string());
            let answer = || {
                let rests = Arc::clone(&rests);
                let answer = ada
                    .routes()
                    .answer(endpoint, &request, request.body.as_bytes());
                answer.finish_with(move |rest| rests.lock().unwrap().push(rest))
            };
            dropped(answer()).await;
            let mut rests_of_one = std::mem::take(&mut *rests.lock().unwrap());
            assert_eq!(rests_of_one.len(), 1, "{wish:?}");
            ada.go_on();
            rests_of_one.remove(0).await;
            ada.ends(why).await;
            // The twin: one that has finished leaves nothing.
            answer().await;
            assert!(rests.lock().unwrap().is_empty());
        });
    }
}
