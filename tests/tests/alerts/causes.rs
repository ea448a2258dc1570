//! The causes of alarms, made with the real parts.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use countersign::{
    Clock, Issuer, MemoryStore, RemoteKeys, Revocation, SessionRoutes, Sessions, SigningKey,
    SystemClock,
    remote::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse},
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog},
    session::{ClientInfo, Identity, SignIn, store::StoreError},
    testing::FixedClock,
};
use countersign_tests::{Entry, Request, sessions::MOUNT};
use futures_executor::block_on;
use serde_json::{Value, json};
use tokio::time::sleep;

/// An app in good order. What it needs to fail is prepared.
pub(crate) struct Causes {
    sessions: Sessions,
    full: Sessions,
    clock: FixedClock,
    revocation_clock: FixedClock,
    provider: mpsc::Sender<()>,
}

fn sessions(store: MemoryStore, clock: &FixedClock) -> Sessions {
    let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap());
    let issuer = issuer.audience("app").clock(clock.clone()).build().unwrap();
    Sessions::builder(issuer, store).build().unwrap()
}

impl Causes {
    pub(crate) fn prepare() -> Self {
        let clock = FixedClock::at(SystemClock.now());
        // Ahead, so that the list does not lag before it should.
        let revocation_clock = FixedClock::at(SystemClock.now() + 600);
        list_of_revocations(revocation_clock.clone());
        Self {
            sessions: sessions(MemoryStore::new(), &clock),
            full: sessions(MemoryStore::limited(0), &clock),
            provider: keys_of_a_provider(),
            clock,
            revocation_clock,
        }
    }

    pub(crate) fn happen(&self) {
        self.guess_passwords();
        self.replay_tokens();
        self.log_in_without_a_store();
        // As if the last read had been an hour ago.
        self.revocation_clock.set(SystemClock.now() - 3_600);
        self.provider.send(()).unwrap();
    }

    fn guess_passwords(&self) {
        let routes = SessionRoutes::json(self.sessions.clone(), async |_: SignIn<Value>| {
            Ok::<Option<Identity<Value>>, io::Error>(None)
        });
        for number in 0..100 {
            let body = json!({ "name": format!("user {number}"), "password": "password" });
            let login = Request::post(&format!("{MOUNT}/login")).json(body.to_string());
            let answer = Entry::Core.call(&routes, &login);
            assert_eq!(answer.status, 401);
        }
    }

    fn replay_tokens(&self) {
        for number in 0..10 {
            let user = Identity::new(format!("user {number}"), json!({}));
            let client = ClientInfo::new();
            let pair = block_on(self.sessions.start(&user, client.clone())).unwrap();
            let refresh = |token: &str| {
                let claims = async |_| Ok::<_, io::Error>(Some(json!({})));
                block_on(self.sessions.refresh(token, &client, claims))
            };
            let next = refresh(pair.refresh_token()).unwrap();
            self.clock.advance(Duration::from_secs(60));
            refresh(next.refresh_token()).unwrap();
            self.clock.advance(Duration::from_secs(60));
            refresh(pair.refresh_token()).unwrap_err();
        }
    }

    fn log_in_without_a_store(&self) {
        for _ in 0..10 {
            let user = Identity::new("ada", json!({}));
            block_on(self.full.start(&user, ClientInfo::new())).unwrap_err();
        }
    }
}

/// A provider that goes away when it is told to.
#[derive(Clone)]
struct Provider {
    jwks: Arc<str>,
    is_away: Arc<AtomicBool>,
}

impl Fetch for Provider {
    async fn get(&self, _: FetchRequest) -> Result<FetchResponse, FetchError> {
        match self.is_away.load(Ordering::Relaxed) {
            true => Err(FetchErrorKind::Connect.into()),
            false => Ok(FetchResponse::new(200, self.jwks.as_bytes())),
        }
    }
}

/// Fetches keys on a runtime whose time stands still. The message makes the provider go away, and time pass until
/// the keys are stale.
fn keys_of_a_provider() -> mpsc::Sender<()> {
    let (tell, told) = mpsc::channel();
    let (begin, begun) = mpsc::channel();
    thread::spawn(move || {
        let key = SigningKey::generate_ed25519().unwrap().verifying_key();
        let provider = Provider {
            jwks: format!(r#"{{"keys":[{}]}}"#, key.to_jwk().unwrap()).into(),
            is_away: Arc::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let keys = RemoteKeys::jwks("https://id.example/jwks");
            let keys = keys.fetch(provider.clone()).build().unwrap();
            keys.ready().await.unwrap();
            begin.send(()).unwrap();
            told.recv().unwrap();
            provider.is_away.store(true, Ordering::Relaxed);
            sleep(Duration::from_secs(700)).await;
            assert_eq!(keys.status().state().name(), "stale");
            // It stays so, as nobody polls the runtime any more.
            let _ = told.recv();
        });
    });
    begun.recv().unwrap();
    tell
}

/// A log without entries.
struct Quiet;

impl RevocationLog for Quiet {
    async fn append(&self, _: &[RevocationEntry]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn read(&self, _: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        sleep(Duration::from_millis(50)).await;
        Ok(LogBatch {
            entries: Vec::new(),
            position: None,
            complete: true,
        })
    }
}

/// Follows a log by a clock, and returns once the list is up to date.
fn list_of_revocations(clock: FixedClock) {
    let revocation = Revocation::replica().clock(clock).build().unwrap();
    let followed = revocation.clone();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        runtime.block_on(followed.follow(Quiet));
    });
    while !revocation.status().is_available() {
        thread::yield_now();
    }
}
