//! A node, whose clock can be moved.

use std::{
    convert::Infallible,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use countersign::{
    Clock, Issuer, Revocation, Sessions, SigningKey, SystemClock,
    session::{
        ClientInfo, EndReason, Identity, SessionErrorKind, SessionEvent, TokenPair,
        store::SessionStore,
    },
};
use serde_json::json;

/// The time of day, and some seconds more.
#[derive(Clone, Default)]
pub(crate) struct Shifted(Arc<AtomicI64>);

impl Clock for Shifted {
    fn now(&self) -> i64 {
        SystemClock.now() + self.0.load(Ordering::Relaxed)
    }
}

/// A node that has made the choices, or has not.
pub(crate) struct Node {
    pub(crate) sessions: Sessions,
    clock: Shifted,
    thefts: Arc<Mutex<usize>>,
}

impl Node {
    /// Makes a node with the default settings, or, with the choice, one that spares sessions after lost writes and has a
    /// longer grace window.
    pub(crate) fn new(store: impl SessionStore, has_choice: bool) -> Self {
        Self::following(store, has_choice, None, 0)
    }

    /// Makes a node that follows the store's log, with a clock that is ahead.
    pub(crate) fn following(
        store: impl SessionStore,
        has_choice: bool,
        list: Option<Revocation>,
        ahead: i64,
    ) -> Self {
        static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate_es256().unwrap());

        let clock = Shifted::default();
        clock.0.store(ahead, Ordering::Relaxed);
        let issuer = Issuer::builder("https://id.example", KEY.clone()).audience("app");
        let issuer = issuer.clock(clock.clone()).build().unwrap();
        let thefts = Arc::<Mutex<usize>>::default();
        let count = Arc::clone(&thefts);
        let sessions = Sessions::builder(issuer, store).on_event(move |event| {
            if let SessionEvent::Ended {
                why: EndReason::Replayed,
                ..
            } = event
            {
                *count.lock().unwrap() += 1;
            }
        });
        let sessions = match list {
            Some(list) => sessions.revocation(list),
            None => sessions.single_process(),
        };
        let sessions = match has_choice {
            true => sessions
                .refuse_without_ending_after_lost_writes(Duration::from_secs(3_600))
                .grace(Duration::from_secs(30)),
            false => sessions,
        };
        Self {
            sessions: sessions.build().unwrap(),
            clock,
            thefts,
        }
    }

    /// Moves the clock.
    pub(crate) fn at(&self, seconds: i64) -> &Self {
        self.clock.0.store(seconds, Ordering::Relaxed);
        self
    }

    pub(crate) async fn login(&self, subject: &str) -> TokenPair {
        let identity = Identity::new(subject, json!({}));
        let pair = self.sessions.start(&identity, ClientInfo::new()).await;
        pair.unwrap()
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<TokenPair, SessionErrorKind> {
        let claims = async |_| Ok::<_, Infallible>(Some(json!({})));
        let client = ClientInfo::new();
        let refreshed = self.sessions.refresh(token, &client, claims);
        refreshed.await.map_err(|error| error.kind())
    }

    /// Presents a token, and says what its session is told.
    pub(crate) async fn present(&self, pair: &TokenPair) -> &'static str {
        let reported = *self.thefts.lock().unwrap();
        let answer = self.refresh(pair.refresh_token()).await.map(drop);
        let is_reported = *self.thefts.lock().unwrap() > reported;
        let subject = pair.session().subject();
        let lives = !self.sessions.list(subject).await.unwrap().is_empty();
        match (answer, lives, is_reported) {
            (Ok(()), true, false) => "goes on",
            (Err(SessionErrorKind::Replayed), false, true) => "ended, reported as theft",
            (Err(SessionErrorKind::WritesLost), true, false) => "log in again, nothing is reported",
            (Err(SessionErrorKind::Unknown), false, false) => "log in again",
            other => panic!("{other:?}"),
        }
    }
}
