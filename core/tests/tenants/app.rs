//! An app with tenants: what its resolver knows, and how often it is asked.

use std::{
    collections::HashSet,
    error::Error,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign::{
    AuthError, AuthErrorKind, Authenticator, ConfigError, DynamicIssuers, DynamicIssuersBuilder,
    Issuers, VerifiedToken, Verifier, VerifierBuilder, adapter::Credentials, testing::TestIssuer,
};
use tokio::sync::Notify;

/// The app. Clones share their state.
#[derive(Clone, Default)]
pub(crate) struct App {
    pub(crate) keys: TestIssuer,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    known: Mutex<HashSet<String>>,
    asked: AtomicUsize,
    /// Where a question waits after it has read what is known, if it has to.
    gate: Mutex<Option<Arc<Notify>>>,
    answer: Mutex<Answer>,
}

/// What the resolver says about a tenant that it knows.
#[derive(Clone, Copy, Default)]
pub(crate) enum Answer {
    /// A verifier for any issuer.
    Anybody,
    #[default]
    Good,
    /// A verifier for the issuer and another one.
    More,
    /// A verifier for another issuer.
    Other,
    Outage,
    Panic,
    /// None, ever.
    Silence,
}

impl App {
    pub(crate) fn new(tenants: &[&str]) -> Self {
        let app = Self::default();
        for tenant in tenants {
            app.create(tenant);
        }
        app
    }

    pub(crate) fn create(&self, tenant: &str) {
        self.known().insert(issuer(tenant));
    }

    pub(crate) fn delete(&self, tenant: &str) {
        self.known().remove(&issuer(tenant));
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.state.known.lock().unwrap()
    }

    /// Returns how often the resolver was asked.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.state.answer.lock().unwrap() = answer;
    }

    /// Has questions wait, until each is let go.
    pub(crate) fn close(&self) -> Arc<Notify> {
        let gate = Arc::new(Notify::new());
        *self.state.gate.lock().unwrap() = Some(Arc::clone(&gate));
        gate
    }

    pub(crate) fn open(&self) {
        *self.state.gate.lock().unwrap() = None;
    }

    pub(crate) fn verifier(&self, issuer: &str) -> VerifierBuilder {
        Verifier::builder(self.keys.key())
            .issuer(issuer)
            .audience(TestIssuer::AUDIENCE)
            .clock(self.keys.clock().clone())
    }

    async fn resolve(
        self,
        issuer: Box<str>,
    ) -> Result<Option<Verifier>, Box<dyn Error + Send + Sync>> {
        self.state.asked.fetch_add(1, Ordering::SeqCst);
        let is_known = self.known().contains(&*issuer);
        let gate = self.state.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.notified().await;
        }
        if !is_known {
            return Ok(None);
        }
        let builder = Verifier::builder(self.keys.key()).audience(TestIssuer::AUDIENCE);
        let builder = builder.clock(self.keys.clock().clone());
        let answer = *self.state.answer.lock().unwrap();
        let builder = match answer {
            Answer::Good => builder.issuer(issuer),
            Answer::Anybody => builder.any_issuer(),
            Answer::More => builder.issuer(issuer).issuer("https://other.example"),
            Answer::Other => builder.issuer("https://other.example"),
            Answer::Outage => return Err(io::Error::other("no database").into()),
            Answer::Panic => panic!("a resolver of the test"),
            Answer::Silence => std::future::pending().await,
        };
        Ok(Some(builder.build()?))
    }

    pub(crate) fn builder(&self) -> DynamicIssuersBuilder {
        let app = self.clone();
        DynamicIssuers::builder(move |issuer| app.clone().resolve(issuer))
    }

    /// Returns the handle to the tenants, and an authenticator of their tokens.
    pub(crate) fn start(
        &self,
        set: impl FnOnce(DynamicIssuersBuilder) -> DynamicIssuersBuilder,
    ) -> (DynamicIssuers, Authenticator) {
        let tenants = set(self.builder()).build().unwrap();
        let authenticator = Authenticator::new(Issuers::dynamic(tenants.clone()));
        (tenants, authenticator)
    }

    /// Makes a good token of a tenant, whether there is one or not.
    pub(crate) fn token(&self, tenant: &str) -> String {
        self.keys.token().issuer(&issuer(tenant)).sign()
    }

    pub(crate) fn token_of(&self, issuer: &str) -> String {
        self.keys.token().issuer(issuer).sign()
    }
}

pub(crate) fn issuer(tenant: &str) -> String {
    format!("https://id.example/{tenant}")
}

pub(crate) async fn ask(
    authenticator: &Authenticator,
    token: &str,
) -> Result<VerifiedToken, AuthError> {
    let verdict = authenticator
        .authenticate(Some(Credentials::new(token)))
        .await;
    verdict.map(Option::unwrap)
}

pub(crate) async fn refusal(authenticator: &Authenticator, token: &str) -> Option<AuthErrorKind> {
    ask(authenticator, token)
        .await
        .err()
        .map(|error| error.kind())
}

/// Asserts that a setting is refused with a text that names it.
pub(crate) fn names<T: std::fmt::Debug>(result: Result<T, ConfigError>, name: &str) {
    let text = result.unwrap_err().to_string();
    assert!(text.contains(name), "{text}");
}
