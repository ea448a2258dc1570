//! Tests of a database that is busy, and of clients that would keep it so.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use countersign::{
    Issuer, Revocation, Sessions, SigningKey,
    session::{ClientInfo, Identity, SessionError, TokenPair},
};
use countersign_sqlx::PostgresStore;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, interval, timeout},
};

use crate::lab::{OnPostgres, PATIENCE};

/// Returns sessions that have read the log of their store.
async fn sessions(store: PostgresStore) -> Sessions {
    let key = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://id.example", key).audience("app");
    let revocation = Revocation::replica().build().unwrap();
    tokio::spawn(revocation.follow(store.clone()));
    let read = async {
        while !revocation.status().is_available() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, read).await.unwrap();
    let sessions = Sessions::builder(issuer.build().unwrap(), store);
    sessions.revocation(revocation).build().unwrap()
}

async fn refresh(sessions: &Sessions, token: &str) -> Result<TokenPair, SessionError> {
    let claims = async |_| Ok::<_, Infallible>(Some(json!({})));
    sessions.refresh(token, &ClientInfo::new(), claims).await
}

/// Clients with refresh tokens that nobody has issued, each of which asks all the time.
struct Crowd {
    is_over: Arc<AtomicBool>,
    overloaded: Arc<AtomicUsize>,
    clients: JoinSet<()>,
}

impl Crowd {
    fn of(sessions: &Sessions, clients: usize) -> Self {
        let mut crowd = Self {
            is_over: Arc::default(),
            overloaded: Arc::default(),
            clients: JoinSet::new(),
        };
        for number in 0..clients {
            let (is_over, overloaded) = (crowd.is_over.clone(), crowd.overloaded.clone());
            let (sessions, invented) = (sessions.clone(), format!("{number:064}"));
            crowd.clients.spawn(async move {
                let mut pause = interval(Duration::from_millis(20));
                while !is_over.load(Ordering::Relaxed) {
                    let refused = refresh(&sessions, &invented).await.unwrap_err();
                    let is_overloaded = refused.reason() == "sessions_overloaded";
                    overloaded.fetch_add(usize::from(is_overloaded), Ordering::Relaxed);
                    pause.tick().await;
                }
            });
        }
        crowd
    }

    /// Lets everybody go home, and returns how many were turned away at once.
    async fn end(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        timeout(PATIENCE, self.clients.join_all()).await.unwrap();
        self.overloaded.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_and_invented_refresh_tokens_refuse_no_good_access_token() {
    /// Longer than the list of revocations may be without having been read.
    const LOCKED: Duration = Duration::from_secs(25);

    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    let sessions = sessions(lab.store.clone()).await;
    let ada = Identity::new("ada", json!({}));
    let pair = sessions.start(&ada, ClientInfo::new()).await.unwrap();
    let mut block = lab.pool.begin().await.unwrap();
    let lock = "LOCK TABLE countersign_sessions IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *block).await.unwrap();

    let crowd = Crowd::of(&sessions, 200);
    let (verifier, began) = (sessions.verifier(), Instant::now());
    let mut ticks = interval(Duration::from_millis(100));
    while began.elapsed() < LOCKED {
        ticks.tick().await;
        let verified = verifier.verify(pair.access_token().as_str()).await;
        verified.unwrap_or_else(|error| panic!("{error:?} after {:?}", began.elapsed()));
        // A call that needs another table does not stand in line behind them.
        let login = timeout(Duration::from_secs(1), sessions.begin()).await;
        drop(login.unwrap().unwrap());
    }
    block.rollback().await.unwrap();
    assert!(crowd.end().await > 0);
    refresh(&sessions, pair.refresh_token()).await.unwrap();
}
