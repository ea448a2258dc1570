//! The settings of a verifier.

use super::{
    alb,
    layout::ResolvedClaims,
    rules::{RULES, Rule},
    svid,
};
#[cfg(feature = "cache")]
use crate::verify::cache::TokenCache;
use crate::{
    claims::{AlbArn, ClaimSlot, RegisteredClaims, Tolerance, Tolerances, TrustDomain},
    revocation::Revocation,
};

/// The settings that the rules compare a token with.
#[derive(Clone, Debug)]
pub(super) struct VerifierSettings {
    /// `None`: any.
    pub(super) issuers: Option<Vec<Box<str>>>,
    /// The trust domain that `sub` must be of, for JWT-SVIDs.
    pub(super) trust_domain: Option<TrustDomain>,
    /// The load balancer of AWS whose tokens these are.
    pub(super) alb_signer: Option<AlbArn>,
    /// Found by a resolver: metrics know it under the name that all such issuers share.
    #[cfg(feature = "remote")]
    pub(super) is_dynamic: bool,
    /// `None`: any.
    pub(super) audiences: Option<Vec<Box<str>>>,
    pub(super) claims: ResolvedClaims,
    /// Empty: the usual ones.
    pub(super) types: Vec<Box<str>>,
    /// Seconds.
    pub(super) leeway: i64,
    /// Seconds.
    pub(super) max_age: Option<i64>,
    /// Seconds.
    pub(super) max_lifetime: Option<i64>,
    pub(super) revocation: Option<Revocation>,
    pub(super) tolerances: Tolerances,
    /// The cache of verdicts.
    #[cfg(feature = "cache")]
    pub(super) cache: Option<TokenCache>,
}

impl VerifierSettings {
    /// Has a list of revocations asked. It looks at `sid`, which nobody may then have in another form.
    pub(super) fn set_revocation(&mut self, revocation: Revocation) {
        self.claims.spec.judge(ClaimSlot::SESSION_ID);
        self.revocation = Some(revocation);
    }

    /// Names the issuer for logs: by its first name.
    pub(super) fn label(&self) -> &str {
        let first = self.issuers.as_ref().and_then(|names| names.first());
        match (first, &self.trust_domain) {
            (Some(name), _) => name,
            (None, Some(domain)) => domain.as_str(),
            (None, None) => "any",
        }
    }

    /// Returns the audiences that a claim of the payload must name; `None` if none must.
    #[inline]
    pub(super) fn audiences_in_claims(&self) -> Option<&[Box<str>]> {
        match self.alb_signer {
            Some(_) => None,
            None => self.audiences.as_deref(),
        }
    }

    /// Returns the rules beside the [usual ones](RULES), which come first.
    pub(super) fn own_rules(&self) -> &'static [Rule] {
        match (&self.trust_domain, &self.alb_signer) {
            (Some(_), _) => svid::RULES,
            (None, Some(_)) => alb::RULES,
            (None, None) => &[],
        }
    }

    /// Returns every rule, in the order of reporting.
    pub(super) fn rules(&self) -> impl Iterator<Item = &'static Rule> + use<> {
        self.own_rules().iter().chain(RULES)
    }

    /// Returns the types of tokens that are accepted, beside none, where the settings name none.
    #[inline]
    pub(super) fn usual_types(&self) -> &'static [&'static str] {
        match (&self.trust_domain, &self.alb_signer) {
            (Some(_), _) => svid::TYPES,
            (None, Some(_)) => alb::TYPES,
            (None, None) => &["jwt", "at+jwt"],
        }
    }

    /// Names the issuer for metrics.
    #[cfg(feature = "metrics")]
    fn metrics_label(&self) -> &str {
        #[cfg(feature = "remote")]
        if self.is_dynamic {
            return crate::remote::UNNAMED_LABEL;
        }
        self.label()
    }

    /// Returns the tolerances without which a token with these claims, which was accepted, would be refused.
    ///
    /// Those [`WITH_EVERY_TOKEN`] are needed by each: nothing else tells whether a token would pass.
    pub(super) fn needed(&self, claims: &RegisteredClaims) -> Tolerances {
        let mut needed = claims.needed;
        for tolerance in WITH_EVERY_TOKEN {
            if self.tolerances.contain(tolerance) {
                needed.add(tolerance);
            }
        }
        needed
    }

    /// Counts a token that was accepted because of a tolerance.
    #[inline]
    pub(super) fn count_tolerated(&self, claims: &RegisteredClaims) {
        #[cfg(feature = "metrics")]
        if !self.tolerances.is_empty() {
            for tolerance in self.needed(claims).iter() {
                crate::metrics::tolerated_token(self.metrics_label(), tolerance.name());
            }
        }
        #[cfg(not(feature = "metrics"))]
        let _ = claims;
    }
}

/// The tolerances that compare nothing in a token.
const WITH_EVERY_TOKEN: [Tolerance; 3] = [
    Tolerance::AnyIssuer,
    Tolerance::AnyAudience,
    Tolerance::PrivateHttp,
];
