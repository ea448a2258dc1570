//! A store, and the server below it.

use std::{future::Future, time::Duration};

use countersign::{
    Clock, SystemClock,
    revocation::{LogPosition, RevocationEntry, RevocationLog, Revoked},
    session::{
        Realm, SessionId,
        store::{
            PreviousToken, SessionDetails, SessionStore, StoreError, StoreMark, StoredSession,
            TokenHash,
        },
    },
};
use countersign_redis::RedisStore;
use countersign_tests::services::Redis;
use tokio::time::timeout;

/// The time in which every call of a store with the default settings ends.
pub(crate) const BOUND: Duration = Duration::from_secs(3);
/// The time in which a store recovers by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The time limit of a test.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// A mark before all events.
pub(crate) const START: StoreMark = StoreMark::new(0);

pub(crate) async fn connect(server: &Redis) -> RedisStore {
    RedisStore::connect(&server.url()).await.unwrap()
}

/// Checks that every call is an error, and that none takes long.
pub(crate) async fn assert_unavailable(store: &RedisStore) {
    let all = async {
        let session = session(9, "eve");
        let from = session.current;
        let (id, until) = (&session.id, now() + 60);
        tokio::join!(
            async { assert!(store.insert(&session, START).await.is_err()) },
            async { assert!(store.find(id).await.is_err()) },
            async { assert!(store.rotate(&from, &session).await.is_err()) },
            async { assert!(store.mark().await.is_err()) },
            async { assert!(store.end(id, Some(&ending(9, until))).await.is_err()) },
            async { assert!(store.end(id, None).await.is_err()) },
            async { assert!(store.end_all(&realm(), "eve", until, until).await.is_err()) },
            async { assert!(store.list(&realm(), "eve", until).await.is_err()) },
            async { assert!(store.sweep(until).await.is_err()) },
            async { assert!(store.append(&[revoked("a", until)]).await.is_err()) },
            async { assert!(store.read(None).await.is_err()) },
        );
    };
    timeout(BOUND, all).await.unwrap();
}

/// Repeats a call until it succeeds.
pub(crate) async fn eventually<T>(ask: impl AsyncFn() -> Result<T, StoreError>) -> T {
    let asking = async {
        loop {
            if let Ok(answer) = ask().await {
                return answer;
            }
        }
    };
    timeout(PATIENCE, asking).await.unwrap()
}

/// Returns the next entries, once there are any.
pub(crate) async fn next(
    store: &RedisStore,
    position: &mut Option<LogPosition>,
) -> Vec<RevocationEntry> {
    loop {
        let batch = store.read(position.as_ref()).await.unwrap();
        *position = batch.position;
        if !batch.entries.is_empty() {
            return batch.entries;
        }
    }
}

/// Returns all entries of a log that fits into one answer.
pub(crate) async fn all(store: &RedisStore) -> Vec<RevocationEntry> {
    let batch = store.read(None).await.unwrap();
    assert!(batch.complete);
    batch.entries
}

pub(crate) fn revoked(token: &str, until: i64) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Token(token.into()),
        until,
    }
}

/// Returns the revocation that goes with the end of a session.
pub(crate) fn ending(number: u8, until: i64) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Session(id(number)),
        until,
    }
}

pub(crate) fn realm() -> Realm {
    Realm::new("https://id.example").unwrap()
}

/// Adds a session whose login begins now.
pub(crate) async fn add(store: &RedisStore, session: &StoredSession) {
    let begun = store.mark().await.unwrap();
    assert!(store.insert(session, begun).await.unwrap());
}

pub(crate) fn session(number: u8, subject: &str) -> StoredSession {
    let now = now();
    StoredSession {
        id: id(number),
        realm: realm(),
        subject: subject.into(),
        label: Some("a device".into()),
        binding: None,
        created_at: now,
        last_used_at: now,
        expires_at: now + 1_000,
        absolute_expires_at: now + 10_000,
        tokens_until: now + 900,
        current: digest(number, 0),
        previous: Vec::new(),
        details: SessionDetails::default(),
        data: None,
    }
}

pub(crate) fn successor(session: &StoredSession, racer: u8) -> StoredSession {
    StoredSession {
        current: digest(racer, 1),
        previous: vec![PreviousToken {
            hash: session.current,
            salt: digest(racer, 2),
            exchanged_at: session.last_used_at,
        }],
        ..session.clone()
    }
}

pub(crate) fn id(number: u8) -> SessionId {
    SessionId::parse(&format!("{number:03}AAAAAAAAAAAAAAAAAAA")).unwrap()
}

pub(crate) fn digest(number: u8, kind: u8) -> TokenHash {
    let mut bytes = [number; 32];
    bytes[0] = kind;
    TokenHash::from_bytes(bytes)
}

/// Returns the real time: Redis has a clock of its own.
pub(crate) fn now() -> i64 {
    SystemClock.now()
}

pub(crate) fn on_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build();
    let test = async { timeout(LIMIT, test).await.unwrap() };
    runtime.unwrap().block_on(test);
}
