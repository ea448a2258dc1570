//! Several verifiers, each for its own issuer.

use std::{borrow::Cow, collections::HashMap, fmt, sync::Arc};

use super::{
    describe::any_of,
    dynamic::{DynamicIssuers, Unverified},
    explanation::Explanation,
    pipeline::PAYLOAD,
    revocation_lists::RevocationLists,
    verifier::Verifier,
};
use crate::{
    claims::{ClaimSlot, ClaimSpec, Reader, RegisteredClaims, VerifiedToken, trust_domain_of},
    error::{AuthError, AuthErrorKind, ConfigError, Fixed, Mismatch},
    future::MaybeReady,
    jose::{Buffer, Compact, json, member},
    request::TokenText,
};

/// Several verifiers, chosen by the token's exact `iss`.
///
/// The claim is read before verification, and only to choose: the chosen verifier checks it again,
/// with its own keys, audience and rules. An issuer that is not listed is refused without any key
/// being looked at, unless there is a [fallback](Self::with_fallback) or a resolver (`with_dynamic`), and one issuer's
/// trouble never touches another's tokens.
///
/// A verifier of a [SPIFFE trust domain](crate::VerifierBuilder::spiffe_trust_domain) decides about every token whose `sub` is of
/// that trust domain, whatever its `iss`, and nobody else does. So no other issuer can name its workloads. Where an issuer is expected,
/// the name of this one is the trust domain with `spiffe://`.
///
/// If up to eight of the verifiers have a `TokenCache`, a token that comes again is found there before
/// any of it is read, for which each is asked what keys it has now
/// ([`KeySource::current_id`](crate::keys::KeySource::current_id)). If more have one, the claim is read each time.
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, Issuers, Key, Verifier};
///
/// # let (secret_a, secret_b) = ([1; 32].map(|_| rand()), [2; 32].map(|_| rand()));
/// # fn rand() -> u8 { use std::hash::{BuildHasher, Hasher}; std::hash::RandomState::new().build_hasher().finish() as u8 }
/// let staff = Verifier::builder(Key::hs256(secret_a)?)
///     .issuer("https://staff.example")
///     .audience("orders")
///     .build()?;
/// let partners = Verifier::builder(Key::hs256(secret_b)?)
///     .issuer("https://partners.example")
///     .audience("orders-for-partners")
///     .build()?;
/// let authenticator = Authenticator::new(Issuers::new([staff, partners])?);
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Issuers(Arc<Routes>);

enum Routes {
    One(Verifier),
    Many(Many),
}

#[derive(Clone)]
struct Many {
    by_name: HashMap<Box<str>, Verifier>,
    /// By trust domain: for JWT-SVIDs, which need not name an issuer.
    by_trust_domain: HashMap<Box<str>, Verifier>,
    /// For tokens whose `iss` is absent or none of the names.
    fallback: Option<Verifier>,
    /// For tokens whose `iss` is none of the names. There is no fallback then.
    dynamic: Option<DynamicIssuers>,
    /// The verifiers with a cache, asked before the token is read; empty if they are too many.
    cached: Vec<Verifier>,
}

impl Issuers {
    /// The most caches that are asked in turn. With more, reading the claim is cheaper.
    const MOST_CACHED: usize = 8;

    /// Combines verifiers, each with its own issuers.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when there is none, when one accepts any issuer, or when two accept the same, or the same trust domain.
    pub fn new(verifiers: impl IntoIterator<Item = Verifier>) -> Result<Self, ConfigError> {
        let mut by_name = HashMap::new();
        let mut by_trust_domain = HashMap::new();
        let mut cached = Vec::new();
        for verifier in verifiers {
            if verifier.accepts_any_issuer() {
                return Err(ConfigError::Conflict(
                    "a verifier for `any_issuer` cannot be one of several: it goes to `Issuers::with_fallback`"
                        .into(),
                ));
            }
            let twice = |name: &str| {
                ConfigError::Conflict(format!("two verifiers are for the issuer {name:?}"))
            };
            for name in verifier.issuers().unwrap_or_default() {
                if by_name.insert(name.clone(), verifier.clone()).is_some() {
                    return Err(twice(name));
                }
            }
            if let Some(domain) = verifier.trust_domain() {
                let before = by_trust_domain.insert(domain.into(), verifier.clone());
                if before.is_some() {
                    return Err(twice(domain));
                }
            }
            if verifier.has_cache() {
                cached.push(verifier);
            }
        }
        if by_name.is_empty() && by_trust_domain.is_empty() {
            return Err(ConfigError::Missing(
                "`Issuers` of no verifier would refuse every token".into(),
            ));
        }
        // A token that is in a cache may have become one of a trust domain, which another verifier decides about.
        if cached.len() > Self::MOST_CACHED || !by_trust_domain.is_empty() {
            cached.clear();
        }
        Ok(Self(Arc::new(Routes::Many(Many {
            by_name,
            by_trust_domain,
            fallback: None,
            dynamic: None,
            cached,
        }))))
    }

