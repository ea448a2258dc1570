//! The issuer: claims in, signed token out.

use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;

use crate::{
    claims::Registered,
    clock::{Clock, SystemClock},
    config_error::ConfigError,
    issue::SigningKeys,
    jose::{SigningKey, base64url, crypto},
    verify::{Verifier, VerifierBuilder},
};

/// Issues signed tokens.
///
/// Each token has `iss`, `aud`, `iat`, `exp` and a random `jti`, beside the app's own claims. A
/// token without expiry, or one that lives longer than the maximum, is never issued.
///
/// # Examples
///
/// ```
/// use countersign::{Issuer, SigningKey};
///
/// #[derive(serde::Serialize)]
/// struct User<'a> {
///     sub: &'a str,
///     role: &'a str,
/// }
///
/// let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
///     .audience("orders")
///     .build()?;
/// let token = issuer.issue(&User { sub: "ada", role: "admin" })?;
///
/// let verified = issuer.verifier().verify_now(token.as_str())?;
/// assert_eq!(verified.subject(), Some("ada"));
/// assert_eq!(verified.id(), Some(token.id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    name: String,
    audiences: Vec<String>,
    keys: SigningKeys,
    ttl: i64,
    max_ttl: i64,
    token_type: String,
    leeway: Duration,
    clock: Arc<dyn Clock>,
    verifier: Verifier,
}

/// Builds an [`Issuer`]. Made by [`Issuer::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct IssuerBuilder {
    name: String,
    audiences: Vec<String>,
    keys: SigningKeys,
    ttl: Duration,
    max_ttl: Duration,
    token_type: String,
    leeway: Duration,
    clock: Arc<dyn Clock>,
}

impl Issuer {
    /// Starts an issuer called `name` (its `iss`), that signs with `keys`: a [`SigningKey`] or a
    /// ring of [`SigningKeys`].
    pub fn builder(name: impl Into<String>, keys: impl Into<SigningKeys>) -> IssuerBuilder {
        IssuerBuilder {
            name: name.into(),
            audiences: Vec::new(),
            keys: keys.into(),
            ttl: IssuerBuilder::DEFAULT_TTL,
            max_ttl: IssuerBuilder::DEFAULT_MAX_TTL,
            token_type: "JWT".to_owned(),
            leeway: VerifierBuilder::DEFAULT_LEEWAY,
            clock: Arc::new(SystemClock),
        }
    }

    /// Issues a token with these claims, a type that serialises as a JSON object.
    ///
    /// The claims may set `exp` (within the maximum), `aud` and `nbf` themselves. They may not set
    /// `iss`, `iat` or `jti`.
    ///
    /// # Errors
    ///
    /// [`IssueError`] when the claims are no object, break a rule above, or signing fails.
    pub fn issue<C: Serialize + ?Sized>(&self, claims: &C) -> Result<IssuedToken, IssueError> {
        let own = serde_json::to_string(claims).map_err(|_| IssueError(Cause::NotAnObject))?;
        self.sign(&own)
    }

    /// A verifier for the tokens of this issuer. It sees key rotations at once.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.0.verifier.clone()
    }

    /// The signing keys, for rotation.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.0.keys
    }

    /// The JWK set to publish at `/.well-known/jwks.json`: public keys, never an HMAC key.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.0.keys.jwks()
    }

    /// Lets the published next key sign, and keeps the old one until its last token has expired.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when no next key was published.
    pub fn rotate(&self) -> Result<(), ConfigError> {
        let now = self.0.clock.now();
        self.0.keys.prune(now);
        let last = now
            .saturating_add(self.0.max_ttl)
            .saturating_add(whole_seconds(self.0.leeway));
        self.0.keys.rotate(last)
    }

    fn sign(&self, own: &str) -> Result<IssuedToken, IssueError> {
        let inner = &*self.0;
        let given = Registered::parse(own, &[]).map_err(|_| IssueError(Cause::NotAnObject))?;
        if given.issuer.is_some() || given.issued_at.is_some() || given.id.is_some() {
            return Err(IssueError(Cause::ReservedClaim));
        }
        let now = inner.clock.now();
        let latest = now.saturating_add(inner.max_ttl);
        let expires_at = given
            .expires_at
            .unwrap_or_else(|| now.saturating_add(inner.ttl));
        if !(now + 1..=latest).contains(&expires_at) {
            return Err(IssueError(Cause::Lifetime));
        }
        let id = random_id()?;
        let key = inner.keys.active();

        let mut token = String::with_capacity(512 + own.len() * 2);
        base64url::encode_into(header(&key, &inner.token_type).as_bytes(), &mut token);
        token.push('.');
        let audience = given
            .audience
            .is_none()
            .then_some(inner.audiences.as_slice());
        let expiry = given.expires_at.is_none().then_some(expires_at);
        let payload = payload(&inner.name, audience, now, expiry, &id, own);
        base64url::encode_into(payload.as_bytes(), &mut token);

        let mut signature = Vec::with_capacity(512);
        key.sign(token.as_bytes(), &mut signature)
            .map_err(|_| IssueError(Cause::Signing))?;
        token.push('.');
        base64url::encode_into(&signature, &mut token);
        Ok(IssuedToken {
            token,
            id,
            issued_at: now,
            expires_at,
        })
    }
}

impl IssuerBuilder {
    /// The default lifetime of a token: 15 minutes.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(900);
    /// The default maximum lifetime: 24 hours.
    pub const DEFAULT_MAX_TTL: Duration = Duration::from_secs(86_400);

