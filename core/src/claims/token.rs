//! A token that has passed every check.

use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{
    Deserialize,
    de::{DeserializeOwned, value::BorrowedStrDeserializer},
};

use super::{
    added::Added,
    layout::{RoleSource, UnreadableRoles},
    misfit::ClaimsMismatch,
    registered::RegisteredClaims,
    scope_hierarchy::ScopeHierarchy,
    spiffe::TrustDomain,
    views::{Audience, Scopes},
};
use crate::{
    claims::read::{ClaimSlot, Parsed},
    clock::Clock,
    error::{AuthError, AuthErrorKind},
    jose::{Header, member},
};

/// A token whose signature and claims have been verified.
///
/// Only this library can make one, so a handler that has it knows that every check was passed.
/// Cheap to clone. It does not keep the token's text, so it cannot leak it, unless
/// [that is asked for](crate::Authenticator::keep_token_text).
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// #[derive(serde::Deserialize)]
/// struct User {
///     sub: String,
///     role: String,
/// }
///
/// let issuer = TestIssuer::new();
/// let text = issuer.token().subject("ada").role("admin").sign();
/// let token = issuer.verifier().verify_now(&text)?;
///
/// assert_eq!(token.subject(), Some("ada"));
/// assert_eq!(token.claims::<User>()?.role, "admin");
/// # Ok::<(), countersign::AuthError>(())
/// ```
#[derive(Clone)]
pub struct VerifiedToken {
    inner: Arc<Inner>,
    /// `None` where the authenticator has nothing to add: then no request counts a reference.
    pub(super) added: Option<Arc<Added>>,
}

struct Inner {
    header: Arc<Header>,
    payload: Arc<str>,
    registered: RegisteredClaims,
    context: Arc<TokenContext>,
    parsed: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// A token as a cache keeps it.
#[cfg(feature = "cache")]
#[derive(Clone)]
pub(crate) struct CachedToken(Arc<Inner>);

#[cfg(feature = "cache")]
impl CachedToken {
    pub(crate) fn into_token(self) -> VerifiedToken {
        VerifiedToken {
            inner: self.0,
            added: None,
        }
    }

    pub(crate) fn payload(&self) -> &str {
        &self.0.payload
    }
}

/// The context that a verifier gives all its tokens: its clock, and the sources of scopes and roles.
#[derive(Clone)]
pub(crate) struct TokenContext {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) roles: RoleSource,
    pub(crate) scopes: Vec<ClaimSlot>,
    /// `None`: no scope implies another.
    pub(crate) hierarchy: Option<ScopeHierarchy>,
    /// The kind of opaque tokens; `None` for JWTs.
    pub(crate) credential: Option<Box<str>>,
    /// The trust domain that names the issuer instead of `iss`.
    pub(crate) trust_domain: Option<TrustDomain>,
}

