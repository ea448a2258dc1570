//! Policies: conditions that a verified token must meet.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::Value;

use super::json_equality::is_equal;
use crate::{
    claims::{ClaimSlot, VerifiedToken},
    error::{AuthError, AuthErrorKind, LONGEST, Mismatch, Required, cut, quoted},
};

/// A condition that a verified token must meet.
///
/// A policy enforces and describes itself: a refusal names the scopes or the authentication that
/// would be enough. The default refuses everybody.
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// use countersign::Policy;
///
/// let policy = Policy::scope("orders:read").and(Policy::role("guest").not());
/// let issuer = TestIssuer::new();
/// let token = issuer.verifier().verify_now(&issuer.token().scope("profile").sign())?;
///
/// let refused = policy.check(&token).unwrap_err().challenge();
/// assert_eq!(refused.status(), 403);
/// assert_eq!(
///     refused.www_authenticate(),
///     Some(r#"Bearer error="insufficient_scope", error_description="the token lacks a required scope", scope="orders:read""#)
/// );
/// # Ok::<(), countersign::AuthError>(())
/// ```
#[must_use = "a policy does nothing until it is required somewhere"]
#[derive(Clone)]
pub struct Policy(Rule);

#[derive(Clone)]
enum Rule {
    Acr(Vec<String>),
    All(Vec<Policy>),
    Any(Vec<Policy>),
    Claim(String, Value),
    MaxAge(u64),
    Nobody,
    Not(Box<Policy>),
    Principal(Arc<str>, Arc<PrincipalTest>),
    Role(String),
    Scope(String),
    Test(Arc<str>, Arc<dyn Fn(&VerifiedToken) -> bool + Send + Sync>),
}

/// `None` where there is no principal of the type.
type PrincipalTest = dyn Fn(&VerifiedToken) -> Option<bool> + Send + Sync;

impl Policy {
    /// Requires this scope; with several, separated by spaces, all of them.
    ///
    /// Scopes are in the claim `scope`, unless the verifier
    /// [says otherwise](crate::VerifierBuilder::scopes).
    pub fn scope(scopes: impl AsRef<str>) -> Self {
        let mut all: Vec<Self> = scopes
            .as_ref()
            .split_ascii_whitespace()
            .map(|scope| Self(Rule::Scope(scope.to_owned())))
            .collect();
        match all.len() {
            // No scope at all is a slip, which must not let everybody in.
            0 => Self::default(),
            1 => all.remove(0),
            _ => Self(Rule::All(all)),
        }
    }

    /// Requires at least one of these scopes.
    pub fn any_scope<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Self {
        let any: Vec<Self> = scopes.into_iter().map(Self::scope).collect();
        match any.as_slice() {
            [] => Self::default(),
            _ => Self(Rule::Any(any)),
        }
    }

    /// Requires this role. Case matters.
    ///
    /// Roles are in the claim `role` or `roles`: one text, or an array of texts. The verifier can
    /// [say otherwise](crate::VerifierBuilder::roles), so one policy serves the tokens of every issuer.
    pub fn role(role: impl Into<String>) -> Self {
        Self(Rule::Role(role.into()))
    }

    /// Requires that the claim `name` equals `value`, as JSON: `7` and `7.0` are one number, also inside of arrays and
    /// objects.
    ///
    /// Integers of 64 bits are compared exactly. Other numbers are rounded when JSON is read: one beyond
    /// 2^50, or with more than 15 digits, may seem equal to its neighbours. Then neither the policy nor
    /// its opposite lets the token in. A longer identifier belongs in a text.
    pub fn claim(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self(Rule::Claim(name.into(), value.into()))
    }

    /// Requires that the user authenticated in one of these contexts (`acr`). A refusal asks for step-up
    /// authentication (RFC 9470 section 3).
    pub fn acr<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Self {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        match values.as_slice() {
            [] => Self::default(),
            _ => Self(Rule::Acr(values)),
        }
    }

    /// Requires that the user authenticated (`auth_time`) at most this long ago, in whole seconds. A refusal asks
    /// for step-up authentication (RFC 9470 section 3).
    pub fn max_age(age: Duration) -> Self {
        Self(Rule::MaxAge(age.as_secs()))
    }

