//! The words of a policy: what would have been enough, for the challenge, the log and `Debug`.

use std::fmt;

use super::policy::{Policy, Rule};
use crate::{
    claims::{Actor, ClaimSlot, VerifiedToken},
    error::{AuthErrorKind, LONGEST, Mismatch, Required, cut, quoted},
};

impl Policy {
    /// Compares what would have been enough with the token, for the log.
    pub(super) fn mismatch(
        &self,
        kind: AuthErrorKind,
        required: &Required,
        token: &VerifiedToken,
    ) -> Mismatch {
        match kind {
            AuthErrorKind::InsufficientScope => {
                let own: Vec<&str> = token.scopes().iter().take(LONGEST).collect();
                let found = match own.as_slice() {
                    [] => "none".to_owned(),
                    own => cut(own.join(" ")),
                };
                Mismatch::written("scope", required.scopes.join(" "), found)
            }
            AuthErrorKind::InvalidClaim => {
                Mismatch::written("act", Actor::FORM, "something that nobody can read")
            }
            AuthErrorKind::StepUpRequired => {
                let (mut claims, mut expected, mut found) = (vec![], vec![], vec![]);
                if !required.acr_values.is_empty() {
                    claims.push("acr");
                    expected.push(format!("{:?}", required.acr_values));
                    found.push(match token.is_unreadable(ClaimSlot::ACR) {
                        true => "no text".to_owned(),
                        false => quoted(token.acr()),
                    });
                }
                if let Some(seconds) = required.max_age {
                    let at = token.authenticated_at();
                    claims.push("auth_time");
                    expected.push(format!("at most {seconds} s ago"));
                    found.push(match at {
                        Some(at) => format!("{} s ago", token.now().saturating_sub(at)),
                        None if token.is_unreadable(ClaimSlot::AUTH_TIME) => "no time".to_owned(),
                        None => "absent".to_owned(),
                    });
                }
                Mismatch::written(claims.join(", "), expected.join(", "), found.join(", "))
            }
            _ => Mismatch::written(
                "policy",
                cut(format!("{self:?}")),
                "a token that does not hold it",
            ),
        }
    }

    /// Collects what would have been enough, as far as the refusal can say it.
    pub(super) fn describe(&self, kind: AuthErrorKind, required: &mut Required) {
        match (&self.0, kind) {
            (Rule::All(policies) | Rule::Any(policies), _) => {
                for policy in policies {
                    policy.describe(kind, required);
                }
            }
            (Rule::Scope(scope), AuthErrorKind::InsufficientScope)
                if !required.scopes.contains(scope) =>
            {
                required.scopes.push(scope.clone());
            }
            (Rule::Acr(values), AuthErrorKind::StepUpRequired) => {
                required.acr_values.extend(values.iter().cloned());
            }
            (Rule::MaxAge(seconds), AuthErrorKind::StepUpRequired) => {
                required.max_age = Some(required.max_age.map_or(*seconds, |age| age.min(*seconds)));
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, name: &str, policies: &[Self]| {
            let mut tuple = f.debug_tuple(name);
            for policy in policies {
                tuple.field(policy);
            }
            tuple.finish()
        };
        match &self.0 {
            Rule::Acr(values) => f.debug_tuple("acr").field(values).finish(),
            Rule::Actor(None, name) => f.debug_tuple("actor").field(name).finish(),
            Rule::Actor(Some(issuer), name) => {
                f.debug_tuple("actor_of").field(issuer).field(name).finish()
            }
            Rule::All(all) => list(f, "all", all),
            Rule::Any(any) => list(f, "any", any),
            Rule::Claim(name, value) => f.debug_tuple("claim").field(name).field(value).finish(),
            Rule::Direct => f.write_str("direct"),
            Rule::MaxAge(seconds) => f.debug_tuple("max_age").field(seconds).finish(),
            Rule::Nobody => f.write_str("nobody"),
            Rule::Not(policy) => f.debug_tuple("not").field(policy).finish(),
            Rule::Principal(name, _) => f.debug_tuple("principal").field(name).finish(),
            Rule::Role(role) => f.debug_tuple("role").field(role).finish(),
            Rule::Scope(scope) => f.debug_tuple("scope").field(scope).finish(),
            Rule::Test(name, _) => f.debug_tuple("test").field(name).finish(),
        }
    }
}
