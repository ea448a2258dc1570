//! Policies: conditions that a verified token must meet.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::decide::Answer;
use crate::{
    claims::VerifiedToken,
    error::{AuthError, AuthErrorKind, Required},
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
pub struct Policy(pub(super) Rule);

#[derive(Clone)]
pub(super) enum Rule {
    Acr(Vec<String>),
    /// The issuer, if it is not the token's, and the name.
    Actor(Option<String>, String),
    All(Vec<Policy>),
    Any(Vec<Policy>),
    Claim(String, Value),
    Direct,
    MaxAge(u64),
    Nobody,
    Not(Box<Policy>),
    Principal(Arc<str>, Arc<PrincipalTest>),
    Role(String),
    Scope(String),
    Test(Arc<str>, Arc<dyn Fn(&VerifiedToken) -> bool + Send + Sync>),
}

/// A test of the principal; `None` where there is none of that type.
type PrincipalTest = dyn Fn(&VerifiedToken) -> Option<bool> + Send + Sync;

impl Policy {
    /// Requires this scope; with several, separated by spaces, all of them.
    ///
    /// Scopes are in the claim `scope`, unless the verifier
    /// [says otherwise](crate::VerifierBuilder::scopes). It can also have scopes that
    /// [imply](crate::claims::ScopeHierarchy) this one.
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

    /// Requires at least one of these roles. Case matters.
    pub fn any_role<S: Into<String>>(roles: impl IntoIterator<Item = S>) -> Self {
        let any: Vec<Self> = roles.into_iter().map(Self::role).collect();
        match any.as_slice() {
            [] => Self::default(),
            _ => Self(Rule::Any(any)),
        }
    }

    /// Requires that this actor acts for the subject (`act`, RFC 8693 section 4.1), by the name that the issuer of the token
    /// gave it.
    ///
    /// The outermost actor alone is compared: its [history](crate::claims::Actor::history) grants nothing. An actor that the
    /// token says is of another issuer is another one: see [`actor_of`](Self::actor_of). Where nobody can read the `act`, neither the
    /// policy nor its opposite lets the token in.
    pub fn actor(subject: impl Into<String>) -> Self {
        Self(Rule::Actor(None, subject.into()))
    }

    /// Requires that this actor acts for the subject, by the name that `issuer` gave it.
    pub fn actor_of(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self(Rule::Actor(Some(issuer.into()), subject.into()))
    }

    /// Requires that the subject acts itself: that there is no [actor](Self::actor).
    ///
    /// Where nobody can read the `act`, neither the policy nor its opposite lets the token in.
    pub fn direct() -> Self {
        Self(Rule::Direct)
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
    /// [`AuthErrorKind::StepUpRequired`] (401), [`AuthErrorKind::InvalidClaim`] (401) for an actor that nobody can read. The challenge says what would be enough. It is not
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
}

impl Default for Policy {
    /// Refuses everybody; so does its opposite.
    fn default() -> Self {
        Self(Rule::Nobody)
    }
}
