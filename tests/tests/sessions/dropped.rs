//! Clients that close the connection while the store is at work.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use actix_web::{
    App,
    dev::Service as _,
    rt,
    test::{TestRequest, init_service},
};
use axum::{Router, body::Body};
use countersign::{
    Client, Digest, EndedSession, Identity, Issuer, MemoryStore, Realm, RevocationEntry, SessionId,
    SessionRoutes, SessionStore, Sessions, SignIn, SigningKey, StoreCapabilities, StoreError,
    StoreMark, StoredSession, TokenPair,
};
use countersign_tests::sessions::MOUNT;
use futures_executor::block_on;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::yield_now};
use tower::ServiceExt;

/// A store in which nobody finds anything before it is let in.
#[derive(Clone)]
struct Slow {
    memory: MemoryStore,
    looks: Arc<Semaphore>,
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
        self.looks.acquire().await.expect("it is open").forget();
        self.memory.find(id).await
    }

    async fn rotate(&self, from: &Digest, next: &StoredSession) -> Result<bool, StoreError> {
        self.memory.rotate(from, next).await
    }

    async fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
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

/// Somebody who is logged in.
struct LoggedIn {
    sessions: Sessions,
    store: Slow,
    pair: TokenPair,
}

impl LoggedIn {
    fn new() -> Self {
        let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap())
            .audience("app")
            .build()
            .unwrap();
        let store = Slow {
            memory: MemoryStore::new(),
            looks: Arc::new(Semaphore::new(0)),
        };
        let sessions = Sessions::builder(issuer, store.clone()).build().unwrap();
        let ada = Identity::new("ada", json!({}));
        let pair = block_on(sessions.start(&ada, Client::new())).unwrap();
        Self {
            sessions,
            store,
            pair,
        }
    }

    fn routes(&self) -> SessionRoutes {
        SessionRoutes::json(self.sessions.clone(), |_: SignIn<Value>| async {
            Ok::<_, StoreError>(None::<Identity<Value>>)
        })
    }

    /// The body of a logout.
    fn logout(&self) -> Value {
        json!({ "refresh_token": self.pair.refresh_token() })
    }

    /// Lets the store work, and waits until the session is gone.
    async fn ends(&self) {
        self.store.looks.add_permits(10);
        for _ in 0..1_000 {
            let found = self.store.memory.find(self.pair.session().id()).await;
            if found.unwrap().is_none() {
                let access = self.pair.access_token().as_str();
                assert!(self.sessions.verifier().verify_now(access).is_err());
                return;
            }
            yield_now().await;
        }
        panic!("the session goes on");
    }
}

/// Polls until there is nothing more to do without the store, and drops the future.
async fn dropped<T>(answer: impl Future<Output = T>) {
    let mut answer = pin!(answer);
    for _ in 0..100 {
        let is_ready = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx).is_ready()));
        assert!(!is_ready.await, "it has an answer");
        yield_now().await;
    }
}

/// F9
#[test]
fn a_logout_is_carried_out_although_the_client_has_gone_through_tower() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let ada = LoggedIn::new();
    runtime.block_on(async {
        let service = countersign_tower::session_routes(ada.routes());
        let app: Router = Router::new().nest_service(MOUNT, service);
        let request = http::Request::post(format!("{MOUNT}/logout"))
            .header("content-type", "application/json")
            .body(Body::from(ada.logout().to_string()))
            .unwrap();
        dropped(app.oneshot(request)).await;
        ada.ends().await;
    });
}

/// F9
#[test]
fn a_logout_is_carried_out_although_the_client_has_gone_through_actix() {
    let ada = LoggedIn::new();
    rt::System::new().block_on(async {
        let scope = countersign_actix::session_routes(MOUNT, ada.routes());
        let service = init_service(App::new().service(scope)).await;
        let request = TestRequest::post()
            .uri(&format!("{MOUNT}/logout"))
            .set_json(ada.logout());
        dropped(service.call(request.to_request())).await;
        ada.ends().await;
    });
}
