//! JWT-SVIDs of SPIFFE: tokens whose issuer is told by the trust domain of their subject, and not by `iss`.

use super::{
    builder::VerifierBuilder,
    facts::Facts,
    refused::Refused,
    rules::{OnHit, Rule},
    settings::VerifierSettings,
};
use crate::{
    claims::{ClaimSlot, Tolerance, TrustDomain, trust_domain_of},
    error::{AuthErrorKind, ConfigError, quoted},
    jose::Algorithm,
};

impl<K> VerifierBuilder<K> {
    /// Accepts JWT-SVIDs of this SPIFFE trust domain, for example `example.org`, in place of tokens of an issuer.
    ///
    /// `sub` must be a SPIFFE ID of the trust domain, such as `spiffe://example.org/web`, with a path and in its one spelling
    /// (SPIFFE-ID section 2). `iss` need not be there, and counts only if an [`issuer`](Self::issuer) is set as well. `typ` is `JWT`,
    /// `JOSE` or absent, and `alg` one of RS, ES and PS (JWT-SVID section 2).
    ///
    /// The keys must be those of the trust domain alone, such as
    /// [`KeySet::from_spiffe_bundle`](crate::KeySet::from_spiffe_bundle). [`Provider::spiffe`](crate::Provider::spiffe) sets both.
    ///
    /// `build` refuses what would contradict it: [`any_issuer`](Self::any_issuer), [`any_audience`](Self::any_audience), another
    /// [claim as the audience](Self::audience_claim), [numbers as `sub`](Self::accept_numeric_subject), and other algorithms and types.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// use countersign::Verifier;
    ///
    /// # let issuer = TestIssuer::new();
    /// # let keys = issuer.key();
    /// let verifier = Verifier::builder(keys)
    ///     .spiffe_trust_domain("example.org")
    ///     .audience("orders")
    /// #   .clock(issuer.clock().clone())
    ///     .build()?;
    /// let of = |id: &str| issuer.token().without("iss").subject(id).audience("orders").sign();
    /// assert!(verifier.verify_now(&of("spiffe://example.org/web")).is_ok());
    /// assert!(verifier.verify_now(&of("spiffe://evil.example/web")).is_err());
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn spiffe_trust_domain(mut self, trust_domain: impl Into<String>) -> Self {
        self.trust_domain = Some(TrustDomain::new(&trust_domain.into()));
        self
    }
}

/// The types that a JWT-SVID can name, in their normal form.
pub(super) const TYPES: &[&str] = &["jwt", "jose"];

/// Returns the trust domain that a builder has, if nothing else that it has contradicts it.
pub(super) fn checked<K>(builder: &VerifierBuilder<K>) -> Result<Option<TrustDomain>, ConfigError> {
    let Some(domain) = builder.trust_domain.clone().transpose()? else {
        return Ok(None);
    };
    let is_of_svids = |own: &Algorithm| Algorithm::OF_JWT_SVIDS.contains(own);
    let algorithms = builder.algorithms.as_deref().unwrap_or_default();
    let why = if builder.any_issuer {
        "`.any_issuer()`: `iss` need not be there already"
    } else if builder.any_audience {
        "`.any_audience()`: each JWT-SVID names its audience"
    } else if builder.layout.audience_claim() != "aud" {
        "`.audience_claim(..)`: each JWT-SVID names its audience in `aud`"
    } else if builder.tolerances.contain(Tolerance::NumericSubject) {
        "`.accept_numeric_subject()`: the subject is a SPIFFE ID"
    } else if !builder.types.iter().all(|own| TYPES.contains(&&**own)) {
        "`.token_type(..)`: the type of a JWT-SVID is `JWT`, `JOSE` or absent"
    } else if !algorithms.iter().all(is_of_svids) {
        "`.algorithms(..)`: a JWT-SVID is signed by RS, ES or PS"
    } else {
        return Ok(Some(domain));
    };
    Err(ConfigError::Conflict(format!(
        "`.spiffe_trust_domain(..)` excludes {why}"
    )))
}

/// The rule that a trust domain adds, ahead of all others.
pub(super) const RULES: &[Rule] = &[Rule::new(
    "trust domain",
    OnHit::Skip,
    trust_domain,
    |_, claim| claim == "sub",
    |_, _| "sub".into(),
    |settings, _| match &settings.trust_domain {
        Some(domain) => quoted(Some(&format!("{domain}/.."))),
        None => "any".to_owned(),
    },
    |_, facts| match facts.text(ClaimSlot::SUBJECT) {
        None => "absent".to_owned(),
        Some(subject) => match trust_domain_of(subject) {
            Some(domain) => quoted(Some(&format!("{domain}/.."))),
            None => "no SPIFFE ID of a workload".to_owned(),
        },
    },
)];

/// Compares the trust domain of `sub` (SPIFFE, JWT-SVID section 3.1): it is the issuer.
fn trust_domain(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    let Some(expected) = &settings.trust_domain else {
        return Ok(());
    };
    let subject = facts.text(ClaimSlot::SUBJECT);
    let found = trust_domain_of(subject.ok_or(AuthErrorKind::MissingClaim)?);
    match found.ok_or(AuthErrorKind::InvalidClaim)? {
        found if found == expected.as_str() => Ok(()),
        _ => Err(AuthErrorKind::WrongIssuer.into()),
    }
}
