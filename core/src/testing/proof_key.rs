//! A client that makes good and bad proofs in one line.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::{Map, Value, json};

use super::{FixedClock, sign_raw};
use crate::{
    clock::Clock,
    jose::{Algorithm, SigningKey, Thumbprint},
};

/// The key of a client, for tests: its DPoP proofs (RFC 9449) are good, unless you ask for a bad one.
///
/// # Examples
///
/// ```
/// use countersign::{
///     Authenticator,
///     adapter::RequestHead,
///     proof::{Dpop, MemoryReplayStore},
///     testing::{ProofKey, TestIssuer},
/// };
///
/// let issuer = TestIssuer::new();
/// let client = ProofKey::new(issuer.clock());
/// let token = issuer.token().claim("cnf", client.cnf()).sign();
/// let proof = client.proof("GET", "https://api.test/orders").token(&token).sign();
/// // GET /orders
/// // Authorization: DPoP {token}
/// // DPoP: {proof}
/// # assert_eq!(proof.split('.').count(), 3);
/// ```
#[derive(Clone)]
pub struct ProofKey {
    key: SigningKey,
    clock: FixedClock,
}

impl ProofKey {
    /// Makes a client with a fresh ES256 key, and with this clock.
    #[must_use]
    pub fn new(clock: &FixedClock) -> Self {
        Self::with_algorithm(Algorithm::ES256, clock)
    }

    /// Makes a client with a fresh key for this algorithm.
    ///
    /// # Panics
    ///
    /// When no key can be generated: the system has no randomness.
    #[must_use]
    pub fn with_algorithm(algorithm: Algorithm, clock: &FixedClock) -> Self {
        let key = SigningKey::generate(algorithm);
        Self::from_key(key.expect("randomness"), clock)
    }

    /// Takes a key that there is already.
    #[must_use]
    pub fn from_key(key: SigningKey, clock: &FixedClock) -> Self {
        Self {
            key,
            clock: clock.clone(),
        }
    }

    /// Returns the thumbprint of the key (`jkt`).
    ///
    /// # Panics
    ///
    /// When the key is a secret.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        let key = self.key.verifying_key();
        let thumbprint = key.thumbprint().and_then(Thumbprint::parse);
        thumbprint.expect("a key pair")
    }

    /// Returns the claim `cnf` of tokens that are bound to the key.
    #[must_use]
    pub fn cnf(&self) -> Value {
        json!({ "jkt": self.thumbprint().to_string() })
    }

    /// Returns the public key as a JWK, as proofs carry it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let jwk = self.key.verifying_key().to_jwk().unwrap_or_default();
        let mut jwk: Map<String, Value> = serde_json::from_str(&jwk).unwrap_or_default();
        for own in ["alg", "kid", "use"] {
            jwk.remove(own);
        }
        jwk.into()
    }

    /// Starts a proof for a request with this method to this URL, made now, with a `jti` of its own.
    pub fn proof(&self, method: &str, url: &str) -> TestProof<'_> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let id = format!("proof-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let claims = json!({ "jti": id, "htm": method, "htu": url, "iat": self.clock.now() });
        let header = json!({
            "typ": "dpop+jwt", "alg": self.key.algorithm().name(), "jwk": self.jwk()
        });
        TestProof {
            client: self,
            header: as_map(header),
            claims: as_map(claims),
        }
    }
}

/// The key is not shown.
impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofKey").finish_non_exhaustive()
    }
}

/// A proof to come. Made by [`ProofKey::proof`].
///
/// # Examples
///
/// ```
/// use countersign::testing::{FixedClock, ProofKey};
///
/// let client = ProofKey::new(&FixedClock::at(1_800_000_000));
/// let proof = client.proof("POST", "https://api.test/").without("jti").header("typ", "jwt").sign();
/// assert_eq!(proof.split('.').count(), 3);
/// ```
#[must_use = "a proof is made by `sign`"]
#[derive(Clone, Debug)]
pub struct TestProof<'c> {
    client: &'c ProofKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl TestProof<'_> {
    /// Makes it for this access token: the claim `ath`.
    pub fn token(self, token: &str) -> Self {
        let hash = Thumbprint::of(token.as_bytes()).to_string();
        self.claim("ath", hash)
    }

    /// Adds the nonce of a server.
    pub fn nonce(self, nonce: &str) -> Self {
        self.claim("nonce", nonce)
    }

    /// Sets a claim to any value.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim, or a parameter of the header, out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self.header.remove(name);
        self
    }

    /// Sets a parameter of the header to any value.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Signs it with the key of the client.
    #[must_use]
    pub fn sign(self) -> String {
        let key = self.client.key.clone();
        self.signed_by(&key)
    }

    /// Signs it with another key than the one that it carries.
    #[must_use]
    pub fn signed_by(self, key: &SigningKey) -> String {
        let header = Value::from(self.header).to_string();
        sign_raw(
            key,
            &header,
            Value::from(self.claims).to_string().as_bytes(),
        )
    }
}

fn as_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
