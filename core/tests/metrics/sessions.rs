//! Tests of the metrics of sessions, their store and revocations.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use countersign::{
    Issuer, MemoryStore, Revocation, SessionRoutes, Sessions, SigningKey,
    adapter::RequestHead,
    metrics::{BUCKETS, describe},
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog, Revoked, StoreEpoch},
    session::{
        ClientInfo, Identity, Realm, SessionErrorKind, SignIn,
        store::{
            EndedSession, SessionStore, StoreCapabilities, StoreError, StoreMark, StoredSession,
            TokenHash,
        },
    },
    testing::FixedClock,
};
use futures_executor::block_on;
use metrics_util::debugging::DebuggingRecorder;

use crate::{expect, measured};

/// A store that can be switched off.
#[derive(Clone)]
struct Store {
    rows: MemoryStore,
    away: Arc<AtomicBool>,
}

impl Store {
    fn new() -> Self {
        Self {
            rows: MemoryStore::new(),
            away: Arc::default(),
        }
    }

    fn there(&self) -> Result<&MemoryStore, StoreError> {
        match self.away.load(Ordering::Relaxed) {
            true => Err(StoreError::new("it is away")),
            false => Ok(&self.rows),
        }
    }
}

impl SessionStore for Store {
    fn capabilities(&self) -> StoreCapabilities {
        self.rows.capabilities()
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        self.there()?.mark().await
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        self.there()?.insert(session, begun).await
    }

    async fn find(
        &self,
        id: &countersign::session::SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        self.there()?.find(id).await
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        self.there()?.rotate(from, next).await
    }

    async fn set_data(
        &self,
        id: &countersign::session::SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.there()?.set_data(id, from, to).await
    }

    async fn end(
        &self,
        id: &countersign::session::SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        self.there()?.end(id, revocation).await
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        self.there()?
            .end_all(realm, subject, issued_before, until)
            .await
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        self.there()?.list(realm, subject, now).await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.there()?.sweep(now).await
    }
}

fn sessions(store: Store, clock: &FixedClock) -> Sessions {
    let key = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://id.example", key).audience("app");
    let issuer = issuer.clock(clock.clone()).build().unwrap();
    Sessions::builder(issuer, store).build().unwrap()
}

const REALM: &str = "realm=https://id.example";

#[test]
fn events_of_sessions_and_calls_of_the_store_are_counted_from_zero_on() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let (store, clock) = (Store::new(), FixedClock::default());
    let sessions = sessions(store.clone(), &clock);
    let event = |name: &str| format!("countersign_sessions_total{{{REALM},event={name}}}");
    for name in [
        "started",
        "refreshed",
        "repeated",
        "replayed",
        "wrong_client",
        "writes_lost",
        "ended_everything",
        "logged_out",
    ] {
        expect(&snapshotter, &[(&event(name), 0.0)]);
    }
    expect(
        &snapshotter,
        &[("countersign_store_errors_total{op=find}", 0.0)],
    );

    let ada = Identity::new("ada", serde_json::json!({}));
    let client = ClientInfo::new();
    let pair = block_on(sessions.start(&ada, client.clone())).unwrap();
    let claims = async |_| Ok::<_, io::Error>(Some(serde_json::json!({})));
    let refresh = |token: &str| block_on(sessions.refresh(token, &client, claims));
    let next = refresh(pair.refresh_token()).unwrap();
    refresh(pair.refresh_token()).unwrap(); // within the grace window
    clock.advance(Duration::from_secs(60));
    refresh(next.refresh_token()).unwrap();
    clock.advance(Duration::from_secs(60));
    refresh(next.refresh_token()).unwrap_err();
    let other = block_on(sessions.start(&ada, client.clone())).unwrap();
    block_on(sessions.end(other.session().id())).unwrap();
    expect(
        &snapshotter,
        &[
            (&event("started"), 2.0),
            (&event("refreshed"), 2.0),
            (&event("repeated"), 1.0),
            (&event("replayed"), 1.0),
            (&event("logged_out"), 1.0),
            (&event("displaced"), 0.0),
            ("countersign_store_seconds{op=insert}", 2.0),
            ("countersign_store_errors_total{op=insert}", 0.0),
        ],
    );

    store.away.store(true, Ordering::Relaxed);
    let away = refresh(next.refresh_token()).unwrap_err();
    assert_eq!(away.kind(), SessionErrorKind::Unavailable);
    block_on(sessions.list("ada")).unwrap_err();
    expect(
        &snapshotter,
        &[
            ("countersign_store_errors_total{op=find}", 1.0),
            ("countersign_store_errors_total{op=list}", 1.0),
        ],
    );
}

/// A request without headers but for the type of its body.
struct Post;

impl RequestHead for Post {
    fn method(&self) -> &'static str {
        "POST"
    }

    fn path(&self) -> &'static str {
        ""
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == "content-type" {
            visit(b"application/json");
        }
    }
}

