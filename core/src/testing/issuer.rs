//! An issuer that makes good and bad tokens in one line.

use std::fmt;

use serde_json::{Map, Value, json};

use super::clock::FixedClock;
use crate::{
    clock::Clock,
    jose::{Algorithm, SigningKey, base64url},
    verify::{Verifier, VerifierBuilder},
};

/// An issuer for tests: its tokens pass its own verifier, unless you ask for a bad one.
///
/// Its clock stands still, so a test never depends on the time of day.
///
/// # Examples
///
/// ```
/// use countersign::testing::TestIssuer;
///
/// let issuer = TestIssuer::new();
/// let verifier = issuer.verifier();
///
/// assert!(verifier.verify_now(&issuer.token().scope("read").sign()).is_ok());
///
/// let reason = |token: String| verifier.verify_now(&token).unwrap_err().reason();
/// assert_eq!(reason(issuer.token().expired().sign()), "expired");
/// assert_eq!(reason(issuer.token().not_yet_valid().sign()), "not_yet_valid");
/// assert_eq!(reason(issuer.token().audience("shop").sign()), "wrong_audience");
/// assert_eq!(reason(issuer.token().by_a_stranger()), "bad_signature");
/// assert_eq!(reason(issuer.token().unsigned()), "wrong_algorithm");
/// ```
#[derive(Clone)]
pub struct TestIssuer {
    key: SigningKey,
    stranger: SigningKey,
    clock: FixedClock,
}

impl TestIssuer {
    /// The `iss` of its tokens.
    pub const ISSUER: &'static str = "https://issuer.test";
    /// The `aud` of its tokens.
    pub const AUDIENCE: &'static str = "https://api.test";

    /// Creates an issuer with a fresh ES256 key.
    #[must_use]
    pub fn new() -> Self {
        Self::with_algorithm(Algorithm::ES256)
    }

    /// Creates an issuer with a fresh key for this algorithm.
    ///
    /// # Panics
    ///
    /// When no key can be generated: the system has no randomness.
    #[must_use]
    pub fn with_algorithm(algorithm: Algorithm) -> Self {
        // A test cannot go on without keys, so stopping here is the clearest failure.
        let generate = || SigningKey::generate(algorithm).expect("a key can be generated");
        let key = generate();
        let stranger = generate().with_id(key.id());
        Self {
            key,
            stranger,
            clock: FixedClock::default(),
        }
    }

    /// Returns a verifier for its tokens, with the issuer's clock.
    ///
    /// # Panics
    ///
    /// Never: the settings are complete.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        // Issuer, audience and key are all set.
        self.verifier_builder().build().expect("complete settings")
    }

    /// Returns the settings of [`verifier`](Self::verifier), to add to.
    pub fn verifier_builder(&self) -> VerifierBuilder {
        Verifier::builder(&self.key)
            .issuer(Self::ISSUER)
            .audience(Self::AUDIENCE)
            .clock(self.clock.clone())
    }

    /// Returns the clock of its tokens and verifiers.
    #[must_use]
    pub fn clock(&self) -> &FixedClock {
        &self.clock
    }

    /// Returns the key that signs.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Starts a good token, to be changed and signed: subject `user-1`, valid for five minutes.
    pub fn token(&self) -> TestToken<'_> {
        let now = self.clock.now();
        let claims = json!({
            "iss": Self::ISSUER,
            "aud": Self::AUDIENCE,
            "sub": "user-1",
            "iat": now,
            "exp": now + 300,
            "jti": "token-1",
        });
        TestToken {
            issuer: self,
            header: json_object(json!({ "typ": "JWT" })),
            claims: json_object(claims),
        }
    }
}

impl Default for TestIssuer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer").finish_non_exhaustive()
    }
}