    /// Requires that a test of your own passes. Its name appears in logs and in `Debug`, never in an answer.
    pub fn new(
        name: impl Into<Arc<str>>,
        test: impl Fn(&VerifiedToken) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Rule::Test(name.into(), Arc::new(test)))
    }

    /// Requires that a test of the [principal](crate::Authenticator::principal) passes. Its name appears in logs and in `Debug`, never in an
    /// answer.
    ///
    /// Where there is no principal, or one of another type, neither the policy nor its opposite lets the token in.
    pub fn principal<P: Send + Sync + 'static>(
        name: impl Into<Arc<str>>,
        test: impl Fn(&P) -> bool + Send + Sync + 'static,
    ) -> Self {
        let test = move |token: &VerifiedToken| Some(test(&*token.principal::<P>().ok()?));
        Self(Rule::Principal(name.into(), Arc::new(test)))
    }

    /// Requires both.
    pub fn and(self, other: Self) -> Self {
        Self(Rule::All(vec![self, other]))
    }

    /// Requires at least one of the two.
    pub fn or(self, other: Self) -> Self {
        Self(Rule::Any(vec![self, other]))
    }

    /// Requires the opposite.
    ///
    /// An absent claim meets no condition, so it meets the opposite. A condition that cannot be decided,
    /// such as one on a `role` that is a number, lets nobody in either way.
    #[allow(clippy::should_implement_trait)] // `!policy` would hide a security decision
    pub fn not(self) -> Self {
        Self(Rule::Not(Box::new(self)))
    }

    /// Checks a token against this policy.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::InsufficientScope`] or [`AuthErrorKind::Forbidden`] (403),
    /// [`AuthErrorKind::StepUpRequired`] (401). The challenge says what would be enough. It is not
    /// logged here, but by the adapter when a handler returns it with `?`.
    pub fn check(&self, token: &VerifiedToken) -> Result<(), AuthError> {
        let (Answer::No(kind) | Answer::Undecided(kind)) = self.decide(token) else {
            return Ok(());
        };
        let mut required = Required::default();
        self.describe(kind, &mut required);
        let wrong = self.mismatch(kind, &required, token);
        let error = token.refuse(kind).about(|| wrong);
        Err(error.with_required(Arc::new(required)))
    }

    /// Returns the scopes that this policy asks for, each once, in order.
    #[must_use]
    pub fn scopes(&self) -> Vec<String> {
        let mut required = Required::default();
        self.describe(AuthErrorKind::InsufficientScope, &mut required);
        required.scopes
    }

    fn decide(&self, token: &VerifiedToken) -> Answer {
        let forbidden = |holds| Answer::from(holds, AuthErrorKind::Forbidden);
        let step_up = |holds| Answer::from(holds, AuthErrorKind::StepUpRequired);
        match &self.0 {
            Rule::Acr(_) if token.is_unreadable(ClaimSlot::ACR) => UNREADABLE,
            Rule::Acr(values) => step_up(values.iter().any(|own| token.acr() == Some(own))),
            Rule::All(all) => decide_all(all, token),
            Rule::Any(any) => decide_any(any.iter().map(|policy| policy.decide(token))),
            Rule::Claim(name, value) => match token.claim::<Value>(name) {
                Ok(None) => forbidden(false),
                Ok(Some(found)) => is_equal(&found, value).map_or(UNDECIDED, forbidden),
                Err(_) => UNDECIDED,
            },
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
            Rule::Scope(scope) => Answer::from(
                token.scopes().contains(scope),
                AuthErrorKind::InsufficientScope,
            ),
            Rule::Test(_, test) => forbidden(test(token)),
        }
    }

    /// Compares what would have been enough with the token, for the log.
    fn mismatch(
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
    fn describe(&self, kind: AuthErrorKind, required: &mut Required) {
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

impl Default for Policy {
    /// Refuses everybody; so does its opposite.
    fn default() -> Self {
        Self(Rule::Nobody)
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
            Rule::All(all) => list(f, "all", all),
            Rule::Any(any) => list(f, "any", any),
            Rule::Claim(name, value) => f.debug_tuple("claim").field(name).field(value).finish(),
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

/// The most seconds by which the clock behind `auth_time` may be ahead of ours.
const CLOCK_SKEW: i64 = 60;

/// The decision of a policy about a token.
enum Answer {
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