    /// Who the tokens are for (`aud`). Said again, it adds one. At least one is needed.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// How long a token lives, in whole seconds. Default 15 minutes.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The longest life that claims may ask for with their own `exp`. Default 24 hours.
    pub fn max_ttl(mut self, ttl: Duration) -> Self {
        self.max_ttl = ttl;
        self
    }

    /// The type in the header (`typ`). Default `JWT`; `at+jwt` marks an OAuth access token (RFC
    /// 9068 section 2.1).
    pub fn token_type(mut self, typ: impl Into<String>) -> Self {
        self.token_type = typ.into();
        self
    }

    /// The leeway of [`Issuer::verifier`]. Default 30 seconds.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The clock. Default [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks the settings and makes the issuer.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the audience or the name is missing, or the lifetime is zero or over
    /// the maximum.
    pub fn build(self) -> Result<Issuer, ConfigError> {
        let setting = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
        if self.name.is_empty() {
            return Err(ConfigError::Missing("the issuer needs a name".into()));
        }
        if self.audiences.is_empty() {
            return Err(ConfigError::Missing(
                "say whom tokens are for with `.audience(..)`".into(),
            ));
        }
        if self.ttl.as_secs() == 0 {
            return setting("the lifetime of a token is less than one second");
        }
        if self.ttl > self.max_ttl {
            return setting("the lifetime of a token is over the maximum, `max_ttl`");
        }
        if self.max_ttl > VerifierBuilder::DEFAULT_MAX_LIFETIME {
            return setting("`max_ttl` is more than 5 years");
        }
        let verifier = self
            .audiences
            .iter()
            .fold(
                Verifier::builder(self.keys.clone()),
                VerifierBuilder::audience,
            )
            .issuer(&self.name)
            .token_type(&self.token_type)
            .leeway(self.leeway)
            .max_lifetime(self.max_ttl)
            .clock(Arc::clone(&self.clock))
            .build()?;
        Ok(Issuer(Arc::new(Inner {
            name: self.name,
            audiences: self.audiences,
            keys: self.keys,
            ttl: whole_seconds(self.ttl),
            max_ttl: whole_seconds(self.max_ttl),
            token_type: self.token_type,
            leeway: self.leeway,
            clock: self.clock,
            verifier,
        })))
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.0.name)
            .field("audiences", &self.0.audiences)
            .field("keys", &self.0.keys)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerBuilder")
            .field("name", &self.name)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// A token that was just issued. `Debug` does not show it.
#[derive(Clone)]
pub struct IssuedToken {
    token: String,
    id: String,
    issued_at: i64,
    expires_at: i64,
}

impl IssuedToken {
    /// The token's text, for the client.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.token
    }

    /// The token's text, for the client.
    #[must_use]
    pub fn into_string(self) -> String {
        self.token
    }

    /// Its identifier (`jti`): 128 random bits in base64url.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it expires, in seconds since 1970.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// How long it lives, in seconds: the `expires_in` of RFC 6749 section 5.1.
    #[must_use]
    pub fn expires_in(&self) -> i64 {
        self.expires_at - self.issued_at
    }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken")
            .field("id", &self.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why a token was not issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IssueError(Cause);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Cause {
    #[error("the lifetime is not between one second and the maximum")]
    Lifetime,
    #[error("the claims are not one JSON object with well-formed registered claims")]
    NotAnObject,
    #[error("the claims set `iss`, `iat` or `jti`, which the issuer sets")]
    ReservedClaim,
    #[error("the key could not sign")]
    Signing,
}

fn header(key: &SigningKey, token_type: &str) -> String {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: &'a str,
        typ: &'a str,
        kid: &'a str,
    }
    to_json(&Header {
        alg: key.algorithm().name(),
        typ: token_type,
        kid: key.id(),
    })
}

/// The issuer's claims, then the app's own. `own` is the text of a JSON object without duplicates
/// of the first.
fn payload(
    issuer: &str,
    audiences: Option<&[String]>,
    now: i64,
    expires_at: Option<i64>,
    id: &str,
    own: &str,
) -> String {
    #[derive(Serialize)]
    struct Claims<'a> {
        iss: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        aud: Option<Audiences<'a>>,
        iat: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        exp: Option<i64>,
        jti: &'a str,
    }
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Audiences<'a> {
        One(&'a str),
        Many(&'a [String]),
    }
    let aud = audiences.map(|audiences| match audiences {
        [one] => Audiences::One(one),
        many => Audiences::Many(many),
    });
    let mut json = to_json(&Claims {
        iss: issuer,
        aud,
        iat: now,
        exp: expires_at,
        jti: id,
    });
    let members = own
        .trim()
        .strip_prefix('{')
        .and_then(|own| own.strip_suffix('}'));
    if let Some(members) = members.filter(|members| !members.trim().is_empty()) {
        json.pop();
        json.push(',');
        json.push_str(members);
        json.push('}');
    }
    json
}

fn to_json(value: &impl Serialize) -> String {
    // Writing texts and numbers to memory cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

fn random_id() -> Result<String, IssueError> {
    let mut bytes = [0; 16];
    crypto::random(&mut bytes).map_err(|_| IssueError(Cause::Signing))?;
    let mut id = String::with_capacity(22);
    base64url::encode_into(bytes, &mut id);
    Ok(id)
}

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
