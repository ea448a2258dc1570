//! The verifier: one token in, one verdict out.

use std::{fmt, future::Future, mem, sync::Arc};

use super::{
    builder::VerifierBuilder, caller::Caller, header_cache::HeaderCache, pipeline::Scratch,
    settings::VerifierSettings,
};
#[cfg(feature = "cache")]
use crate::verify::cache::VerifierId;
#[cfg(feature = "remote")]
use crate::{
    claims::Provider,
    remote::{Discovery, RemoteKeys},
};
use crate::{
    claims::{Reader, ScopeHierarchy, TokenContext, Tolerance, TrustDomain, VerifiedToken},
    error::AuthError,
    jose::Algorithm,
    keys::Keys,
    request::TokenText,
    revocation::Revocation,
};

/// Verifies tokens. Cheap to clone.
///
/// It checks, in this order:
///
/// 1. The text is a JWS in compact form, within the size limit, in the base64url alphabet.
/// 2. The header is one JSON object without duplicates, asks for nothing unknown, and names an
///    accepted algorithm.
/// 3. The key set has a key for the header's `kid` and `alg`, and the signature matches under it.
/// 4. The payload is one JSON object without duplicates at any level, and each claim that RFC 7519 registers, that the
///    settings name, `scope` and `cnf` have their types. Any other (`acr`, `act`, `auth_time`, `client_id`, `sid`) has its type
///    where something looks at it, such as a [`Policy`](crate::Policy), or lets nobody in there.
/// 5. `typ`, required claims and values, `iss`, `aud`, `exp`, `nbf`, `iat`, lifetime, age and `cnf` pass.
/// 6. Neither the token nor its session nor its subject has been [revoked](Revocation), if that is
///    looked up.
///
/// # Examples
///
/// ```
/// use countersign::{Key, Verifier};
///
/// let verifier = Verifier::builder(Key::hs256("an example secret of 32 bytes or more")?)
///     .issuer("https://id.example")
///     .audience("orders")
///     .build()?;
///
/// # futures_executor::block_on(async {
/// let refused = verifier.verify("not.a.token").await.unwrap_err();
/// assert_eq!(refused.reason(), "malformed_token");
/// # });
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    #[cfg(feature = "cache")]
    id: VerifierId,
    keys: Keys,
    /// `None`: the algorithms of the keys.
    algorithms: Option<Vec<Algorithm>>,
    settings: VerifierSettings,
    max_token_bytes: usize,
    context: Arc<TokenContext>,
    headers: HeaderCache,
}

impl Verifier {
    /// Starts a verifier with these keys: a [`Key`](crate::Key), several, a
    /// [`KeySet`](crate::KeySet) or [`Keys`].
    pub fn builder(keys: impl Into<Keys>) -> VerifierBuilder {
        VerifierBuilder::new(keys.into())
    }

    /// Starts a verifier for the tokens of an identity provider: by its issuer, or by a
    /// [`Provider`] that also says where its tokens have roles and scopes.
    ///
    /// The keys are found by the provider's metadata, and renewed from then on: see
    /// [`RemoteKeys`](crate::RemoteKeys) for what that means. The issuer must be the one that tokens
    /// and metadata name, byte by byte.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use countersign::{Provider, Verifier};
    ///
    /// # async fn start() -> Result<(), countersign::ConfigError> {
    /// let verifier = Verifier::discover("https://id.example")
    ///     .audience("orders")
    ///     .build()
    ///     .await?;
    ///
    /// let keycloak = Provider::keycloak("https://sso.example", "shop")?;
    /// let verifier = Verifier::discover(keycloak).audience("orders").build().await?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "remote")]
    pub fn discover(provider: impl Into<Provider>) -> VerifierBuilder<Discovery> {
        let provider = provider.into();
        let keys = RemoteKeys::discover(provider.clone());
        VerifierBuilder::new(Discovery::new(keys)).provider(provider)
    }

    pub(super) fn new(
        keys: Keys,
        algorithms: Option<Vec<Algorithm>>,
        settings: VerifierSettings,
        max_token_bytes: usize,
        context: Arc<TokenContext>,
    ) -> Self {
        Self(Arc::new(Inner {
            #[cfg(feature = "cache")]
            id: VerifierId::new(),
            keys,
            algorithms,
            settings,
            max_token_bytes,
            context,
            headers: HeaderCache::default(),
        }))
    }

    /// Returns this verifier with another list of revocations.
    ///
    /// For verifiers that come ready-made, as [`Issuer::verifier`](crate::Issuer::verifier). Others:
    /// [`VerifierBuilder::revocation`].
    #[must_use]
    pub fn with_revocation(self, revocation: Revocation) -> Self {
        let mut settings = self.0.settings.clone();
        settings.set_revocation(revocation);
        self.with_settings(settings)
    }

    /// Returns this verifier with scopes that imply others.
    ///
    /// For verifiers that come ready-made, as [`Issuer::verifier`](crate::Issuer::verifier). Others:
    /// [`VerifierBuilder::scope_hierarchy`].
    #[must_use]
    pub fn with_scope_hierarchy(self, hierarchy: ScopeHierarchy) -> Self {
        let mut context = TokenContext::clone(&self.0.context);
        context.hierarchy = Some(hierarchy);
        Self::new(
            self.0.keys.clone(),
            self.0.algorithms.clone(),
            self.0.settings.clone(),
            self.0.max_token_bytes,
            Arc::new(context),
        )
    }