    /// Accepts the issuers that a resolver finds while the server runs: a function, or [`DynamicIssuers`] with more settings.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Authenticator, ConfigError, Issuers, Verifier};
    ///
    /// # fn start() {
    /// let issuers = Issuers::dynamic(async |issuer: Box<str>| {
    ///     let verifier = match &*issuer {
    ///         "https://a.id.example" => Verifier::discover("https://a.id.example").audience("orders-of-a"),
    ///         "https://b.id.example" => Verifier::discover("https://b.id.example").audience("orders-of-b"),
    ///         _ => return Ok(None),
    ///     };
    ///     Ok::<_, ConfigError>(Some(verifier.build().await?))
    /// });
    /// let authenticator = Authenticator::new(issuers);
    /// # drop(authenticator);
    /// # }
    /// ```
    #[cfg(feature = "remote")]
    #[must_use]
    pub fn dynamic(resolver: impl Into<DynamicIssuers>) -> Self {
        Self(Arc::new(Routes::Many(Many {
            by_name: HashMap::new(),
            by_trust_domain: HashMap::new(),
            fallback: None,
            dynamic: Some(resolver.into()),
            cached: Vec::new(),
        })))
    }

    /// Accepts the issuers that a resolver finds beside these. It is never asked about one of these, also where a token of it is
    /// refused.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when there is a resolver already, or a [fallback](Self::with_fallback): that would decide about
    /// issuers that the resolver does not know, and about those that were removed.
    #[cfg(feature = "remote")]
    pub fn with_dynamic(self, resolver: impl Into<DynamicIssuers>) -> Result<Self, ConfigError> {
        self.with(|many| {
            if many.fallback.is_some() {
                return Err(ConfigError::Conflict(BOTH.into()));
            }
            match many.dynamic.replace(resolver.into()) {
                None => Ok(()),
                Some(_) => Err(ConfigError::Conflict("there is a resolver already".into())),
            }
        })
    }

    /// Changes a copy.
    fn with(
        self,
        change: impl FnOnce(&mut Many) -> Result<(), ConfigError>,
    ) -> Result<Self, ConfigError> {
        let issuers = match &*self.0 {
            Routes::One(one) => Self::new([one.clone()])?,
            Routes::Many(_) => self,
        };
        let Routes::Many(many) = &*issuers.0 else {
            return Ok(issuers);
        };
        let mut many = many.clone();
        change(&mut many)?;
        Ok(Self(Arc::new(Routes::Many(many))))
    }

    /// Has this verifier decide about tokens that name no issuer, or one that no verifier is for.
    ///
    /// For a change from lax tokens to strict ones, while both are around. A token that names one of the issuers is decided
    /// by the verifier of that issuer alone, also where it is refused. The fallback is of
    /// [`any_issuer`](crate::VerifierBuilder::any_issuer): that is a [tolerance](crate::claims::Tolerance), whose
    /// counter tells when the last of the old tokens has gone. The guide [`migrating`](crate::guide::migrating) walks through it.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when the verifier is for certain issuers, when there is a fallback already, or a resolver, or when the only
    /// verifier accepts any issuer.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Issuers, Key, Verifier};
    ///
    /// let strict = Verifier::builder(Key::hs256("an example secret of 32 bytes or more")?)
    ///     .issuer("https://id.example")
    ///     .audience("orders")
    ///     .build()?;
    /// let old = Verifier::builder(Key::hs256("another example secret of 32 bytes or more")?)
    ///     .any_issuer()
    ///     .any_audience()
    ///     .build()?;
    /// let issuers = Issuers::new([strict])?.with_fallback(old)?;
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn with_fallback(self, verifier: Verifier) -> Result<Self, ConfigError> {
        let conflict = |text: &str| ConfigError::Conflict(text.to_owned());
        if !verifier.accepts_any_issuer() {
            return Err(conflict(
                "a fallback is for tokens of unknown issuers: build it with `any_issuer`",
            ));
        }
        self.with(|many| {
            if many.dynamic.is_some() {
                return Err(conflict(BOTH));
            }
            // Its cache is not asked: it may have accepted a token of a known issuer elsewhere.
            match many.fallback.replace(verifier) {
                None => Ok(()),
                Some(_) => Err(conflict("there is a fallback already")),
            }
        })
    }

