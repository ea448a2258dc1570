//! The issuer: claims in, signed token out.

use std::{fmt, sync::Arc};

use serde::Serialize;

use super::{
    builder::IssuerBuilder,
    jti::TokenId,
    signing_keys::SigningKeys,
    token::{Cause, IssueError, IssuedToken},
};
use crate::{
    claims::{ClaimSlot, LAST_SECOND, Realm, SessionId},
    clock::Clock,
    error::ConfigError,
    issue::inspect::{ClaimSummary, summary},
    jose::base64url,
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
pub struct Issuer(Arc<IssuerSettings>);

/// What an issuer writes into its tokens, checked by the builder. Times in seconds.
pub(super) struct IssuerSettings {
    pub(super) name: String,
    pub(super) audiences: Vec<String>,
    /// The claim as a member of an object, and the comma behind it.
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) keys: SigningKeys,
    pub(super) ttl: i64,
    pub(super) max_ttl: i64,
    pub(super) token_type: String,
    pub(super) leeway: i64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) verifier: Verifier,
}

impl Issuer {
    /// Starts an issuer called `name` (its `iss`), that signs with `keys`: a
    /// [`SigningKey`](crate::SigningKey) or a ring of [`SigningKeys`].
    pub fn builder(name: impl Into<String>, keys: impl Into<SigningKeys>) -> IssuerBuilder {
        IssuerBuilder::new(name.into(), keys.into())
    }

    pub(super) fn new(settings: IssuerSettings) -> Self {
        Self(Arc::new(settings))
    }

    /// Issues a token with these claims, a type that serialises as a JSON object.
    ///
    /// The claims may set `exp` (within the maximum), `aud` and `nbf` themselves. They may not set
    /// `iss`, `iat` or `jti`, nor `cnf`: tokens that are bound to a key (RFC 7800) cannot be issued yet,
    /// and verifiers refuse them. A token of more than 8 KiB is not issued: verifiers refuse it, and
    /// so do many servers and browsers.
    ///
    /// # Errors
    ///
    /// [`IssueError`] when the claims are no object, break a rule above, or signing fails.
    pub fn issue<C: Serialize + ?Sized>(&self, claims: &C) -> Result<IssuedToken, IssueError> {
        let (json, given) = summary::write(claims)?;
        let given = match given {
            Some(given) => given,
            None => ClaimSummary::from(&summary::read(&json)?.1),
        };
        self.sign(json, given)
    }

    /// Issues an access token of a session: with its subject and its name (`sid`, OpenID Connect
    /// Front-Channel Logout section 3), for the usual lifetime, but not beyond `session_end` (seconds
    /// since 1970). A `realm` is written into its [claim](Realm::CLAIM).
    pub(crate) fn issue_for<C: Serialize + ?Sized>(
        &self,
        claims: &C,
        subject: &str,
        session: &SessionId,
        session_end: i64,
        realm: Option<&Realm>,
    ) -> Result<IssuedToken, IssueError> {
        #[derive(Serialize)]
        struct OfSession<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            sub: Option<&'a str>,
            sid: &'a SessionId,
            #[serde(skip_serializing_if = "Option::is_none")]
            session_realm: Option<&'a Realm>,
            exp: i64,
        }
        let (mut json, _) = summary::write(claims)?;
        let (own, claims, has_realm) = summary::read_of_session(&json)?;
        if claims.has(ClaimSlot::EXPIRES_AT) || claims.has(ClaimSlot::SESSION_ID) || has_realm {
            return Err(IssueError(Cause::SessionClaim));
        }
        let own_subject = claims.text(ClaimSlot::SUBJECT, own);
        if own_subject.is_some_and(|own_sub| own_sub != subject) {
            return Err(IssueError(Cause::OtherSubject));
        }
        let usual = self.0.clock.now().saturating_add(self.0.ttl);
        let expires_at = usual.min(session_end);
        let of_session = OfSession {
            sub: own_subject.is_none().then_some(subject),
            sid: session,
            session_realm: realm,
            exp: expires_at,
        };
        let given = ClaimSummary {
            expires_at: Some(expires_at),
            ..ClaimSummary::from(&claims)
        };
        open(&mut json);
        let before = json.len();
        serde_json::to_writer(&mut json, &of_session)
            .map_err(|_| IssueError(Cause::NotAnObject))?;
        // Its members are there now, and its opening brace is too many.
        json.remove(before);
        self.sign(json, given)
    }

    /// The `iss` of its tokens.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
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

    /// Signs these claims and the issuer's own. `payload` is the text of a JSON object.
    fn sign(&self, mut payload: Vec<u8>, given: ClaimSummary) -> Result<IssuedToken, IssueError> {
        let settings = &*self.0;
        if given.is_reserved {
            return Err(IssueError(Cause::ReservedClaim));
        }
        if given.is_bound {
            return Err(IssueError(Cause::Bound));
        }
        let now = settings.clock.now();
        let latest = now.saturating_add(settings.max_ttl).min(LAST_SECOND);
        let expires_at = given
            .expires_at
            .unwrap_or_else(|| now.saturating_add(settings.ttl));
        if expires_at <= now || expires_at > latest {
            return Err(IssueError(Cause::Lifetime));
        }
        let is_for_nobody = given.audiences == Some(0);
        if is_for_nobody || given.not_before.is_some_and(|nbf| nbf >= expires_at) {
            return Err(IssueError(Cause::NeverValid));
        }
        let id = TokenId::random(now).map_err(|_| IssueError(Cause::Signing))?;

        open(&mut payload);
        payload.extend_from_slice(settings.iss.as_bytes());
        if given.audiences.is_none() {
            payload.extend_from_slice(settings.aud.as_bytes());
        }
        if given.expires_at.is_none() {
            payload.extend_from_slice(b"\"exp\":");
            push_number(&mut payload, expires_at);
            payload.push(b',');
        }
        payload.extend_from_slice(b"\"iat\":");
        push_number(&mut payload, now);
        payload.extend_from_slice(b",\"jti\":\"");
        payload.extend_from_slice(id.as_bytes());
        payload.extend_from_slice(b"\"}");

        let ring = settings.keys.now();
        let key = ring.active();
        let header = ring
            .header(&settings.token_type)
            .ok_or(IssueError(Cause::Signing))?;
        let lengths = [payload.len(), key.signature_length()].map(base64url::encoded_length);
        let length = header.len() + lengths[0] + 1 + lengths[1];
        if length > VerifierBuilder::DEFAULT_MAX_TOKEN_BYTES {
            return Err(IssueError(Cause::TooLarge));
        }
        let mut token = Vec::with_capacity(length);
        token.extend_from_slice(header.as_bytes());
        base64url::encode_onto(&payload, &mut token);
        // The payload is in the token: what held it now takes the signature.
        let mut signature = payload;
        signature.clear();
        key.sign(&token, &mut signature)
            .map_err(|_| IssueError(Cause::Signing))?;
        token.push(b'.');
        base64url::encode_onto(&signature, &mut token);
        // Base64url and dots are ASCII.
        let token = String::from_utf8(token).map_err(|_| IssueError(Cause::Signing))?;
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

/// Takes the closing brace from the text of an object, so that a member may follow.
fn open(json: &mut Vec<u8>) {
    json.truncate(json.trim_ascii_end().len());
    json.pop();
    json.truncate(json.trim_ascii_end().len());
    if json.last() != Some(&b'{') {
        json.push(b',');
    }
}

fn push_number(json: &mut Vec<u8>, number: i64) {
    // Writing a number to memory cannot fail.
    let _ = serde_json::to_writer(json, &number);
}