    /// Returns the list of revocations that is asked about each token.
    pub(crate) fn revocation(&self) -> Option<&Revocation> {
        self.0.settings.revocation.as_ref()
    }

    /// Returns the weakenings that this verifier has: none, unless a setting or a key asks for one by name.
    #[must_use]
    pub fn tolerances(&self) -> Vec<Tolerance> {
        self.0.settings.tolerances.iter().collect()
    }

    /// Returns this verifier with one more claim required to be this text; for `None`, to be absent.
    #[cfg(feature = "sessions")]
    pub(crate) fn with_claim(
        &self,
        name: &str,
        value: Option<&str>,
    ) -> Result<Self, crate::error::ConfigError> {
        let mut settings = self.0.settings.clone();
        let expected = match value {
            Some(value) => super::layout::Expected::OneOf(vec![value.into()]),
            None => super::layout::Expected::Absent,
        };
        settings.claims.require(name, expected)?;
        Ok(self.with_settings(settings))
    }

    /// Returns this verifier with other settings, and with nothing that it learnt before.
    pub(super) fn with_settings(&self, settings: VerifierSettings) -> Self {
        Self::new(
            self.0.keys.clone(),
            self.0.algorithms.clone(),
            settings,
            self.0.max_token_bytes,
            Arc::clone(&self.0.context),
        )
    }

    /// Returns this verifier as one of many that metrics do not tell apart.
    #[cfg(feature = "remote")]
    pub(super) fn unnamed(&self) -> Self {
        let mut settings = self.0.settings.clone();
        settings.is_dynamic = true;
        self.with_settings(settings)
    }

    /// Verifies a token.
    ///
    /// The future is ready at its first poll, unless the key source has to fetch a key that the
    /// token names and the set lacks.
    ///
    /// # Errors
    ///
    /// [`AuthError`] with the first check that failed.
    pub fn verify(
        &self,
        token: &str,
    ) -> impl Future<Output = Result<VerifiedToken, AuthError>> + Send + use<> {
        self.start(TokenText::Str(token), Caller::with(Reader::UNTYPED))
    }

    /// Verifies a token with the keys at hand; never waits and never fetches.
    ///
    /// # Errors
    ///
    /// [`AuthError`] with the first check that failed.
    pub fn verify_now(&self, token: &str) -> Result<VerifiedToken, AuthError> {
        self.verify_with(token, Caller::with(Reader::UNTYPED))
    }

    /// Verifies a token with the keys at hand, unless the cache has it.
    pub(super) fn verify_with(
        &self,
        token: &str,
        caller: Caller,
    ) -> Result<VerifiedToken, AuthError> {
        match self.cached(token.as_bytes(), caller) {
            Some(token) => Ok(token),
            None => self.verify_uncached(token, caller),
        }
    }

    /// Verifies a token that the cache does not have, and caches it.
    pub(super) fn verify_uncached(
        &self,
        token: &str,
        caller: Caller,
    ) -> Result<VerifiedToken, AuthError> {
        let split = self.begin(token)?;
        let mut scratch = Scratch::default();
        let accepted = self.run(
            split,
            &mut scratch,
            caller.checks_confirmation,
            |claims, payload, spec| caller.reader.read(claims, payload, spec),
        )?;
        let verified = VerifiedToken::new(
            accepted.header,
            accepted.payload.into(),
            mem::take(accepted.claims),
            Arc::clone(&self.0.context),
            accepted.parsed,
        );
        self.keep(token, accepted.keys, &verified);
        Ok(verified)
    }

    /// Returns the names of the issuer; `None` if any will do.
    pub(crate) fn issuers(&self) -> Option<&[Box<str>]> {
        self.0.settings.issuers.as_deref()
    }

    /// Checks whether its tokens are in base64url with padding.
    pub(super) fn reads_padding(&self) -> bool {
        self.0.settings.alb_signer.is_some()
    }

    /// Checks whether no issuer is named in any way.
    pub(super) fn accepts_any_issuer(&self) -> bool {
        self.issuers().is_none() && self.trust_domain().is_none()
    }

    /// Returns the names of the issuer, and its trust domain.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let issuers = self.issuers().unwrap_or_default().iter();
        issuers.map(|name| &**name).chain(self.trust_domain())
    }

    /// Returns the trust domain whose JWT-SVIDs it accepts, if it is for those.
    pub(super) fn trust_domain(&self) -> Option<&str> {
        let domain = self.0.settings.trust_domain.as_ref();
        domain.map(TrustDomain::as_str)
    }

    #[cfg(feature = "cache")]
    pub(super) fn id(&self) -> VerifierId {
        self.0.id
    }

    pub(super) fn settings(&self) -> &VerifierSettings {
        &self.0.settings
    }

    pub(super) fn now(&self) -> i64 {
        self.0.context.clock.now()
    }

    pub(super) fn headers(&self) -> &HeaderCache {
        &self.0.headers
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Returns the length of the longest token that is looked at, in bytes.
    pub(crate) fn max_token_bytes(&self) -> usize {
        self.0.max_token_bytes
    }

    pub(super) fn accepts(&self, algorithm: Algorithm) -> bool {
        let accepted = |own: &Vec<Algorithm>| own.iter().any(|own| own.matches(algorithm));
        self.0.algorithms.as_ref().is_none_or(accepted)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("settings", &self.0.settings)
            .field("keys", &self.0.keys)
            .finish_non_exhaustive()
    }
}
