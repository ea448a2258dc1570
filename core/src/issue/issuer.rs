//! The issuer of signed tokens.

use std::{fmt, future::Future, sync::Arc};

use serde::Serialize;

use super::{
    builder::IssuerBuilder,
    draft::{Draft, Unsigned},
    jti::{Id, TokenId},
    numeric_subject,
    own_claims::OwnClaims,
    signing_keys::SigningKeys,
    token::{Cause, IssueError, IssuedToken},
};
#[cfg(feature = "proof")]
use crate::claims::Confirmation;
use crate::{
    claims::{Actor, ClaimSlot, ClaimSpec, LAST_SECOND, Tolerance},
    clock::Clock,
    error::ConfigError,
    issue::inspect::{ClaimSummary, summary},
    jose::base64url,
    verify::{Verifier, VerifierBuilder},
};

/// Issues signed tokens.
///
/// Each token has `iss`, `aud` (unless [waived](IssuerBuilder::without_audience)), `iat`, `exp` and a random `jti`, beside the
/// app's own claims. A token without expiry, or one that lives longer than the maximum, is never issued.
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
pub struct Issuer(pub(super) Arc<IssuerSettings>);

/// The settings of an issuer, checked by the builder. Times in seconds.
pub(super) struct IssuerSettings {
    pub(super) name: String,
    pub(super) audiences: Vec<String>,
    /// The claim as a member of an object, and the comma behind it.
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) numeric_subjects: bool,
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

    /// Issues a token with these claims, a type that serialises as a JSON object.
    ///
    /// The claims may set `exp` (within the maximum), `aud`, `nbf` and `jti` (1 to 255 bytes) themselves. An `iss` must be
    /// the issuer's name, and an `iat` differ from now by no more than the leeway: now is written. They may not set `act`,
    /// which [`issue_on_behalf`](Self::issue_on_behalf) writes, nor `cnf`:
    /// tokens that are bound to a key (RFC 7800) cannot be issued yet, and verifiers refuse them. A token of
    /// more than 8 KiB is not issued: verifiers refuse it, and so do many servers and browsers.
    ///
    /// # Errors
    ///
    /// [`IssueError`] when the claims are no object, break a rule above (it names the member), or signing fails; always
    /// when the key that signs is kept elsewhere (feature `signer`): then use [`issue_async`](Self::issue_async).
    pub fn issue<C: Serialize + ?Sized>(&self, claims: &C) -> Result<IssuedToken, IssueError> {
        self.draft(claims)?.into_signed()
    }

    /// Issues a token as [`issue`](Self::issue) does, with a key of either kind: it waits for one in a KMS or an HSM, and is
    /// ready at once with any other.
    ///
    /// The claims are read, and the key and the times are chosen, when this is called. A token that the ring's next
    /// key would sign by the time of the signature is signed by the one that its header names.
    ///
    /// # Errors
    ///
    /// [`IssueError`] as for `issue`. [`IssueError::is_unavailable`] tells an outage of the service that signs.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::{Issuer, SigningKey};
    /// # futures_executor::block_on(async {
    /// # let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
    /// #     .audience("orders")
    /// #     .build()?;
    /// let token = issuer.issue_async(&serde_json::json!({ "sub": "ada" })).await?;
    /// assert!(issuer.verifier().verify_now(token.as_str()).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn issue_async<C: Serialize + ?Sized>(
        &self,
        claims: &C,
    ) -> impl Future<Output = Result<IssuedToken, IssueError>> + Send + use<C> {
        let draft = self.draft(claims);
        async move { draft?.finish().await }
    }

    fn draft<C: Serialize + ?Sized>(&self, claims: &C) -> Result<Draft, IssueError> {
        let (mut json, given) = summary::write(claims)?;
        if self.0.numeric_subjects {
            numeric_subject::write_as_number(&mut json)?;
        }
        let given = match given {
            Some(given) => given,
            None => ClaimSummary::from(&summary::read(&json, &self.spec())?.1),
        };
        if given.is_delegated {
            return Err(IssueError(Cause::Delegated));
        }
        self.sign(json, given)
    }

    /// Issues a token with these claims, for `actor` to act for the subject in them: the claim `act` (RFC 8693 section 4.1).
    ///
    /// The claims are as for [`issue`](Self::issue), and need a `sub`. An actor of another issuer, such as one from the
    /// token of somebody else, keeps that issuer as its `iss`.
    ///
    /// # Errors
    ///
    /// [`IssueError`] as for [`issue`](Self::issue); also when the claims have no `sub`, the actor or one of its history has an
    /// empty name, or there are more than [`MAX_CHAIN`](Actor::MAX_CHAIN).
    ///
    /// # Examples
    ///
    /// See [`Actor`].
    pub fn issue_on_behalf<C: Serialize + ?Sized>(
        &self,
        claims: &C,
        actor: &Actor,
    ) -> Result<IssuedToken, IssueError> {
        self.draft_on_behalf(claims, actor)?.into_signed()
    }

    /// Issues a token as [`issue_on_behalf`](Self::issue_on_behalf) does, with a key of either kind: see
    /// [`issue_async`](Self::issue_async).
    ///
    /// # Errors
    ///
    /// As for `issue_on_behalf`. [`IssueError::is_unavailable`] tells an outage of the service that signs.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::{Issuer, SigningKey, claims::Actor};
    /// # futures_executor::block_on(async {
    /// # let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
    /// #     .audience("orders")
    /// #     .build()?;
    /// let claims = serde_json::json!({ "sub": "ada" });
    /// let token = issuer.issue_on_behalf_async(&claims, &Actor::new("agent")).await?;
    /// # drop(token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn issue_on_behalf_async<C: Serialize + ?Sized>(
        &self,
        claims: &C,
        actor: &Actor,
    ) -> impl Future<Output = Result<IssuedToken, IssueError>> + Send + use<C> {
        let draft = self.draft_on_behalf(claims, actor);
        async move { draft?.finish().await }
    }

    fn draft_on_behalf<C: Serialize + ?Sized>(
        &self,
        claims: &C,
        actor: &Actor,
    ) -> Result<Draft, IssueError> {
        let (mut json, _) = summary::write(claims)?;
        if self.0.numeric_subjects {
            numeric_subject::write_as_number(&mut json)?;
        }
        let given = summary::read(&json, &self.spec())?.1;
        if given.has(ClaimSlot::ACTOR) {
            return Err(IssueError(Cause::Delegated));
        }
        if !given.has(ClaimSlot::SUBJECT) {
            return Err(IssueError(Cause::NoSubject));
        }
        let given = ClaimSummary::from(&given);
        let actor = actor
            .claim(&self.0.name)
            .ok_or(IssueError(Cause::BadActor))?;
        open(&mut json);
        json.extend_from_slice(b"\"act\":");
        serde_json::to_writer(&mut json, &actor).map_err(|_| IssueError(Cause::BadActor))?;
        json.push(b'}');
        self.sign(json, given)
    }

    /// Issues a token with these claims that is bound to a key or a certificate of the client: the claim `cnf` (RFC 7800
    /// section 3).
    ///
    /// It is the `DPoP` of `token_type` where it is bound to a key (RFC 9449 section 5). The caller has checked that the client
    /// has it: [`SessionRoutes`](crate::SessionRoutes) do that by themselves. The claims are as for [`issue`](Self::issue).
    ///
    /// # Errors
    ///
    /// [`IssueError`] as for [`issue`](Self::issue).
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Issuer, SigningKey, proof::Confirmation};
    ///
    /// let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
    ///     .audience("orders")
    ///     .build()?;
    /// # let client = SigningKey::generate_es256()?;
    /// # let thumbprint = client.verifying_key().thumbprint().and_then(countersign::proof::Thumbprint::parse).unwrap();
    /// let claims = serde_json::json!({ "sub": "ada" });
    /// let token = issuer.issue_bound(&claims, Confirmation::key(thumbprint))?;
    /// # drop(token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "proof")]
    pub fn issue_bound<C: Serialize + ?Sized>(
        &self,
        claims: &C,
        to: Confirmation,
    ) -> Result<IssuedToken, IssueError> {
        self.draft_bound(claims, to)?.into_signed()
    }

    /// Issues a token as [`issue_bound`](Self::issue_bound) does, with a key of either kind: see
    /// [`issue_async`](Self::issue_async).
    ///
    /// # Errors
    ///
    /// As for `issue_bound`. [`IssueError::is_unavailable`] tells an outage of the service that signs.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::{Issuer, SigningKey, proof::{Confirmation, Thumbprint}};
    /// # futures_executor::block_on(async {
    /// # let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
    /// #     .audience("orders")
    /// #     .build()?;
    /// let certificate = Confirmation::certificate(Thumbprint::from_bytes([7; 32]));
    /// let token = issuer.issue_bound_async(&serde_json::json!({ "sub": "ada" }), certificate).await?;
    /// # drop(token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    #[cfg(all(feature = "proof", feature = "signer"))]
    pub fn issue_bound_async<C: Serialize + ?Sized>(
        &self,
        claims: &C,
        to: Confirmation,
    ) -> impl Future<Output = Result<IssuedToken, IssueError>> + Send + use<C> {
        let draft = self.draft_bound(claims, to);
        async move { draft?.finish().await }
    }

    #[cfg(feature = "proof")]
    fn draft_bound<C: Serialize + ?Sized>(
        &self,
        claims: &C,
        to: Confirmation,
    ) -> Result<Draft, IssueError> {
        let (mut json, _) = summary::write(claims)?;
        if self.0.numeric_subjects {
            numeric_subject::write_as_number(&mut json)?;
        }
        let given = ClaimSummary::from(&summary::read(&json, &self.spec())?.1);
        if given.is_delegated {
            return Err(IssueError(Cause::Delegated));
        }
        if given.is_bound {
            return Err(IssueError(Cause::Bound));
        }
        open(&mut json);
        json.extend_from_slice(b"\"cnf\":");
        serde_json::to_writer(&mut json, &to).map_err(|_| IssueError(Cause::Bound))?;
        json.push(b'}');
        self.sign(json, given)
    }

    /// The claims as this issuer writes them.
    pub(super) fn spec(&self) -> ClaimSpec {
        let mut spec = ClaimSpec::STRICT;
        if self.0.numeric_subjects {
            spec.tolerances.add(Tolerance::NumericSubject);
        }
        spec
    }

    /// Returns a verifier for the tokens of this issuer. It sees key rotations at once.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.0.verifier.clone()
    }

    /// Returns the signing keys, for rotation.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.0.keys
    }

    /// Returns the JWK set to publish at `/.well-known/jwks.json`: public keys, never an HMAC key.
    /// Retired keys whose last token has expired leave the ring first.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.0.keys.prune(self.0.clock.now());
        self.0.keys.jwks()
    }

    /// Lets the published next key sign, and keeps the old one until its last token has expired.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when no next key was published; [`ConfigError::Conflict`] when the ring follows a
    /// [document](crate::issue::RingDocument), which is changed instead.
    pub fn rotate(&self) -> Result<(), ConfigError> {
        let now = self.0.clock.now();
        self.0.keys.prune(now);
        let last = now
            .saturating_add(self.0.max_ttl)
            .saturating_add(self.0.leeway);
        self.0.keys.rotate(last)
    }

    /// Signs these claims and the issuer's own, unless that takes time. `payload` is the text of a JSON object.
    pub(super) fn sign(
        &self,
        mut payload: Vec<u8>,
        given: ClaimSummary,
    ) -> Result<Draft, IssueError> {
        let settings = &*self.0;
        if given.is_bound {
            return Err(IssueError(Cause::Bound));
        }
        let now = settings.clock.now();
        let latest = now.saturating_add(settings.max_ttl).min(LAST_SECOND);
        let expires_at = given
            .expires_at
            .unwrap_or_else(|| now.saturating_add(settings.ttl));
        if expires_at <= now || expires_at > latest {
            return Err(IssueError(Cause::Lifetime {
                seconds: expires_at.saturating_sub(now),
                most: latest.saturating_sub(now),
            }));
        }
        let is_for_nobody = given.audiences == Some(0);
        if is_for_nobody || given.not_before.is_some_and(|nbf| nbf >= expires_at) {
            return Err(IssueError(Cause::NeverValid));
        }
        let own = match given.is_reserved {
            true => self.take_own_claims(&mut payload, now)?,
            false => OwnClaims::default(),
        };

        open(&mut payload);
        if !own.issuer {
            payload.extend_from_slice(settings.iss.as_bytes());
        }
        if given.audiences.is_none() {
            payload.extend_from_slice(settings.aud.as_bytes());
        }
        if given.expires_at.is_none() {
            payload.extend_from_slice(b"\"exp\":");
            push_number(&mut payload, expires_at);
            payload.push(b',');
        }
        if !own.issued_at {
            payload.extend_from_slice(b"\"iat\":");
            push_number(&mut payload, now);
            payload.push(b',');
        }
        let id = match own.id {
            Some(id) => Id::Own(id),
            None => {
                let id = TokenId::random(now).map_err(|_| IssueError(Cause::Signing))?;
                payload.extend_from_slice(b"\"jti\":\"");
                payload.extend_from_slice(id.as_bytes());
                payload.extend_from_slice(b"\",");
                Id::Random(id)
            }
        };
        // In place of the comma behind the last member.
        payload.pop();
        payload.push(b'}');

        let ring = settings.keys.at(now);
        let key = &ring.moment.active;
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
        let unsigned = Unsigned {
            text: token,
            id,
            issued_at: now,
            expires_at,
        };
        #[cfg(feature = "signer")]
        if let Some(signer) = key.remote_signer() {
            return Ok(Draft::unsigned(unsigned, Arc::clone(signer)));
        }
        // The payload is in the token: its buffer now takes the signature.
        let mut signature = payload;
        signature.clear();
        key.sign(&unsigned.text, &mut signature)
            .map_err(|_| IssueError(Cause::Signing))?;
        unsigned.with_signature(&signature).map(Draft::signed)
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

/// Removes the closing brace from the text of an object, so that a member can follow.
pub(super) fn open(json: &mut Vec<u8>) {
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