#[test]
fn refusals_of_the_session_routes_are_counted_by_route_and_reason() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let store = Store::new();
    let sessions = sessions(store.clone(), &FixedClock::default());
    let routes = SessionRoutes::json(sessions, async |_: SignIn<serde_json::Value>| {
        Ok::<Option<Identity<()>>, io::Error>(None)
    });
    let refusal = |route: &str, reason: &str| {
        format!("countersign_session_refusals_total{{route={route},reason={reason}}}")
    };
    for (route, reason) in [
        ("login", "wrong_credentials"),
        ("login", "unreadable_login"),
        ("refresh", "missing_refresh_token"),
        ("refresh", "sessions_overloaded"),
        ("refresh", "sessions_unavailable"),
        ("refresh", "refresh_token_replayed"),
        ("refresh", "store_writes_lost"),
    ] {
        expect(&snapshotter, &[(&refusal(route, reason), 0.0)]);
    }
    let post = |path: &str, body: &str| block_on(routes.answer(path, &Post, body.as_bytes()));
    assert_eq!(post("/login", "{}").status(), 401);
    assert_eq!(post("/login", "no json").status(), 400);
    assert_eq!(post("/refresh", "{}").status(), 400);
    let invented = r#"{"refresh_token":"invented"}"#;
    assert_eq!(post("/refresh", invented).status(), 400);
    assert_eq!(post("/logout-all", "").status(), 401);
    assert_eq!(post("/sessions/one", "").status(), 405);
    assert_eq!(post("/elsewhere/private", "").status(), 404);
    store.away.store(true, Ordering::Relaxed);
    assert_eq!(post("/login", "{}").status(), 503);
    expect(
        &snapshotter,
        &[
            (&refusal("login", "wrong_credentials"), 1.0),
            (&refusal("login", "unreadable_login"), 1.0),
            (&refusal("login", "sessions_unavailable"), 1.0),
            (&refusal("refresh", "missing_refresh_token"), 1.0),
            (&refusal("refresh", "malformed_refresh_token"), 1.0),
            (&refusal("logout_all", "missing_token"), 1.0),
            (&refusal("sessions", "method_not_allowed"), 1.0),
            (&refusal("none", "no_such_endpoint"), 1.0),
        ],
    );
    let all = format!("{:?}", measured(&snapshotter));
    assert!(
        !all.contains("private") && !all.contains("invented"),
        "{all}"
    );
}

/// A log that can be switched off, and has one entry.
#[derive(Clone)]
struct Log(Arc<AtomicBool>);

impl RevocationLog for Log {
    async fn append(&self, _: &[RevocationEntry]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn time(&self) -> Result<Option<i64>, StoreError> {
        Ok(Some(1_800_000_012))
    }

    async fn store_epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        Ok(Some(StoreEpoch::new("two", Some(1_799_999_000))))
    }

    async fn read(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if self.0.load(Ordering::Relaxed) {
            return Err(StoreError::new("it is away"));
        }
        let entry = RevocationEntry {
            revoked: Revoked::Token("one".to_owned()),
            until: i64::MAX,
        };
        let entries = after.is_none().then_some(entry).into_iter().collect();
        Ok(LogBatch {
            entries,
            position: Some(LogPosition::new("1")),
            complete: true,
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_revocations_has_gauges_under_its_name() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    describe();
    let clock = FixedClock::at(1_800_000_000);
    let builder = Revocation::replica().clock(clock.clone());
    let revocation = builder.name("orders").capacity(2).build().unwrap();
    let gauge = |name: &str| format!("countersign_revocation_{name}{{list=orders}}");
    let synced = gauge("synced_timestamp_seconds");
    expect(
        &snapshotter,
        &[(&gauge("entries"), 0.0), (&gauge("capacity"), 2.0)],
    );
    assert_eq!(measured(&snapshotter).get(&synced), None);

    let log = Log(Arc::default());
    let following = revocation.follow(log.clone());
    let measure_after = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
    tokio::pin!(following);
    let mut run = async |seconds| {
        tokio::select! {
            biased;
            _ = &mut following => unreachable!("it never ends"),
            () = measure_after(seconds) => {}
        }
    };
    run(3).await;
    expect(
        &snapshotter,
        &[
            (&gauge("entries"), 1.0),
            (&gauge("incomplete"), 0.0),
            (&synced, 1_800_000_000.0),
            ("countersign_clock_skew_seconds{list=orders}", -12.0),
            (
                "countersign_store_epoch_timestamp_seconds{list=orders}",
                1_799_999_000.0,
            ),
        ],
    );

    log.0.store(true, Ordering::Relaxed);
    clock.advance(Duration::from_secs(60));
    run(3).await;
    // A snapshot takes the values away, and no other came.
    let seen = measured(&snapshotter);
    assert_eq!(seen[&synced], 0.0);
    assert!(seen["countersign_store_errors_total{op=read_log}"] >= 2.0);
}

#[test]
fn every_histogram_has_buckets() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    describe();
    for (name, bounds) in BUCKETS {
        assert!(name.ends_with("_seconds") && bounds.is_sorted(), "{name}");
    }
    let zero = measured(&snapshotter);
    assert_eq!(
        zero.get("countersign_requests_total{outcome=expired}"),
        Some(&0.0)
    );
    assert!(zero.values().all(|value| *value == 0.0), "{zero:#?}");
}
