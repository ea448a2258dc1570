//! An identity provider that a test controls, and a verifier that takes its keys from there.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use countersign::{
    AuthError, RemoteKeys, SigningKey, VerifiedToken, Verifier,
    remote::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse, RemoteKeysBuilder},
    testing::{FixedClock, sign_raw},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const JWKS: &str = "https://id.example/jwks";
pub(crate) const METADATA: &str = "https://id.example/.well-known/openid-configuration";
pub(crate) const NOW: i64 = 1_800_000_000;

/// The provider. Clones share their state.
#[derive(Clone, Default)]
pub(crate) struct Provider(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    /// The contents of `keys`.
    pub(crate) jwks: Vec<Value>,
    /// Replaces the key set.
    pub(crate) body: Option<String>,
    /// Replaces the issuer in the metadata.
    pub(crate) issuer: Option<String>,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) fault: Option<FetchErrorKind>,
    /// A URL that no longer exists.
    pub(crate) gone: Option<&'static str>,
    /// The time that an answer takes. It contains the state from when it was asked for.
    pub(crate) latency: Duration,
    /// The requests, and when they came.
    pub(crate) log: Vec<(Instant, FetchRequest)>,
}

impl Provider {
    pub(crate) fn new(keys: &[&SigningKey]) -> Self {
        let provider = Self::default();
        provider.publish(keys);
        provider
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        self.state().jwks = keys.iter().map(|key| jwk(key)).collect();
    }

    /// Returns the number of requests for the keys.
    pub(crate) fn fetches(&self) -> usize {
        let state = self.state();
        (state.log.iter())
            .filter(|(_, request)| !request.url().contains(".well-known"))
            .count()
    }

    /// Returns the URLs at which the keys were asked for, in order.
    pub(crate) fn asked_for_keys(&self) -> Vec<String> {
        let state = self.state();
        let urls = state.log.iter().map(|(_, request)| request.url());
        urls.filter(|url| !url.contains(".well-known"))
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn keys(&self) -> RemoteKeysBuilder {
        RemoteKeys::jwks(JWKS)
            .fetch(self.clone())
            .clock(FixedClock::at(NOW))
            .jitter_seed(1)
    }

    /// Returns a source that has fetched, or tried to, and a verifier on it.
    pub(crate) async fn start(&self) -> (RemoteKeys, Verifier) {
        let keys = self.keys().build().unwrap();
        let _ = keys.ready().await;
        let verifier = verifier(&keys);
        (keys, verifier)
    }

    fn answer(&self, request: &FetchRequest) -> Result<FetchResponse, FetchError> {
        let state = self.state();
        if let Some(fault) = state.fault {
            return Err(fault.into());
        }
        if state.gone == Some(request.url()) {
            return Err(FetchErrorKind::Connect.into());
        }
        let body = if request.url().contains(".well-known") {
            json!({
                "issuer": state.issuer.as_deref().unwrap_or(ISSUER),
                "jwks_uri": state.jwks_uri.as_deref().unwrap_or(JWKS),
            })
            .to_string()
        } else {
            let set = || json!({ "keys": state.jwks }).to_string();
            state.body.clone().unwrap_or_else(set)
        };
        let response = FetchResponse::new(state.status.unwrap_or(200), body);
        Ok(
            (state.headers.iter()).fold(response, |response, (name, value)| {
                response.header(*name, value)
            }),
        )
    }
}

impl Fetch for Provider {
    async fn get(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let latency = {
            let mut state = self.state();
            state.log.push((Instant::now(), request.clone()));
            state.latency
        };
        let answer = self.answer(&request);
        if !latency.is_zero() {
            sleep(latency).await;
        }
        answer
    }
}

pub(crate) fn key(id: &str) -> SigningKey {
    SigningKey::generate_ed25519().unwrap().with_id(id)
}

pub(crate) fn jwk(key: &SigningKey) -> Value {
    serde_json::from_str(&key.verifying_key().to_jwk().unwrap()).unwrap()
}

pub(crate) fn verifier(keys: &RemoteKeys) -> Verifier {
    Verifier::builder(keys.clone())
        .issuer(ISSUER)
        .audience("orders")
        .clock(FixedClock::at(NOW))
        .build()
        .unwrap()
}

/// Returns a good token, signed with this key and naming it.
pub(crate) fn token(key: &SigningKey) -> String {
    let id = key.verifying_key().id().map(str::to_owned);
    token_naming(key, id.as_deref())
}

/// Returns a good token with another `kid`, or none.
pub(crate) fn token_naming(key: &SigningKey, id: Option<&str>) -> String {
    let mut header = json!({"alg": key.algorithm()});
    if let Some(id) = id {
        header["kid"] = id.into();
    }
    let claims = json!({"iss": ISSUER, "aud": "orders", "sub": "ada", "exp": NOW + 86_400});
    sign_raw(key, &header.to_string(), claims.to_string().as_bytes())
}

/// Returns a good token of another issuer.
pub(crate) fn token_of(key: &SigningKey, issuer: &str) -> String {
    let header = json!({"alg": "EdDSA", "kid": key.id()});
    let claims = json!({"iss": issuer, "aud": "orders", "sub": "ada", "exp": NOW + 86_400});
    sign_raw(key, &header.to_string(), claims.to_string().as_bytes())
}

/// Returns a token that names an unknown key.
pub(crate) fn unknown(id: &str) -> String {
    token_naming(&key("stranger"), Some(id))
}

/// Returns the stable name of the verdict.
pub(crate) fn reason(verdict: &Result<VerifiedToken, AuthError>) -> &'static str {
    match verdict {
        Ok(_) => "accepted",
        Err(error) => error.reason(),
    }
}

pub(crate) async fn check(verifier: &Verifier, token: &str) -> &'static str {
    reason(&verifier.verify(token).await)
}

pub(crate) async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

impl Provider {
    /// Returns the shared state, to count its owners.
    pub(crate) fn counted(&self) -> &Arc<Mutex<State>> {
        &self.0
    }
}