impl VerifiedToken {
    pub(crate) fn new(
        header: Arc<Header>,
        payload: Arc<str>,
        registered: RegisteredClaims,
        context: Arc<TokenContext>,
        parsed: Parsed,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                header,
                payload,
                registered,
                context,
                parsed: parsed.map_or_else(OnceLock::new, OnceLock::from),
            }),
            added: None,
        }
    }

    /// Clones the token with counts of references of its own, and without the typed claims.
    #[cfg(feature = "cache")]
    pub(crate) fn unshared_clone(&self) -> Self {
        let inner = &*self.inner;
        Self::new(
            Arc::new(Header::clone(&inner.header)),
            Arc::clone(&inner.payload),
            inner.registered.clone(),
            Arc::clone(&inner.context),
            None,
        )
    }

    /// Returns the token as a cache keeps it: without a protection space.
    #[cfg(feature = "cache")]
    pub(crate) fn to_cached(&self) -> CachedToken {
        CachedToken(Arc::clone(&self.inner))
    }

    #[cfg(feature = "cache")]
    pub(crate) fn registered(&self) -> &RegisteredClaims {
        &self.inner.registered
    }

    /// The payload as a `T`.
    ///
    /// The first `T` that is asked for is parsed once and kept. Fields that `T` does not name are
    /// ignored, as usual with `serde`.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::Misconfigured`] (500) when the payload does not fit `T`: the token is
    /// valid, so the mistake is on this side.
    pub fn claims<T>(&self) -> Result<Arc<T>, AuthError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        if let Some(Ok(claims)) = self.inner.parsed.get().cloned().map(Arc::downcast::<T>) {
            return Ok(claims);
        }
        let claims = Arc::new(self.to_app_type::<T>()?);
        // Another type may have the slot already: then this one is parsed again next time.
        let _ = self.inner.parsed.set(claims.clone());
        Ok(claims)
    }

    /// One claim as a `T`; `None` if it is absent.
    ///
    /// Reads the payload anew at each call. Use [`claims`](Self::claims) for several.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::Misconfigured`] (500) when the claim is present and is no `T`. It is not taken
    /// for absent: `suspended: "yes"` read as a `bool` must not let anybody in.
    pub fn claim<'t, T: Deserialize<'t>>(&'t self, name: &str) -> Result<Option<T>, AuthError> {
        let claim = member(&self.inner.payload, name);
        let claim = claim.or_else(|error| match self.subject() {
            Some(subject) if name == "sub" && self.inner.registered.has_numeric_subject() => {
                T::deserialize(BorrowedStrDeserializer::new(subject)).map(Some)
            }
            _ => Err(error),
        });
        claim.map_err(|error| self.misfit::<T>(&error))
    }

    /// Returns whether it was no JWT, but an [opaque token](crate::OpaqueTokens), such as an API key.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        self.credential().is_some()
    }

    /// The kind of opaque token, by its [name](crate::OpaqueTokens::name); `None` for a JWT.
    #[must_use]
    pub fn credential(&self) -> Option<&str> {
        self.inner.context.credential.as_deref()
    }

    /// The header: algorithm, key identifier, type. An [opaque token](Self::is_opaque) has none: this one has the type
    /// `opaque`, and its algorithm says nothing.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.inner.header
    }

    pub(super) fn shared_header(&self) -> Arc<Header> {
        Arc::clone(&self.inner.header)
    }

    /// The whole payload: the JSON text of one object.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.inner.payload
    }

    /// The issuer (`iss`, RFC 7519 section 4.1.1).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.text(ClaimSlot::ISSUER)
    }

    /// Returns the name of its issuer among those of the verifiers: the trust domain of a JWT-SVID, else `iss`.
    pub(crate) fn issuer_name(&self) -> Option<&str> {
        match &self.inner.context.trust_domain {
            Some(domain) => Some(domain.as_str()),
            None => self.issuer(),
        }
    }

    /// The subject (`sub`, RFC 7519 section 4.1.2): the user, unique within the issuer.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text(ClaimSlot::SUBJECT)
    }

    /// The token identifier (`jti`, RFC 7519 section 4.1.7).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.text(ClaimSlot::ID)
    }

    /// The session that the token belongs to (`sid`, OpenID Connect Front-Channel Logout section 3). `None` also if the claim
    /// is no text; with a list of [revocations](crate::Revocation), such a token is refused.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.text(ClaimSlot::SESSION_ID)
    }

    /// The OAuth client that asked for the token (`client_id`, RFC 9068 section 2.2). `None` also if the claim is no text.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.text(ClaimSlot::CLIENT_ID)
    }

    /// The authentication context (`acr`, OpenID Connect Core section 2). `None` also if the claim is no text; then a
    /// [`Policy::acr`](crate::Policy::acr) lets nobody in, and neither does its opposite.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.text(ClaimSlot::ACR)
    }

    /// The audiences (`aud`), also where the verifier compares
    /// [another claim](crate::VerifierBuilder::audience_claim).
    #[must_use]
    pub fn audience(&self) -> Audience<'_> {
        Audience::new(&self.inner.registered, &self.inner.payload)
    }

    /// The scopes: those in `scope`, or where the verifier
    /// [looks for them](crate::VerifierBuilder::scopes).
    #[must_use]
    pub fn scopes(&self) -> Scopes<'_> {
        let places = &self.inner.context.scopes;
        Scopes::new(places, &self.inner.registered, &self.inner.payload)
    }

    /// Returns whether the token has this scope, or one that [implies](crate::claims::ScopeHierarchy) it.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        let own = self.scopes();
        let hierarchy = self.inner.context.hierarchy.as_ref();
        own.contains(scope)
            || hierarchy.is_some_and(|all| {
                let mut implying = all.implying(scope).iter();
                implying.any(|other| own.contains(other))
            })
    }

    /// The roles: those in `role` and `roles`, or where the verifier
    /// [looks for them](crate::VerifierBuilder::roles).
    ///
    /// Reads the payload anew at each call. To decide who gets in, use
    /// [`Policy::role`](crate::Policy::role).
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::Misconfigured`] (500) when a claim of roles is present but not readable
    /// as roles. It is not taken for absent.
    pub fn roles(&self) -> Result<Vec<String>, AuthError> {
        let mut roles = Vec::new();
        for part in self.roles_by_part() {
            roles.extend(part.map_err(|unclear| {
                self.refuse(AuthErrorKind::Misconfigured)
                    .with_source(unclear)
            })?);
        }
        Ok(roles)
    }

    pub(crate) fn roles_by_part(
        &self,
    ) -> impl Iterator<Item = Result<Vec<String>, UnreadableRoles>> {
        self.inner.context.roles.read(&self.inner.payload)
    }

    /// The time when the token expires (`exp`), in seconds since 1970, without leeway.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.inner.registered.date(ClaimSlot::EXPIRES_AT)
    }

    /// The time when the token was issued (`iat`), in seconds since 1970.
    #[must_use]
    pub fn issued_at(&self) -> Option<i64> {
        self.inner.registered.date(ClaimSlot::ISSUED_AT)
    }

    /// The time when the user last authenticated (`auth_time`), in seconds since 1970. `None` also if the claim is no such
    /// number; then a [`Policy::max_age`](crate::Policy::max_age) lets nobody in, and neither does its opposite.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<i64> {
        self.inner.registered.date(ClaimSlot::AUTH_TIME)
    }

    /// Seconds until `exp` by the verifier's clock; 0 when it has passed, `None` without `exp`.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        let left = self.expires_at()?.saturating_sub(self.now());
        Some(u64::try_from(left).unwrap_or(0))
    }

    pub(crate) fn now(&self) -> i64 {
        self.inner.context.clock.now()
    }

    /// Returns whether the token is bound to a key or a certificate (`cnf`, RFC 7800 section 3).
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.has(ClaimSlot::CONFIRMATION)
    }

    /// Returns whether the claim is present.
    pub(super) fn has(&self, slot: ClaimSlot) -> bool {
        self.inner.registered.has(slot)
    }

    /// Returns whether the claim is present in another form than it should have.
    pub(crate) fn is_unreadable(&self, slot: ClaimSlot) -> bool {
        self.inner.registered.is_unreadable(slot)
    }

    pub(super) fn to_app_type<T: DeserializeOwned>(&self) -> Result<T, AuthError> {
        let claims = self.inner.registered.to_app_type(&self.inner.payload);
        claims.map_err(|error| self.misfit::<T>(&error))
    }

    fn misfit<T>(&self, error: &serde_json::Error) -> AuthError {
        let error = ClaimsMismatch::new::<T>(error, &self.inner.payload);
        self.refuse(AuthErrorKind::Misconfigured).with_source(error)
    }

    fn text(&self, slot: ClaimSlot) -> Option<&str> {
        self.inner.registered.text(slot, &self.inner.payload)
    }
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken")
            .field("header", &self.inner.header)
            .finish_non_exhaustive()
    }
}
