//! The setup of every test.

use std::{
    convert::Infallible,
    future::poll_fn,
    mem,
    pin::{Pin, pin},
    sync::{Arc, LazyLock, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use countersign::{
    Clock, Issuer, Sessions, SigningKey,
    issue::IssuerBuilder,
    session::{
        ClientInfo, EndReason, Identity, SessionErrorKind, SessionEvent, SessionsBuilder, TokenPair,
    },
    testing::FixedClock,
};
use futures_executor::block_on;
use serde_json::{Value, json};

use crate::faulty_store::FaultyStore;

/// The time at which tests begin.
pub(crate) const START: i64 = 1_800_000_000;
/// The lifetime of an access token, in seconds.
pub(crate) const TTL: i64 = 900;

/// Sessions whose clock stands still, with a store that can fail and a listener for events.
pub(crate) struct Setup {
    pub(crate) sessions: Sessions,
    pub(crate) clock: FixedClock,
    pub(crate) store: FaultyStore,
    events: Arc<Mutex<Vec<SessionEvent>>>,
}

impl Setup {
    /// Creates a setup with the default settings.
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// Creates a setup with a grace window of this many seconds.
    pub(crate) fn with_grace(seconds: u64) -> Self {
        Self::with(|builder| builder.grace(Duration::from_secs(seconds)))
    }

    pub(crate) fn with(settings: impl FnOnce(SessionsBuilder) -> SessionsBuilder) -> Self {
        Self::with_clock(|builder, _| settings(builder))
    }

    pub(crate) fn with_clock(
        settings: impl FnOnce(SessionsBuilder, &FixedClock) -> SessionsBuilder,
    ) -> Self {
        Self::on(FaultyStore::default(), settings)
    }

    /// Creates a setup on this store.
    pub(crate) fn on(
        store: FaultyStore,
        settings: impl FnOnce(SessionsBuilder, &FixedClock) -> SessionsBuilder,
    ) -> Self {
        let clock = FixedClock::at(START);
        let events = Arc::<Mutex<Vec<_>>>::default();
        let heard = Arc::clone(&events);
        let issuer = issuer(&clock).build().unwrap();
        let builder = Sessions::builder(issuer, store.clone())
            .on_event(move |event| heard.lock().unwrap().push(event.clone()));
        Self {
            sessions: settings(builder, &clock).build().unwrap(),
            clock,
            store,
            events,
        }
    }

    /// Returns other sessions on the same store and clock: another node.
    pub(crate) fn node(&self) -> Sessions {
        let issuer = issuer(&self.clock).build().unwrap();
        Sessions::builder(issuer, self.store.clone())
            .build()
            .unwrap()
    }

    /// Returns another node, with a clock of its own.
    pub(crate) fn node_with_clock(&self) -> (Sessions, FixedClock) {
        let clock = FixedClock::at(self.clock.now());
        let issuer = issuer(&clock).build().unwrap();
        let sessions = Sessions::builder(issuer, self.store.clone());
        (sessions.build().unwrap(), clock)
    }

    pub(crate) fn login(&self, subject: &str) -> TokenPair {
        self.login_from(subject, ClientInfo::new())
    }

    pub(crate) fn login_from(&self, subject: &str, client: ClientInfo) -> TokenPair {
        let identity = Identity::new(subject, user());
        block_on(self.sessions.start(&identity, client)).unwrap()
    }

    pub(crate) fn refresh(
        &self,
        token: &(impl Text + ?Sized),
    ) -> Result<TokenPair, SessionErrorKind> {
        self.refresh_from(token, &ClientInfo::new())
    }

    pub(crate) fn refresh_from(
        &self,
        token: &(impl Text + ?Sized),
        client: &ClientInfo,
    ) -> Result<TokenPair, SessionErrorKind> {
        let refreshed = self
            .sessions
            .refresh(token.text(), client, async |_| good(user()));
        block_on(refreshed).map_err(|error| error.kind())
    }

    /// Refreshes, and runs `meanwhile` while the claims are asked for.
    pub(crate) fn refresh_while(
        &self,
        token: &(impl Text + ?Sized),
        meanwhile: impl FnOnce(),
    ) -> Result<TokenPair, SessionErrorKind> {
        let claims = async |_| {
            pending_once().await;
            good(user())
        };
        let client = ClientInfo::new();
        let mut refreshed = pin!(self.sessions.refresh(token.text(), &client, claims));
        // Only the claims can make it wait.
        let answer = match poll(refreshed.as_mut()) {
            Poll::Pending => {
                meanwhile();
                block_on(refreshed)
            }
            Poll::Ready(answer) => answer,
        };
        answer.map_err(|error| error.kind())
    }

    /// Lets this many seconds pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.set(self.clock.now() + seconds);
    }

    /// Returns the number of sessions of the subject.
    pub(crate) fn count(&self, subject: &str) -> usize {
        block_on(self.sessions.list(subject)).unwrap().len()
    }

    /// Returns the events since the last call.
    pub(crate) fn events(&self) -> Vec<SessionEvent> {
        mem::take(&mut self.events.lock().unwrap())
    }

    /// Returns the reasons for which sessions ended since the last call of this or of `events`.
    pub(crate) fn endings(&self) -> Vec<EndReason> {
        let ending = |event| match event {
            SessionEvent::Ended { why, .. } => Some(why),
            _ => None,
        };
        self.events().into_iter().filter_map(ending).collect()
    }

    /// Returns the claims of an access token that the verifier accepts.
    #[track_caller]
    pub(crate) fn claims(&self, pair: &TokenPair) -> Value {
        let verifier = self.sessions.verifier();
        let token = verifier.verify_now(pair.access_token().as_str()).unwrap();
        serde_json::from_str(token.payload()).unwrap()
    }
}

/// Returns an issuer. All share one key, as nodes do.
pub(crate) fn issuer(clock: &FixedClock) -> IssuerBuilder {
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate_es256().unwrap());
    Issuer::builder("https://id.test", KEY.clone())
        .audience("orders")
        .ttl(Duration::from_secs(TTL.unsigned_abs()))
        .clock(clock.clone())
}

/// Returns valid claims.
pub(crate) fn user() -> Value {
    json!({ "role": "user" })
}

/// Returns the answer of a claims function that works.
#[allow(clippy::unnecessary_wraps)] // the required signature
pub(crate) fn good(claims: Value) -> Result<Option<Value>, Infallible> {
    Ok(Some(claims))
}

/// Waits until it is polled a second time.
pub(crate) async fn pending_once() {
    let mut is_asked = false;
    poll_fn(|_| {
        if mem::replace(&mut is_asked, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

pub(crate) fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A refresh token, or the pair that it came with.
pub(crate) trait Text {
    fn text(&self) -> &str;
}

impl Text for TokenPair {
    fn text(&self) -> &str {
        self.refresh_token()
    }
}

impl Text for str {
    fn text(&self) -> &str {
        self
    }
}