    /// Explains the verdict on a token, as [`Verifier::explain`] of the verifier that decides about it.
    ///
    /// If none does, the check `iss` says which issuers are known, and which one the token names.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::Issuers;
    /// # use countersign::testing::TestIssuer;
    ///
    /// let issuer = TestIssuer::new();
    /// let issuers = Issuers::new([issuer.verifier()])?;
    /// let explanation = issuers.explain(&issuer.token().issuer("https://evil.test").sign());
    ///
    /// let failed: Vec<_> = explanation.failed().map(ToString::to_string).collect();
    /// let line = r#"FAIL iss: expected "https://issuer.test"; found "https://evil.test""#;
    /// assert_eq!(failed, [line]);
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    #[must_use]
    pub fn explain(&self, token: &str) -> Explanation {
        match &*self.0 {
            Routes::One(verifier) => verifier.explain(token),
            Routes::Many(many) => many.explain(token),
        }
    }

    /// Returns all names of the issuer that has this one; `None` if no verifier is for it.
    pub(crate) fn names(&self, issuer: &str) -> Option<Vec<Box<str>>> {
        let verifier = match &*self.0 {
            Routes::One(verifier) => verifier,
            Routes::Many(many) => match (many.named(issuer), &many.dynamic) {
                (Some(verifier), _) => verifier,
                (None, Some(dynamic)) if dynamic.may_know(issuer) => {
                    return Some(vec![issuer.into()]);
                }
                (None, _) => return None,
            },
        };
        if verifier.accepts_any_issuer() {
            return Some(vec![issuer.into()]);
        }
        let names: Vec<Box<str>> = verifier.names().map(Box::from).collect();
        names.iter().any(|name| **name == *issuer).then_some(names)
    }

    /// Returns whether a verifier is for this issuer by its name.
    pub(crate) fn is_for(&self, issuer: &str) -> bool {
        match &*self.0 {
            Routes::One(verifier) => verifier.names().any(|name| name == issuer),
            Routes::Many(many) => many.named(issuer).is_some(),
        }
    }

    /// Returns the lists of revocations that are asked about tokens.
    pub(crate) fn revocations(&self) -> RevocationLists {
        let lists = |verifier: &Verifier| verifier.revocation().cloned();
        match &*self.0 {
            Routes::One(verifier) => RevocationLists {
                fixed: lists(verifier).into_iter().collect(),
                dynamic: None,
            },
            Routes::Many(many) => RevocationLists {
                fixed: many.verifiers().filter_map(lists).collect(),
                dynamic: many.dynamic.clone(),
            },
        }
    }

    /// Checks whether a resolver decides about this issuer.
    pub(crate) fn is_dynamic(&self, issuer: &str) -> bool {
        match &*self.0 {
            Routes::One(_) => false,
            Routes::Many(many) => many.dynamic.is_some() && many.named(issuer).is_none(),
        }
    }

    /// Checks for a resolver.
    #[cfg(feature = "remote")]
    pub(crate) fn has_dynamic(&self) -> bool {
        matches!(&*self.0, Routes::Many(many) if many.dynamic.is_some())
    }

    pub(crate) fn start(
        &self,
        token: TokenText<'_>,
        reader: Reader,
    ) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        match &*self.0 {
            Routes::One(verifier) => verifier.start(token, reader),
            Routes::Many(many) => many.start(token, reader),
        }
    }
}

