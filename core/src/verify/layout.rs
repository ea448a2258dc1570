//! The layout of a provider's tokens: the claims that contain audience, scopes and roles.

use std::sync::Arc;

use super::builder::VerifierBuilder;
use crate::{
    claims::{
        ClaimSlot, ClaimSpec, Provider, RoleSource, ScopeHierarchy, ScopeSource, TokenContext,
    },
    clock::Clock,
    error::ConfigError,
};

impl<K> VerifierBuilder<K> {
    /// Sets the issuer, and the layout of this provider's tokens: see [`Provider`].
    ///
    /// Call it first: later settings override it or add to it.
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
        if let Some(domain) = provider.trust_domain {
            self = self.spiffe_trust_domain(domain.as_str());
        }
        if let Some(signer) = provider.alb_signer {
            self = self.aws_alb_signer(signer.as_str());
        }
        for claim in provider.claims {
            self = self.require_claim(*claim);
        }
        for (claim, value) in provider.values {
            self = self.require_value(claim, value);
        }
        for claim in provider.refused {
            self = self.refuse_claim(*claim);
        }
        for claim in provider.not_empty {
            let rule = ((*claim).into(), Expected::NotEmpty);
            self.layout.rules.push(rule);
        }
        for (claim, value) in provider.absent_or {
            let rule = ((*claim).into(), Expected::AbsentOr((*value).into()));
            self.layout.rules.push(rule);
        }
        self.audience_claim(provider.audience_claim)
            .scopes(provider.scopes)
            .roles(provider.roles)
    }

    /// Sets the claim that is compared with the expected audience, for a provider whose tokens have no
    /// `aud`. Default `aud`.
    ///
    /// It is as strict as with `aud`: the claim must be there, as one text or an array of texts. Then `aud` is not
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

    /// Sets where the scopes are. Default: the claim `scope`.
    pub fn scopes(mut self, source: ScopeSource) -> Self {
        self.layout.scopes = source;
        self
    }

    /// Sets which scopes imply others: see [`ScopeHierarchy`]. Default: none does.
    pub fn scope_hierarchy(mut self, hierarchy: ScopeHierarchy) -> Self {
        self.layout.hierarchy = Some(hierarchy);
        self
    }

    /// Sets where the roles are. Default: the claims `role` and `roles`.
    pub fn roles(mut self, source: RoleSource) -> Self {
        self.layout.roles = source;
        self
    }

    /// Refuses a token whose claim `name` is not this text, compared exactly. Repeatable: any of the
    /// values of one claim is accepted.
    ///
    /// For a claim that tells the kind of a token, or its owner: it is required, and an array is refused
    /// even if it contains the text.
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

    /// Refuses a token that has this claim, whatever its value.
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

/// The settings of a builder about the layout of tokens.
pub(super) struct ClaimLayout {
    audience_claim: Box<str>,
    roles: RoleSource,
    scopes: ScopeSource,
    hierarchy: Option<ScopeHierarchy>,
    values: Vec<(Box<str>, Vec<Box<str>>)>,
    refused: Vec<Box<str>>,
    /// Those of a provider.
    rules: Vec<(Box<str>, Expected)>,
}

impl Default for ClaimLayout {
    fn default() -> Self {
        Self {
            audience_claim: "aud".into(),
            roles: RoleSource::default(),
            scopes: ScopeSource::default(),
            hierarchy: None,
            values: Vec::new(),
            refused: Vec::new(),
            rules: Vec::new(),
        }
    }
}

/// The layout as the rules use it: each claim with its slot.
#[derive(Clone, Debug)]
pub(super) struct ResolvedClaims {
    pub(super) audience: ResolvedClaim,
    pub(super) values: Vec<(ResolvedClaim, Expected)>,
    pub(super) spec: ClaimSpec,
}

/// What a claim must be.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    Absent,
    AbsentOr(Box<str>),
    /// A text of one character or more.
    NotEmpty,
    OneOf(Vec<Box<str>>),
}

impl ResolvedClaims {
    /// Requires that a claim is as expected.
    pub(super) fn require(&mut self, name: &str, expected: Expected) -> Result<(), ConfigError> {
        let claim = match expected {
            Expected::Absent => ResolvedClaim::new(name, self.spec.refused(name))?,
            _ => named(&mut self.spec, name)?,
        };
        self.values.push((claim, expected));
        Ok(())
    }
}

/// A claim of texts that the settings name.
#[derive(Clone, Debug)]
pub(super) struct ResolvedClaim {
    pub(super) name: Box<str>,
    pub(super) slot: ClaimSlot,
}

impl ResolvedClaim {
    fn new(name: &str, slot: Option<ClaimSlot>) -> Result<Self, ConfigError> {
        let slot = slot.filter(|_| !name.is_empty());
        Ok(Self {
            name: name.into(),
            slot: slot.ok_or_else(|| misplaced(name, "a text"))?,
        })
    }
}

impl ClaimLayout {
    /// Returns the claim that the audience is in.
    pub(super) fn audience_claim(&self) -> &str {
        &self.audience_claim
    }

    /// Finds the slot of each claim. `claims` are those that must be there, whatever their value.
    pub(super) fn resolve(
        self,
        claims: Vec<Box<str>>,
        clock: Arc<dyn Clock>,
    ) -> Result<(ResolvedClaims, TokenContext), ConfigError> {
        if self.roles.is_incomplete() {
            return Err(ConfigError::InvalidSetting(
                "`roles`: a source names no claim".to_owned(),
            ));
        }
        let is_required = |name: &str| {
            let values = self.values.iter().map(|(own, _)| own);
            let rules = self.rules.iter();
            let rules = rules.filter(|(_, expected)| matches!(expected, Expected::NotEmpty));
            let rules = rules.map(|(own, _)| own);
            let mut all = claims.iter().chain(values).chain(rules);
            all.any(|own| **own == *name)
        };
        if let Some(name) = self.refused.iter().find(|name| is_required(name)) {
            return Err(ConfigError::Conflict(format!(
                "the claim {name:?} is both required and refused"
            )));
        }
        let mut spec = ClaimSpec::new(claims);
        let audience = named(&mut spec, &self.audience_claim)?;
        let slot = audience.slot;
        if !matches!(slot, ClaimSlot::AUDIENCE | ClaimSlot::CLIENT_ID) && !slot.is_other() {
            return Err(misplaced(&self.audience_claim, "an audience"));
        }
        let mut scopes = Vec::new();
        for name in self.scopes.names() {
            let slot = spec.scopes(name).filter(|_| !name.is_empty());
            scopes.push(slot.ok_or_else(|| misplaced(name, "scopes"))?);
        }
        let mut resolved = ResolvedClaims {
            audience,
            values: Vec::new(),
            spec,
        };
        let values = self.values.into_iter();
        let values = values.map(|(name, alternatives)| (name, Expected::OneOf(alternatives)));
        let refused = self
            .refused
            .into_iter()
            .map(|name| (name, Expected::Absent));
        for (name, expected) in values.chain(refused).chain(self.rules) {
            resolved.require(&name, expected)?;
        }
        let context = TokenContext {
            clock,
            roles: self.roles,
            scopes,
            hierarchy: self.hierarchy,
            credential: None,
            trust_domain: None,
        };
        Ok((resolved, context))
    }
}

/// Has a claim read as texts.
fn named(spec: &mut ClaimSpec, name: &str) -> Result<ResolvedClaim, ConfigError> {
    ResolvedClaim::new(name, spec.text(name))
}

fn misplaced(name: &str, what: &str) -> ConfigError {
    ConfigError::InvalidSetting(format!("the claim {name:?} cannot hold {what}"))
}