/// A token in the making, started by [`TestIssuer::token`].
#[must_use = "nothing is signed yet"]
#[derive(Clone, Debug)]
pub struct TestToken<'i> {
    issuer: &'i TestIssuer,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl TestToken<'_> {
    /// Sets `sub`.
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// Sets `scope`: one scope or several, separated by spaces.
    pub fn scope(self, scopes: &str) -> Self {
        self.claim("scope", scopes)
    }

    /// Sets `role`.
    pub fn role(self, role: &str) -> Self {
        self.claim("role", role)
    }

    /// Sets `aud`.
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// Sets `iss`.
    pub fn issuer(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }

    /// Sets any claim, even to a value of the wrong type.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    ///
    /// # Panics
    ///
    /// When the token has no such claim: the test would not test what it claims to.
    pub fn without(mut self, name: &str) -> Self {
        let removed = self.claims.remove(name);
        assert!(removed.is_some(), "the token has no claim {name:?}");
        self
    }

    /// Sets a header member, for example `typ`.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Makes the token expire an hour ago.
    pub fn expired(self) -> Self {
        let now = self.issuer.clock.now();
        self.claim("iat", now - 7_200).claim("exp", now - 3_600)
    }

    /// Makes the token valid in an hour.
    pub fn not_yet_valid(self) -> Self {
        let now = self.issuer.clock.now();
        self.claim("nbf", now + 3_600).claim("exp", now + 7_200)
    }

    /// Signs the token with the issuer's key.
    #[must_use]
    pub fn sign(self) -> String {
        let key = &self.issuer.key;
        self.signed_by(key)
    }

    /// Signs the token with another key, under the issuer's key identifier.
    #[must_use]
    pub fn by_a_stranger(self) -> String {
        let key = &self.issuer.stranger;
        self.signed_by(key)
    }

    /// Leaves the token unsigned: `alg` is `none`, the signature some bytes.
    #[must_use]
    pub fn unsigned(self) -> String {
        let unsigned = self.header("alg", "none").encode();
        format!("{unsigned}.AAAA")
    }

    /// Signs the token with a key of your own.
    ///
    /// # Panics
    ///
    /// When the key cannot sign: the system has no randomness.
    #[must_use]
    pub fn signed_by(mut self, key: &SigningKey) -> String {
        let alg = key.algorithm().name();
        self.header.entry("alg").or_insert_with(|| alg.into());
        self.header.entry("kid").or_insert_with(|| key.id().into());
        append_signature(key, self.encode())
    }

    fn encode(&self) -> String {
        let mut token = String::new();
        base64url::encode_into(json!(self.header).to_string().as_bytes(), &mut token);
        token.push('.');
        base64url::encode_into(json!(self.claims).to_string().as_bytes(), &mut token);
        token
    }
}

fn json_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Signs any bytes under any header text: for tokens that no issuer would make.
///
/// # Panics
///
/// When the key cannot sign: the system has no randomness.
#[must_use]
pub fn sign_raw(key: &SigningKey, header: &str, payload: &[u8]) -> String {
    let mut token = String::new();
    base64url::encode_into(header.as_bytes(), &mut token);
    token.push('.');
    base64url::encode_into(payload, &mut token);
    append_signature(key, token)
}

/// Signs any bytes under any header text, as an AWS load balancer does: each part is base64url with padding, also in what is signed.
///
/// # Panics
///
/// As [`sign_raw`].
#[must_use]
pub fn sign_padded(key: &SigningKey, header: &str, payload: &[u8]) -> String {
    let padded = |bytes: &[u8]| {
        let mut text = base64url::encode(bytes);
        text.extend(std::iter::repeat_n('=', (4 - text.len() % 4) % 4));
        text
    };
    let signed = format!("{}.{}", padded(header.as_bytes()), padded(payload));
    let mut signature = Vec::new();
    // A test cannot go on without a signature.
    key.sign(signed.as_bytes(), &mut signature)
        .expect("the key can sign");
    format!("{signed}.{}", padded(&signature))
}

fn append_signature(key: &SigningKey, mut token: String) -> String {
    let mut signature = Vec::new();
    // A test cannot go on without a signature.
    key.sign(token.as_bytes(), &mut signature)
        .expect("the key can sign");
    token.push('.');
    base64url::encode_into(&signature, &mut token);
    token
}
