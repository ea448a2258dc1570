//! The suite of sessions on a store, with many requests at once.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{examples::subject, join::join_all, suite::RACERS};
use crate::{
    clock::{Clock, SystemClock},
    issue::Issuer,
    jose::{Algorithm, SigningKey},
    session::{
        ClientInfo, Identity, SessionError, SessionErrorKind, SessionEvent, SessionsBuilder,
        TokenPair, sessions::Sessions, store::SessionStore,
    },
    testing::FixedClock,
};

/// Runs [`Sessions`](crate::Sessions) on a store: 200 times, 50 clients refresh with one token at
/// once; 20 tabs of one browser refresh in turn; and two realms share the store.
///
/// One of many rotates, the others get the same successor, and there is one valid token afterwards.
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
    crowd
        .twenty_tabs_stay_logged_in_and_a_replay_does_not()
        .await;
    crowd.another_realm_knows_none_of_its_tokens().await;
}

const ROUNDS: usize = 200;

struct Crowd<S> {
    store: S,
    clock: FixedClock,
    sessions: Sessions,
    /// The number of rotations so far.
    rotations: Arc<AtomicUsize>,
}

impl<S: SessionStore> Crowd<S> {
    fn over(store: S) -> Self {
        let rotations = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&rotations);
        let clock = FixedClock::at(SystemClock.now());
        let sessions = sessions(ISSUER, store.clone(), &clock, move |event| {
            if let SessionEvent::Refreshed { .. } = event {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            store,
            clock,
            sessions,
            rotations,
        }
    }

    async fn start(&self, hint: &str) -> TokenPair {
        let identity = Identity::new(subject(hint), NoClaims {});
        let started = self.sessions.start(&identity, ClientInfo::new()).await;
        started.expect("a session starts")
    }

    async fn refresh(&self, token: &str) -> Result<TokenPair, SessionError> {
        let claims = async |_| Ok::<_, Infallible>(Some(NoClaims {}));
        self.sessions
            .refresh(token, &ClientInfo::new(), claims)
            .await
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

    async fn twenty_tabs_stay_logged_in_and_a_replay_does_not(&self) {
        let first = self.start("tabs").await;
        let mut known = vec![first.refresh_token().to_owned()];
        for tab in 0..20 {
            // Each presents a token that was good when the tab was opened.
            let own = known[tab / 2].clone();
            let pair = self.refresh(&own).await;
            let pair = pair.expect("a token that was exchanged just now is answered");
            let newest = self.refresh(pair.refresh_token()).await.expect("a pair");
            known.push(newest.refresh_token().to_owned());
        }
        let last = known.last().expect("twenty of them").clone();
        self.clock.advance(SessionsBuilder::DEFAULT_GRACE);
        let kind = |answer: Result<TokenPair, SessionError>| answer.map_err(|error| error.kind());
        let replayed = kind(self.refresh(first.refresh_token()).await);
        assert_eq!(
            replayed.err(),
            Some(SessionErrorKind::Replayed),
            "a token that was exchanged longer ago than the window is a replay"
        );
        let newest = kind(self.refresh(&last).await);
        assert_eq!(
            newest.err(),
            Some(SessionErrorKind::Unknown),
            "a replay ends the session"
        );
    }

    async fn another_realm_knows_none_of_its_tokens(&self) {
        let pair = self.start("realm").await;
        let subject = pair.session().subject();
        let other = "https://other-issuer.test";
        let abroad = sessions(other, self.store.clone(), &self.clock, |_| {});
        let claims = async |_| Ok::<_, Infallible>(Some(NoClaims {}));
        let client = ClientInfo::new();
        let refused = abroad.refresh(pair.refresh_token(), &client, claims).await;
        assert_eq!(
            refused.map_err(|error| error.kind()).err(),
            Some(SessionErrorKind::Unknown),
            "a refresh token opens nothing in another realm"
        );
        let listed = abroad.list(subject).await.expect("a list");
        assert!(
            listed.is_empty(),
            "a subject has no session in another realm"
        );
        let ends = "what another realm ends";
        assert_eq!(abroad.end_all(subject).await.expect(ends), 0);
        assert!(!abroad.end(pair.session().id()).await.expect(ends));
        assert!(!abroad.end_by_token(pair.refresh_token()).await.expect(ends));
        let next = self.refresh(pair.refresh_token()).await;
        next.expect("another realm ends no session of this one");
    }
}

const ISSUER: &str = "https://issuer.test";

fn sessions(
    issuer: &str,
    store: impl SessionStore,
    clock: &FixedClock,
    listener: impl Fn(&SessionEvent) + Send + Sync + 'static,
) -> Sessions {
    // A test cannot go on without sessions, so stopping here is the clearest failure.
    let key = SigningKey::generate(Algorithm::HS256).expect("a key can be generated");
    let issuer = Issuer::builder(issuer, key)
        .audience("https://api.test")
        .clock(clock.clone())
        .build()
        .expect("complete settings");
    Sessions::builder(issuer, store)
        .single_process()
        .on_event(listener)
        .build()
        .expect("complete settings")
}

#[derive(serde::Serialize)]
struct NoClaims {}
