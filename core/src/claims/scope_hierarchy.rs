//! Scopes that imply others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::{claims::read::is_scope, error::ConfigError};

/// Scopes that imply others: who has `orders:write` may also do what `orders:read` allows.
///
/// A verifier with it meets [`Policy::scope`](crate::Policy::scope) and
/// [`VerifiedToken::has_scope`](crate::VerifiedToken::has_scope) with any scope that implies the required one, over several steps
/// too. [`VerifiedToken::scopes`](crate::VerifiedToken::scopes) stays what the token says, and a challenge names the scope that
/// was required. By default no scope implies another, whatever their names look like.
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// use countersign::{Policy, claims::ScopeHierarchy};
///
/// # let issuer = TestIssuer::new();
/// let scopes = ScopeHierarchy::new([
///     ("orders:admin", "orders:write orders:refund"),
///     ("orders:write", "orders:read"),
/// ])?;
/// let verifier = issuer.verifier_builder().scope_hierarchy(scopes).build()?;
///
/// let token = verifier.verify_now(&issuer.token().scope("orders:admin").sign())?;
/// assert!(Policy::scope("orders:read").check(&token).is_ok());
/// assert!(token.has_scope("orders:read"));
/// assert!(!token.scopes().contains("orders:read"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a hierarchy does nothing until a verifier has it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeHierarchy {
    /// To each scope, all those that imply it.
    implying: Arc<BTreeMap<Box<str>, Vec<Box<str>>>>,
}

impl ScopeHierarchy {
    /// The most scopes that a hierarchy names: 256.
    pub const MAX_SCOPES: usize = 256;

    /// Makes a hierarchy of pairs: a scope, and those that it implies, separated by spaces. A scope may come in several pairs.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when a name is no scope (RFC 6749 section 3.3), one implies nothing, or there are more than
    /// [`MAX_SCOPES`](Self::MAX_SCOPES); [`ConfigError::Conflict`] when a scope implies itself, over other scopes too.
    pub fn new<S: AsRef<str>, I: AsRef<str>>(
        pairs: impl IntoIterator<Item = (S, I)>,
    ) -> Result<Self, ConfigError> {
        let mut implied: BTreeMap<Box<str>, BTreeSet<Box<str>>> = BTreeMap::new();
        for (scope, others) in pairs {
            let (scope, others) = (scope.as_ref(), others.as_ref());
            let mut others = others.split_ascii_whitespace().peekable();
            if others.peek().is_none() {
                return invalid(format_args!("the scope {scope:?} implies nothing"));
            }
            for name in others {
                for name in [scope, name] {
                    if !is_scope(name) {
                        return invalid(format_args!("{name:?} is no scope"));
                    }
                }
                implied.entry(name.into()).or_default();
                implied.entry(scope.into()).or_default().insert(name.into());
            }
            if implied.len() > Self::MAX_SCOPES {
                return invalid("it names more than 256 scopes");
            }
        }
        let mut implying: BTreeMap<Box<str>, Vec<Box<str>>> = BTreeMap::new();
        for scope in implied.keys() {
            let mut reached: BTreeSet<&str> = BTreeSet::new();
            let mut waiting = vec![&**scope];
            while let Some(next) = waiting.pop() {
                for name in implied.get(next).into_iter().flatten() {
                    if name == scope {
                        return Err(ConfigError::Conflict(format!(
                            "`scope_hierarchy`: the scope {scope:?} implies itself"
                        )));
                    }
                    if reached.insert(name) {
                        waiting.push(name);
                    }
                }
            }
            for name in reached {
                let all = implying.entry(name.into()).or_default();
                all.push(scope.clone());
            }
        }
        Ok(Self {
            implying: Arc::new(implying),
        })
    }

    /// Returns the other scopes that imply this one.
    pub(super) fn implying(&self, scope: &str) -> &[Box<str>] {
        self.implying.get(scope).map_or(&[], Vec::as_slice)
    }
}

fn invalid<T>(text: impl fmt::Display) -> Result<T, ConfigError> {
    Err(ConfigError::InvalidSetting(format!(
        "`scope_hierarchy`: {text}"
    )))
}