impl Many {
    fn start(
        &self,
        token: TokenText<'_>,
        reader: Reader,
    ) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        let text = match token.read() {
            Ok(text) => text,
            Err(kind) => return MaybeReady::ready(Err(kind.into())),
        };
        if let Some(verified) = self.cached(text) {
            return MaybeReady::ready(Ok(verified));
        }
        let mut buffer = Buffer::new();
        let (token, choice) = match self.choose(text, &mut buffer) {
            Ok(chosen) => chosen,
            Err(error) => return MaybeReady::ready(Err(error)),
        };
        match choice {
            Choice::Verifier(verifier) => verifier.start(TokenText::Str(text), reader),
            Choice::Dynamic(dynamic, issuer) => dynamic.start(&issuer, token, reader),
        }
    }

    /// Finds a token that one of the verifiers accepted before, and would accept again.
    ///
    /// The verdict is that of a full verification. A verifier only finds tokens that it accepted itself,
    /// even in a shared cache, so `iss` is one of its names. No other verifier has that name, so the token
    /// would be handed to this one, which would look into this cache first.
    fn cached(&self, token: &str) -> Option<VerifiedToken> {
        // A text that is no token is not worth a lookup.
        if self.cached.is_empty() || Compact::parse(token, usize::MAX).is_err() {
            return None;
        }
        self.cached
            .iter()
            .find_map(|verifier| verifier.cached_here(token.as_bytes()))
    }

    /// Returns the verifiers that do not change.
    fn verifiers(&self) -> impl Iterator<Item = &Verifier> {
        let named = self.by_name.values().chain(self.by_trust_domain.values());
        named.chain(&self.fallback)
    }

    /// Returns the verifier of the issuer, or of the trust domain, with this name.
    fn named(&self, name: &str) -> Option<&Verifier> {
        let by_name = self.by_name.get(name);
        by_name.or_else(|| self.by_trust_domain.get(name))
    }

    /// Returns the verifier of the trust domain that the subject of an unverified token is of.
    fn by_subject(&self, payload: &str) -> Option<&Verifier> {
        if self.by_trust_domain.is_empty() {
            return None;
        }
        // Of two, the last counts here. The verifiers refuse both.
        let subject = member::<Option<Cow<'_, str>>>(payload, "sub").ok()??;
        self.by_trust_domain.get(trust_domain_of(&subject?)?)
    }

    /// Chooses a verifier by the claim `iss` of an unverified token.
    fn choose<'t>(
        &'t self,
        text: &'t str,
        buffer: &'t mut Buffer<PAYLOAD>,
    ) -> Result<(Unverified<'t>, Choice<'t>), AuthError> {
        static ISSUER: Fixed = Fixed::new("iss", "the issuer of one of the verifiers");

        let limits = self.verifiers().map(Verifier::max_token_bytes);
        let dynamic = self.dynamic.as_ref();
        let limit = limits
            .chain(dynamic.map(DynamicIssuers::max_token_bytes))
            .max();
        let mut compact = Compact::parse(text, limit.unwrap_or(0))?;
        // Only to choose: the verifier that is chosen knows whether padding belongs there.
        let is_padded = text.ends_with('=') && self.verifiers().any(Verifier::reads_padding);
        if is_padded {
            compact = compact.unpadded().ok_or(AuthErrorKind::MalformedToken)?;
        }
        let payload = buffer
            .decode(compact.payload)
            .and_then(json::text)
            .ok_or(AuthErrorKind::MalformedToken)?;
        let token = Unverified {
            text,
            compact,
            payload,
        };
        if let Some(verifier) = self.by_subject(payload) {
            return Ok((token, Choice::Verifier(verifier)));
        }
        let by_name = |issuer: Cow<'t, str>| {
            let known = self.by_name.get(&*issuer).or(self.fallback.as_ref());
            match (known, dynamic) {
                (Some(verifier), _) => Ok((token, Choice::Verifier(verifier))),
                (None, Some(_)) if is_padded => Err(AuthErrorKind::MalformedToken.into()),
                (None, Some(dynamic)) => Ok((token, Choice::Dynamic(dynamic, issuer))),
                (None, None) => {
                    let error = AuthError::from(AuthErrorKind::UnknownIssuer);
                    Err(error.about(|| Mismatch::text(&ISSUER, &issuer)))
                }
            }
        };
        // Not strictly: the verifier reads it all again, and then every rule counts.
        let found = member::<Option<Cow<'_, str>>>(payload, "iss");
        match (found, &self.fallback) {
            (Ok(Some(Some(issuer))), _) => return by_name(issuer),
            // Absent, or null: the fallback says what it makes of that.
            (Ok(None | Some(None)), Some(fallback)) => {
                return Ok((token, Choice::Verifier(fallback)));
            }
            _ => {}
        }
        let spec = &ClaimSpec::NOTHING;
        let claims = RegisteredClaims::parse(payload, spec)
            .map_err(|unreadable| unreadable.into_error(payload, spec))?;
        let issuer = claims.text(ClaimSlot::ISSUER, payload).ok_or_else(|| {
            let error = AuthError::from(AuthErrorKind::MissingClaim);
            error.about(|| Mismatch::fixed(&ISSUER, "absent"))
        })?;
        by_name(Cow::Owned(issuer.to_owned()))
    }

    /// Explains the verdict on a token.
    fn explain(&self, text: &str) -> Explanation {
        match self.choose(text, &mut Buffer::new()) {
            Ok((_, Choice::Verifier(verifier))) => verifier.explain(text),
            Ok((_, Choice::Dynamic(dynamic, issuer))) => {
                self.explain_dynamic(dynamic, &issuer, text)
            }
            Err(error) => self.explain_refusal(&error),
        }
    }

    /// Explains the verdict on a token of an issuer that a resolver finds. Nobody is asked for that.
    fn explain_dynamic(&self, dynamic: &DynamicIssuers, issuer: &str, text: &str) -> Explanation {
        static NOT_ASKED: Fixed = Fixed::new(
            "iss",
            "an issuer whose verifier is here: the resolver is asked with the first token",
        );

        if let Some(error) = dynamic.refusal(issuer) {
            return match error.mismatch() {
                Some(wrong) => Explanation::of_refusal(error.kind(), Some(wrong)),
                None => self.explain_refusal(&error),
            };
        }
        match dynamic.engine(issuer) {
            Some(engine) => engine.verifier().explain(text),
            None => Explanation::of_refusal(
                AuthErrorKind::IssuerUnavailable,
                Some(&Mismatch::text(&NOT_ASKED, issuer)),
            ),
        }
    }

    /// Explains why no verifier decides about a token.
    fn explain_refusal(&self, error: &AuthError) -> Explanation {
        let kind = error.kind();
        let Some(wrong) = error.mismatch() else {
            return Explanation::of_refusal(kind, None);
        };
        let (claim, found) = (wrong.claim().to_owned(), wrong.found().into_owned());
        let expected = match kind {
            AuthErrorKind::MissingClaim | AuthErrorKind::UnknownIssuer
                if self.dynamic.is_none() =>
            {
                let names = self.by_name.keys().chain(self.by_trust_domain.keys());
                let mut names: Vec<_> = names.cloned().collect();
                names.sort();
                any_of(Some(&names))
            }
            _ => wrong.expected().into_owned(),
        };
        let wrong = Mismatch::written(claim, expected, found);
        Explanation::of_refusal(kind, Some(&wrong))
    }
}

/// The fault of a fallback beside a resolver.
const BOTH: &str = "`with_fallback` and `with_dynamic` exclude each other: both are for issuers of no other verifier";

/// The one who decides about a token.
enum Choice<'t> {
    /// Also about the name of the issuer: it is in the token.
    Dynamic(&'t DynamicIssuers, Cow<'t, str>),
    Verifier(&'t Verifier),
}

impl From<Verifier> for Issuers {
    fn from(verifier: Verifier) -> Self {
        Self(Arc::new(Routes::One(verifier)))
    }
}

impl From<&Verifier> for Issuers {
    fn from(verifier: &Verifier) -> Self {
        verifier.clone().into()
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Routes::One(verifier) => f.debug_tuple("Issuers").field(verifier).finish(),
            Routes::Many(many) => {
                let mut names = f.debug_set();
                names.entries(many.by_name.keys().chain(many.by_trust_domain.keys()));
                if let Some(dynamic) = &many.dynamic {
                    names.entry(dynamic);
                }
                names.finish()
            }
        }
    }
}
