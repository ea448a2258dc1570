//! How the tokens of a provider are laid out: which claim is the audience, where scopes and roles are.

use std::sync::Arc;

use super::builder::VerifierBuilder;
use crate::{
    claims::{ClaimSlot, ClaimSpec, Provider, RoleSource, ScopeSource, TokenContext},
    clock::Clock,
    error::ConfigError,
};

impl<K> VerifierBuilder<K> {
    /// The issuer, and what the tokens of this provider have of their own: see [`Provider`].
    ///
    /// Say it first. What is said after it takes its place or adds to it, as usual.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Key, Policy, Provider, Verifier};
    ///
    /// # fn published() -> Result<Key, countersign::ConfigError> { Key::hs256([7, 1].repeat(16)) }
    /// let verifier = Verifier::builder(published()?)
    ///     .provider(Provider::keycloak("https://id.example", "shop")?)
    ///     .audience("orders")
    ///     .build()?;
    /// // Looks at `realm_access.roles`.
    /// let staff_only = Policy::role("staff");
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn provider(mut self, provider: impl Into<Provider>) -> Self {
        let provider = provider.into();
        for issuer in provider.issuers {
            self = self.issuer(issuer);
        }
        for claim in provider.claims {
            self = self.require_claim(*claim);
        }
        for (claim, value) in provider.values {
            self = self.require_value(*claim, *value);
        }
        self.audience_claim(provider.audience_claim)
            .scopes(provider.scopes)
            .roles(provider.roles)
    }

    /// The claim that is compared with the expected audience, for a provider whose tokens have no
    /// `aud`. Default `aud`.
    ///
    /// It is as strict: the claim must be there, as one text or an array of texts. Then `aud` is not
    /// compared with anything.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// # let issuer = TestIssuer::new();
    /// let verifier = issuer
    ///     .verifier_builder()
    ///     .audience_claim("client_id")
    ///     .audience("web-shop")
    ///     .build()?;
    /// let token = issuer.token().without("aud").claim("client_id", "web-shop").sign();
    /// assert!(verifier.verify_now(&token).is_ok());
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn audience_claim(mut self, name: impl Into<String>) -> Self {
        self.layout.audience_claim = name.into().into_boxed_str();
        self
    }

    /// Where the scopes are. Default: the claim `scope`.
    pub fn scopes(mut self, source: ScopeSource) -> Self {
        self.layout.scopes = source;
        self
    }

    /// Where the roles are. Default: the claims `role` and `roles`.
    pub fn roles(mut self, source: RoleSource) -> Self {
        self.layout.roles = source;
        self
    }

    /// Refuses a token whose claim `name` is not this text, compared exactly. Said again for the same
    /// claim, it adds an alternative.
    ///
    /// For a claim that says what kind of token this is, or whose: it is required, and an array is
    /// refused even if it holds the text.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// # let issuer = TestIssuer::new();
    /// let verifier = issuer.verifier_builder().require_value("token_use", "access").build()?;
    ///
    /// let with = |value: &str| issuer.token().claim("token_use", value).sign();
    /// assert!(verifier.verify_now(&with("access")).is_ok());
    /// assert_eq!(verifier.verify_now(&with("id")).unwrap_err().reason(), "invalid_claim");
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn require_value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into().into_boxed_str());
        let values = &mut self.layout.values;
        match values.iter_mut().find(|(own, _)| **own == *name) {
            Some((_, alternatives)) => alternatives.push(value),
            None => values.push((name.into_boxed_str(), vec![value])),
        }
        self
    }

    /// Refuses a token that has this claim, whatever it holds.
    ///
    /// For a claim that marks the tokens of somebody else with the same issuer and keys.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// # let issuer = TestIssuer::new();
    /// let verifier = issuer.verifier_builder().refuse_claim("session_realm").build()?;
    ///
    /// let of_staff = issuer.token().claim("session_realm", "staff").sign();
    /// assert_eq!(verifier.verify_now(&of_staff).unwrap_err().reason(), "invalid_claim");
    /// assert!(verifier.verify_now(&issuer.token().sign()).is_ok());
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn refuse_claim(mut self, name: impl Into<String>) -> Self {
        self.layout.refused.push(name.into().into_boxed_str());
        self
    }
}

