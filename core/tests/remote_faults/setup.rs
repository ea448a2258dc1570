//! A provider, a source of its keys, and a verifier on it.

use std::time::Duration;

use countersign::{
    RemoteKeys, SigningKey, Verifier,
    testing::{JwksServer, TestIssuer},
};
use tokio::time::{Instant, sleep, timeout};

pub(crate) const JWKS: &str = JwksServer::JWKS;

/// The time that a request waits for keys, and an allowance for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_millis(2_000 + 1_500);

/// An app and its provider.
pub(crate) struct Site {
    pub(crate) server: JwksServer,
    pub(crate) keys: RemoteKeys,
    pub(crate) verifier: Verifier,
    tokens: TestIssuer,
}

impl Site {
    /// Starts an app whose provider has no fault. Its keys are there.
    pub(crate) async fn start() -> Self {
        let site = Self::of(JwksServer::start());
        site.keys.ready().await.unwrap();
        site
    }

    /// Starts the app of this provider. Its first fetch is under way.
    pub(crate) fn of(server: JwksServer) -> Self {
        let keys = RemoteKeys::jwks(server.url()).build().unwrap();
        Self::with_keys(server, keys)
    }

    pub(crate) fn with_keys(server: JwksServer, keys: RemoteKeys) -> Self {
        let tokens = TestIssuer::new();
        let verifier = Verifier::builder(keys.clone())
            .issuer(server.issuer())
            .audience(TestIssuer::AUDIENCE)
            .clock(tokens.clock().clone())
            .build()
            .unwrap();
        Self {
            server,
            keys,
            verifier,
            tokens,
        }
    }

    /// Returns a good token by this key.
    pub(crate) fn token(&self, key: &SigningKey) -> String {
        let issuer = self.server.issuer();
        self.tokens.token().issuer(&issuer).signed_by(key)
    }

    /// Returns a good token by the current signing key.
    pub(crate) fn newest_token(&self) -> String {
        self.token(&self.server.key())
    }

    /// Returns a token with an invented key id.
    pub(crate) fn invented(&self, id: &str) -> String {
        let issuer = self.server.issuer();
        let token = self.tokens.token().issuer(&issuer).header("kid", id);
        token.by_a_stranger()
    }

    /// Returns the stable name of the verdict.
    pub(crate) async fn check(&self, token: &str) -> &'static str {
        match within(self.verifier.verify(token)).await {
            Ok(_) => "accepted",
            Err(error) => error.reason(),
        }
    }

    /// Returns the stable name of the verdict by the current keys, without waiting.
    pub(crate) fn check_now(&self, token: &str) -> &'static str {
        match self.verifier.verify_now(token) {
            Ok(_) => "accepted",
            Err(error) => error.reason(),
        }
    }

    /// Waits until a token is accepted: a provider that works again is soon asked again.
    pub(crate) async fn accepts_soon(&self, token: &str, what: &str) {
        let start = Instant::now();
        loop {
            let verdict = self.check(token).await;
            if verdict == "accepted" {
                return;
            }
            assert!(start.elapsed() < SOON, "{what}: {verdict}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Fails a test that would hang.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    let deadline = Duration::from_secs(30);
    timeout(deadline, future)
        .await
        .unwrap_or_else(|_| panic!("nothing happened for {deadline:?}"))
}

const SOON: Duration = Duration::from_secs(10);
