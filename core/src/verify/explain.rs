//! Why a token was accepted or refused, check by check.

use std::fmt;

use crate::{
    error::{AuthError, AuthErrorKind},
    jose::Header,
    verify::{
        rules::{Facts, Rule, Settings},
        shown::quoted,
    },
};

/// The verdict on a token, and the checks that led to it.
///
/// A payload that cannot be decoded has no check of its signature. Made by [`Verifier::explain`](crate::Verifier::explain). Its `Display` is a table for people.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    checks: Vec<Check>,
    refusal: Option<AuthErrorKind>,
}

impl Explanation {
    /// Why the token is refused; `None` if it is accepted.
    #[must_use]
    pub fn refusal(&self) -> Option<AuthErrorKind> {
        self.refusal
    }

    /// Every check that could be made, in order. After a malformed token there are few.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| matches!(check.verdict, Verdict::Failed(_)))
    }

    pub(super) fn conclude(mut self, result: Result<(), AuthError>) -> Self {
        self.refusal = result.err().map(|error| error.kind());
        self
    }

    fn add(
        &mut self,
        name: &'static str,
        expected: String,
        found: String,
        failed: Option<AuthErrorKind>,
    ) {
        self.checks.push(Check {
            name,
            expected,
            found,
            verdict: failed.map_or(Verdict::Passed, Verdict::Failed),
        });
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            writeln!(f, "{check}")?;
        }
        match self.refusal {
            Some(kind) => write!(f, "refused: {kind}"),
            None => f.write_str("accepted"),
        }
    }
}

/// One check: what it is called, what it expected, what it found, how it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    name: &'static str,
    expected: String,
    found: String,
    verdict: Verdict,
}

impl Check {
    /// The check's name: `format`, `header`, `signature`, `payload`, or the claim.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What would have passed.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What the token holds, escaped and cut to 128 characters.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// How it went.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.verdict {
            Verdict::Passed => "ok  ",
            Verdict::Failed(_) => "FAIL",
        };
        let Self {
            name,
            expected,
            found,
            ..
        } = self;
        write!(f, "{mark} {name}: expected {expected}; found {found}")
    }
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It failed, for this reason.
    Failed(AuthErrorKind),
    /// It passed.
    Passed,
}

/// Listens to a verification.
pub(super) trait Log {
    /// Whether to go on after a refusal.
    const EVERY_CHECK: bool;
    /// Whether the signature is checked. Without it, nothing is verified, and nothing may be kept.
    const SIGNATURE: bool = true;

    fn step(
        &mut self,
        name: &'static str,
        found: impl FnOnce() -> String,
        failed: Option<AuthErrorKind>,
    );
    fn signature(&mut self, header: &Header, failed: Option<AuthErrorKind>);
    fn rule(
        &mut self,
        rule: &Rule,
        settings: &Settings,
        facts: &Facts<'_>,
        failed: Option<AuthErrorKind>,
    );
}

/// Hears nothing, costs nothing.
#[cfg(not(feature = "metrics"))]
pub(super) struct Silent;

#[cfg(not(feature = "metrics"))]
impl Log for Silent {
    const EVERY_CHECK: bool = false;

    fn step(&mut self, _: &'static str, _: impl FnOnce() -> String, _: Option<AuthErrorKind>) {}
    fn signature(&mut self, _: &Header, _: Option<AuthErrorKind>) {}
    fn rule(&mut self, _: &Rule, _: &Settings, _: &Facts<'_>, _: Option<AuthErrorKind>) {}
}

impl Log for Explanation {
    const EVERY_CHECK: bool = true;

    fn step(
        &mut self,
        name: &'static str,
        found: impl FnOnce() -> String,
        failed: Option<AuthErrorKind>,
    ) {
        let found = match failed {
            Some(kind) => kind.to_string(),
            None => found(),
        };
        self.add(name, "well-formed".to_owned(), found, failed);
    }

    fn signature(&mut self, header: &Header, failed: Option<AuthErrorKind>) {
        let found = format!(
            "alg {}, kid {}",
            header.algorithm(),
            quoted(header.key_id())
        );
        self.add(
            "signature",
            "a match under a known key".to_owned(),
            found,
            failed,
        );
    }

    fn rule(
        &mut self,
        rule: &Rule,
        settings: &Settings,
        facts: &Facts<'_>,
        failed: Option<AuthErrorKind>,
    ) {
        let expected = (rule.expected)(settings, facts);
        self.add(rule.name, expected, (rule.found)(settings, facts), failed);
    }
}
