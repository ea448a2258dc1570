//! The explanation of a verdict, check by check.

use std::{borrow::Cow, fmt};

use crate::{
    claims::{Tolerance, Tolerances},
    error::{AuthError, AuthErrorKind, Mismatch},
};

/// The verdict on a token, and the checks that led to it.
///
/// Made by [`Verifier::explain`](crate::Verifier::explain) and [`Issuers::explain`](crate::Issuers::explain). A payload that cannot be decoded has no check
/// of its signature. A claim that has the wrong form fails under its own name, and checks that would
/// compare it are left out. `Display` prints a table for people, with the [tolerances](Tolerance) of the verifier.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    checks: Vec<Check>,
    refusal: Option<AuthErrorKind>,
    tolerances: Tolerances,
    needed: Tolerances,
}

impl Explanation {
    /// Why the token is refused; `None` if it is accepted.
    #[must_use]
    pub fn refusal(&self) -> Option<AuthErrorKind> {
        self.refusal
    }

    /// The weakenings of the strict rules that the verifier has.
    #[must_use]
    pub fn tolerances(&self) -> Vec<Tolerance> {
        self.tolerances.iter().collect()
    }

    /// The weakenings without which this token would be refused; none if it is refused anyway.
    #[must_use]
    pub fn needed_tolerances(&self) -> Vec<Tolerance> {
        match self.refusal {
            Some(_) => Vec::new(),
            None => self.needed.iter().collect(),
        }
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

    /// Notes the tolerances of the verifier.
    pub(super) fn of(tolerances: Tolerances) -> Self {
        Self {
            tolerances,
            ..Self::default()
        }
    }

    /// Notes tolerances that the token needed.
    pub(super) fn need(&mut self, tolerances: Tolerances) {
        tolerances.iter().for_each(|own| self.needed.add(own));
    }

    pub(super) fn step_passed(&mut self, step: &Step, found: String) {
        self.checks.push(Check {
            name: step.name.into(),
            expected: step.expected.to_owned(),
            found,
            verdict: Verdict::Passed,
        });
    }

    pub(super) fn step_failed(&mut self, step: &Step, kind: AuthErrorKind, wrong: &Mismatch) {
        self.refuse(kind);
        self.add(step.name, wrong, Verdict::Failed(kind));
    }

    /// Ends the explanation with a step that nothing can follow.
    pub(super) fn stop(mut self, step: &Step, error: &AuthError) -> Self {
        self.refuse(error.kind());
        if let Some(wrong) = error.mismatch() {
            self.step_failed(step, error.kind(), wrong);
        }
        self
    }

    /// Explains a refusal that comes before any verifier.
    pub(super) fn of_refusal(kind: AuthErrorKind, wrong: Option<&Mismatch>) -> Self {
        let mut explanation = Self::default();
        explanation.refuse(kind);
        if let Some(wrong) = wrong {
            explanation.add(wrong.claim().to_owned(), wrong, Verdict::Failed(kind));
        }
        explanation
    }

    pub(super) fn add(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        compared: &Mismatch,
        verdict: Verdict,
    ) {
        self.checks.push(Check {
            name: name.into(),
            expected: compared.expected().into_owned(),
            found: compared.found().into_owned(),
            verdict,
        });
    }

    /// Notes why the token is refused: the first reason counts.
    pub(super) fn refuse(&mut self, kind: AuthErrorKind) {
        self.refusal.get_or_insert(kind);
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            writeln!(f, "{check}")?;
        }
        if !self.tolerances.is_empty() {
            let list = |all: Vec<Tolerance>| match all.as_slice() {
                [] => "none".to_owned(),
                all => all
                    .iter()
                    .map(|one| one.name())
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            let (own, needed) = (list(self.tolerances()), list(self.needed_tolerances()));
            writeln!(f, "tolerances: {own}; needed: {needed}")?;
        }
        match self.refusal {
            Some(kind) => write!(f, "refused: {kind}"),
            None => f.write_str("accepted"),
        }
    }
}

/// One check: its name, what it expected, what it found, and its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    name: Cow<'static, str>,
    expected: String,
    found: String,
    verdict: Verdict,
}

impl Check {
    /// The check's name: `format`, `header`, `signature`, `payload`, or the claim.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value that would have passed.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// The value in the token, escaped and cut to 128 characters: see [`Mismatch`](crate::explain::Mismatch).
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// The verdict of this check.
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

/// The verdict of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The check failed, for this reason.
    Failed(AuthErrorKind),
    /// The check passed.
    Passed,
}

/// A check that comes before those of the claims.
pub(super) struct Step {
    name: &'static str,
    expected: &'static str,
}

impl Step {
    pub(super) const FORMAT: Self = Self {
        name: "format",
        expected: "three parts with dots between them",
    };
    pub(super) const HEADER: Self = Self {
        name: "header",
        expected: "a JOSE header",
    };
    pub(super) const PAYLOAD: Self = Self {
        name: "payload",
        expected: Self::PAYLOAD_FOUND,
    };
    pub(super) const PAYLOAD_FOUND: &'static str = "one JSON object";
    pub(super) const SIGNATURE: Self = Self {
        name: "signature",
        expected: "a match under a known key",
    };
}
