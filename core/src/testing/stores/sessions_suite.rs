//! What sessions do on a store, when many come at once.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    issue::Issuer,
    jose::{Algorithm, SigningKey},
    session::{
        Client, Identity, SessionError, SessionErrorKind, SessionEvent, SessionStore, Sessions,
        TokenPair,
    },
    testing::stores::{examples::subject, join::join_all, suite::RACERS},
};

/// Runs [`Sessions`](crate::Sessions) on a store: 200 times, 50 clients refresh with one token at
/// once.
///
/// One of them rotates, the others get the same successor, and there is one valid token afterwards.
/// For authors of stores, beside [`store_suite`](crate::testing::store_suite): it takes longer.
///
/// # Panics
///
/// When a rule is broken. The message says which.
///
/// # Examples
///
/// ```
/// use countersign::{MemoryStore, testing::sessions_suite};
///
/// # futures_executor::block_on(async {
/// sessions_suite(MemoryStore::new()).await;
/// # });
/// ```
pub async fn sessions_suite<S: SessionStore>(store: S) {
    let crowd = Crowd::over(store);
    for _ in 0..ROUNDS {
        crowd.of_many_refreshes_one_rotates().await;
    }
    crowd.a_grandparent_ends_the_session().await;
}

const ROUNDS: usize = 200;

struct Crowd {
    sessions: Sessions,
    /// How many rotations there were.
    rotations: Arc<AtomicUsize>,
}

impl Crowd {
    fn over(store: impl SessionStore) -> Self {
        let rotations = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&rotations);
        // A test cannot go on without sessions, and says so best by stopping here.
        let key = SigningKey::generate(Algorithm::HS256).expect("a key can be generated");
        let issuer = Issuer::builder("https://issuer.test", key)
            .audience("https://api.test")
            .build()
            .expect("complete settings");
        let sessions = Sessions::builder(issuer, store)
            .on_event(move |event| {
                if let SessionEvent::Refreshed { .. } = event {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            })
            .build()
            .expect("complete settings");
        Self {
            sessions,
            rotations,
        }
    }

    async fn start(&self, hint: &str) -> TokenPair {
        let identity = Identity::new(subject(hint), NoClaims {});
        let started = self.sessions.start(&identity, Client::new()).await;
        started.expect("a session starts")
    }

    async fn refresh(&self, token: &str) -> Result<TokenPair, SessionError> {
        let claims = async |_| Ok::<_, Infallible>(Some(NoClaims {}));
        self.sessions.refresh(token, &Client::new(), claims).await
    }

    async fn of_many_refreshes_one_rotates(&self) {
        let first = self.start("crowd").await;
        let before = self.rotations.load(Ordering::SeqCst);
        let all = (0..RACERS).map(|_| self.refresh(first.refresh_token()));
        let answers = join_all(all).await;
        let mut successors: Vec<String> = answers
            .into_iter()
            .map(|answer| answer.expect("nobody is refused who comes in time"))
            .map(|pair| pair.refresh_token().to_owned())
            .collect();
        successors.dedup();
        assert_eq!(successors.len(), 1, "all get the same successor");
        let rotations = self.rotations.load(Ordering::SeqCst) - before;
        assert_eq!(rotations, 1, "one rotates");

        let next = self.refresh(&successors[0]).await;
        let next = next.expect("the successor is valid");
        let subject = next.session().subject();
        let left = self.sessions.list(subject).await.expect("a list");
        assert_eq!(left.len(), 1, "there is one session");
        let ended = self.sessions.end(next.session().id()).await;
        assert!(ended.expect("the session ends"), "the session was there");
    }

    async fn a_grandparent_ends_the_session(&self) {
        let first = self.start("grandparent").await;
        let second = self.refresh(first.refresh_token()).await.expect("a pair");
        let third = self.refresh(second.refresh_token()).await.expect("a pair");
        let kind = |answer: Result<TokenPair, SessionError>| answer.map_err(|error| error.kind());
        let replayed = kind(self.refresh(first.refresh_token()).await);
        assert_eq!(
            replayed.err(),
            Some(SessionErrorKind::Replayed),
            "the token before the predecessor is a replay"
        );
        let newest = kind(self.refresh(third.refresh_token()).await);
        assert_eq!(
            newest.err(),
            Some(SessionErrorKind::Unknown),
            "a replay ends the session"
        );
    }
}

#[derive(serde::Serialize)]
struct NoClaims {}