/// The settings of a builder that say where things are in a token.
pub(super) struct ClaimLayout {
    audience_claim: Box<str>,
    roles: RoleSource,
    scopes: ScopeSource,
    values: Vec<(Box<str>, Vec<Box<str>>)>,
    refused: Vec<Box<str>>,
}

impl Default for ClaimLayout {
    fn default() -> Self {
        Self {
            audience_claim: "aud".into(),
            roles: RoleSource::default(),
            scopes: ScopeSource::default(),
            values: Vec::new(),
            refused: Vec::new(),
        }
    }
}

/// The same for the rules: each claim with its place.
#[derive(Clone, Debug)]
pub(super) struct ResolvedClaims {
    pub(super) audience: ResolvedClaim,
    /// Claims, and the texts that each may be. One that may be none must be absent.
    pub(super) values: Vec<(ResolvedClaim, Vec<Box<str>>)>,
    pub(super) wanted: ClaimSpec,
}

impl ResolvedClaims {
    /// Requires that a claim is one of these texts, or without one, that it is absent.
    pub(super) fn require(
        &mut self,
        name: &str,
        alternatives: Vec<Box<str>>,
    ) -> Result<(), ConfigError> {
        let claim = named(&mut self.wanted, name)?;
        self.values.push((claim, alternatives));
        Ok(())
    }
}

/// A claim of texts that the settings name.
#[derive(Clone, Debug)]
pub(super) struct ResolvedClaim {
    pub(super) name: Box<str>,
    pub(super) place: ClaimSlot,
}

impl ClaimLayout {
    /// Finds the place of each claim. `claims` are those that must be there, whatever they hold.
    pub(super) fn resolve(
        self,
        claims: Vec<Box<str>>,
        clock: Arc<dyn Clock>,
    ) -> Result<(ResolvedClaims, TokenContext), ConfigError> {
        if self.roles.is_incomplete() {
            return Err(ConfigError::InvalidSetting(
                "a source of roles names no claim".to_owned(),
            ));
        }
        let is_required = |name: &str| {
            let values = self.values.iter().map(|(own, _)| own);
            claims.iter().chain(values).any(|own| **own == *name)
        };
        if let Some(name) = self.refused.iter().find(|name| is_required(name)) {
            return Err(ConfigError::Conflict(format!(
                "the claim {name:?} is both required and refused"
            )));
        }
        let mut wanted = ClaimSpec::new(claims);
        let audience = named(&mut wanted, &self.audience_claim)?;
        let place = audience.place;
        if !matches!(place, ClaimSlot::AUDIENCE | ClaimSlot::CLIENT_ID) && !place.is_other() {
            return Err(misplaced(&self.audience_claim, "an audience"));
        }
        let mut scopes = Vec::new();
        for name in self.scopes.names() {
            let place = wanted.scopes(name).filter(|_| !name.is_empty());
            scopes.push(place.ok_or_else(|| misplaced(name, "scopes"))?);
        }
        let mut places = ResolvedClaims {
            audience,
            values: Vec::new(),
            wanted,
        };
        let refused = self.refused.into_iter().map(|name| (name, Vec::new()));
        for (name, alternatives) in self.values.into_iter().chain(refused) {
            places.require(&name, alternatives)?;
        }
        let context = TokenContext {
            clock,
            roles: self.roles,
            scopes,
        };
        Ok((places, context))
    }
}

/// Has a claim read as texts.
fn named(wanted: &mut ClaimSpec, name: &str) -> Result<ResolvedClaim, ConfigError> {
    let place = wanted.text(name).filter(|_| !name.is_empty());
    Ok(ResolvedClaim {
        name: name.into(),
        place: place.ok_or_else(|| misplaced(name, "a text"))?,
    })
}

fn misplaced(name: &str, what: &str) -> ConfigError {
    ConfigError::InvalidSetting(format!("the claim {name:?} cannot hold {what}"))
}
