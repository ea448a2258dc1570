//! The decision of a policy about a token.

use serde_json::Value;

use super::{
    json_equality::is_equal,
    policy::{Policy, Rule},
};
use crate::{
    claims::{Actor, ClaimSlot, VerifiedToken},
    error::AuthErrorKind,
};

impl Policy {
    pub(super) fn decide(&self, token: &VerifiedToken) -> Answer {
        let forbidden = |holds| Answer::from(holds, AuthErrorKind::Forbidden);
        let step_up = |holds| Answer::from(holds, AuthErrorKind::StepUpRequired);
        match &self.0 {
            Rule::Acr(_) if token.is_unreadable(ClaimSlot::ACR) => UNREADABLE,
            Rule::Acr(values) => step_up(values.iter().any(|own| token.acr() == Some(own))),
            Rule::Actor(issuer, name) => decide_actor(token, |actor| {
                let issuer = issuer.as_deref().or(token.issuer());
                forbidden(actor.is_some_and(|own| own.subject() == name && own.issuer() == issuer))
            }),
            Rule::All(all) => decide_all(all, token),
            Rule::Any(any) => decide_any(any.iter().map(|policy| policy.decide(token))),
            Rule::Claim(name, value) => match token.claim::<Value>(name) {
                Ok(None) => forbidden(false),
                Ok(Some(found)) => is_equal(&found, value).map_or(UNDECIDED, forbidden),
                Err(_) => UNDECIDED,
            },
            Rule::Direct => decide_actor(token, |actor| forbidden(actor.is_none())),
            Rule::MaxAge(_) if token.is_unreadable(ClaimSlot::AUTH_TIME) => UNREADABLE,
            Rule::MaxAge(seconds) => step_up(is_recent(token, *seconds)),
            Rule::Nobody => UNDECIDED,
            Rule::Not(policy) => match policy.decide(token) {
                Answer::Yes => Answer::No(AuthErrorKind::Forbidden),
                Answer::No(_) => Answer::Yes,
                Answer::Undecided(_) => UNDECIDED,
            },
            Rule::Principal(_, test) => test(token).map_or(UNDECIDED, forbidden),
            Rule::Role(role) => decide_any(token.roles_by_part().map(|part| match part {
                Ok(own) => forbidden(own.iter().any(|own| own == role)),
                Err(_) => UNDECIDED,
            })),
            Rule::Scope(scope) => {
                Answer::from(token.has_scope(scope), AuthErrorKind::InsufficientScope)
            }
            Rule::Test(_, test) => forbidden(test(token)),
        }
    }
}

/// The most seconds by which the clock behind `auth_time` may be ahead of ours.
const CLOCK_SKEW: i64 = 60;

/// The decision of a policy about a token.
pub(super) enum Answer {
    Yes,
    No(AuthErrorKind),
    /// Neither: not even the opposite policy lets the token in.
    Undecided(AuthErrorKind),
}

const UNDECIDED: Answer = Answer::Undecided(AuthErrorKind::Forbidden);

/// The answer about a claim of the login that nobody can read: logging in again may mend it.
const UNREADABLE: Answer = Answer::Undecided(AuthErrorKind::StepUpRequired);

impl Answer {
    fn from(holds: bool, refusal: AuthErrorKind) -> Self {
        if holds { Self::Yes } else { Self::No(refusal) }
    }
}

/// The answer about an actor that nobody can read: such a token is no good.
const UNREADABLE_ACTOR: Answer = Answer::Undecided(AuthErrorKind::InvalidClaim);

fn decide_actor(token: &VerifiedToken, decide: impl FnOnce(Option<Actor>) -> Answer) -> Answer {
    token.read_actor().map_or(UNREADABLE_ACTOR, decide)
}

/// Requires all. The first that says no is reported.
fn decide_all(all: &[Policy], token: &VerifiedToken) -> Answer {
    let mut answer = Answer::Yes;
    for policy in all {
        match policy.decide(token) {
            Answer::Yes => {}
            no @ Answer::No(_) => return no,
            undecided @ Answer::Undecided(_) => answer = undecided,
        }
    }
    answer
}

/// Requires at least one. If there is none, the refusal that says most is reported.
fn decide_any(any: impl IntoIterator<Item = Answer>) -> Answer {
    let mut refusal = AuthErrorKind::Forbidden;
    let mut is_undecided = false;
    for answer in any {
        let kind = match answer {
            Answer::Yes => return answer,
            Answer::No(kind) => kind,
            Answer::Undecided(kind) => {
                is_undecided = true;
                kind
            }
        };
        if refusal == AuthErrorKind::Forbidden {
            refusal = kind;
        }
    }
    if is_undecided {
        Answer::Undecided(refusal)
    } else {
        Answer::No(refusal)
    }
}

fn is_recent(token: &VerifiedToken, seconds: u64) -> bool {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    token.authenticated_at().is_some_and(|at| {
        // A login in the future is a clock that is wrong, or a lie.
        (-CLOCK_SKEW..=seconds).contains(&token.now().saturating_sub(at))
    })
}
