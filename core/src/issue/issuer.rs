//! The issuer: claims in, signed token out.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::{
    claims::{Registered, Wanted},
    clock::Clock,
    config_error::ConfigError,
    issue::{IssueError, IssuedToken, IssuerBuilder, SigningKeys, issued::Cause},
    jose::{SigningKey, base64url, crypto},
    session::SessionId,
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
pub struct Issuer(Arc<Settings>);

/// What an issuer writes into its tokens, checked by the builder. Times in seconds.
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) audiences: Vec<String>,
    pub(super) keys: SigningKeys,
    pub(super) ttl: i64,
    pub(super) max_ttl: i64,
    pub(super) token_type: String,
    pub(super) leeway: i64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) verifier: Verifier,
}

impl Issuer {
    /// Starts an issuer called `name` (its `iss`), that signs with `keys`: a [`SigningKey`] or a
    /// ring of [`SigningKeys`].
    pub fn builder(name: impl Into<String>, keys: impl Into<SigningKeys>) -> IssuerBuilder {
        IssuerBuilder::new(name.into(), keys.into())
    }

    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }

    /// Issues a token with these claims, a type that serialises as a JSON object.
    ///
    /// The claims may set `exp` (within the maximum), `aud` and `nbf` themselves. They may not set
    /// `iss`, `iat` or `jti`. A token of more than 8 KiB is not issued: verifiers refuse it, and so
    /// do many servers and browsers.
    ///
    /// # Errors
    ///
    /// [`IssueError`] when the claims are no object, break a rule above, or signing fails.
    pub fn issue<C: Serialize + ?Sized>(&self, claims: &C) -> Result<IssuedToken, IssueError> {
        let own = serde_json::to_string(claims).map_err(|_| IssueError(Cause::NotAnObject))?;
        self.sign(&own)
    }

    /// Issues an access token of a session: with its subject and its name (`sid`, OpenID Connect
    /// Front-Channel Logout section 3), for the usual lifetime, but not beyond `session_end` (seconds
    /// since 1970).
    pub(crate) fn issue_for<C: Serialize + ?Sized>(
        &self,
        claims: &C,
        subject: &str,
        session: &SessionId,
        session_end: i64,
    ) -> Result<IssuedToken, IssueError> {
        #[derive(Serialize)]
        struct OfSession<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            sub: Option<&'a str>,
            sid: &'a SessionId,
            exp: i64,
        }
        let own = serde_json::to_string(claims).map_err(|_| IssueError(Cause::NotAnObject))?;
        let given = Registered::parse(&own, &Wanted::NOTHING)
            .map_err(|_| IssueError(Cause::NotAnObject))?;
        if given.expires_at.is_some() || given.session_id.is_some() {
            return Err(IssueError(Cause::SessionClaim));
        }
        let own_subject = given.subject.as_ref().map(|own_sub| own_sub.get(&own));
        if own_subject.is_some_and(|own_sub| own_sub != subject) {
            return Err(IssueError(Cause::OtherSubject));
        }
        let usual = self.0.clock.now().saturating_add(self.0.ttl);
        let of_session = to_json(&OfSession {
            sub: own_subject.is_none().then_some(subject),
            sid: session,
            exp: usual.min(session_end),
        });
        self.sign(&joined(of_session, &own))
    }

    /// How long a token lives unless its claims say otherwise, in seconds.
    pub(crate) fn ttl(&self) -> i64 {
        self.0.ttl
    }

    /// How long a token lives at most, in seconds.
    pub(crate) fn max_ttl(&self) -> i64 {
        self.0.max_ttl
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
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
        self.0.keys.prune(self.0.clock.now());
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
            .saturating_add(self.0.leeway);
        self.0.keys.rotate(last)
    }

    fn sign(&self, own: &str) -> Result<IssuedToken, IssueError> {
        let settings = &*self.0;
        let given =
            Registered::parse(own, &Wanted::NOTHING).map_err(|_| IssueError(Cause::NotAnObject))?;
        if given.issuer.is_some() || given.issued_at.is_some() || given.id.is_some() {
            return Err(IssueError(Cause::ReservedClaim));
        }
        let now = settings.clock.now();
        let latest = now.saturating_add(settings.max_ttl);
        let expires_at = given
            .expires_at
            .unwrap_or_else(|| now.saturating_add(settings.ttl));
        if expires_at <= now || expires_at > latest {
            return Err(IssueError(Cause::Lifetime));
        }
        let for_nobody = given
            .audience
            .as_ref()
            .is_some_and(|aud| aud.as_slice().is_empty());
        if for_nobody || given.not_before.is_some_and(|nbf| nbf >= expires_at) {
            return Err(IssueError(Cause::NeverValid));
        }
        let id = random_id()?;
        let key = settings.keys.active();

        let mut token = String::with_capacity(512 + own.len() * 2);
        base64url::encode_into(header(&key, &settings.token_type).as_bytes(), &mut token);
        token.push('.');
        let audience = given
            .audience
            .is_none()
            .then_some(settings.audiences.as_slice());
        let expiry = given.expires_at.is_none().then_some(expires_at);
        let payload = payload(&settings.name, audience, now, expiry, &id, own);
        base64url::encode_into(payload.as_bytes(), &mut token);

        let mut signature = Vec::with_capacity(512);
        key.sign(token.as_bytes(), &mut signature)
            .map_err(|_| IssueError(Cause::Signing))?;
        token.push('.');
        base64url::encode_into(&signature, &mut token);
        if token.len() > VerifierBuilder::DEFAULT_MAX_TOKEN_BYTES {
            return Err(IssueError(Cause::TooLarge));
        }
        Ok(IssuedToken::new(token, id, now, expires_at))
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
    let first = to_json(&Claims {
        iss: issuer,
        aud,
        iat: now,
        exp: expires_at,
        jti: id,
    });
    joined(first, own)
}

/// The members of both objects in one. `json` has at least one member.
fn joined(mut json: String, own: &str) -> String {
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
