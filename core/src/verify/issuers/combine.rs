//! How verifiers, a resolver and a fallback become one [`Issuers`].

use std::{collections::HashMap, sync::Arc};

use super::{
    issuers::{Issuers, Routes},
    many::Many,
};
#[cfg(feature = "remote")]
use crate::verify::dynamic::DynamicIssuers;
use crate::{error::ConfigError, verify::Verifier};

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
}

/// The fault of a fallback beside a resolver.
const BOTH: &str = "`with_fallback` and `with_dynamic` exclude each other: both are for issuers of no other verifier";
