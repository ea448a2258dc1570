//! Why a token was accepted or refused, check by check.

use std::{borrow::Cow, fmt};

use super::rules::{Facts, RULES, Rule, VerifierSettings};
use crate::{
    claims::{Diagnosis, Unreadable},
    error::{AuthError, AuthErrorKind, Mismatch},
    jose::HeaderView,
};

/// The verdict on a token, and the checks that led to it.
///
/// A payload that cannot be decoded has no check of its signature. A claim of another form than it must
/// have fails by its own name, and what would compare it is left out. Made by [`Verifier::explain`](crate::Verifier::explain). Its `Display` is a table for people.
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

    fn add(&mut self, name: impl Into<Cow<'static, str>>, compared: &Mismatch, verdict: Verdict) {
        self.checks.push(Check {
            name: name.into(),
            expected: compared.expected().into_owned(),
            found: compared.found().into_owned(),
            verdict,
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

    /// What would have passed.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What the token holds, escaped and cut to 128 characters: see [`Mismatch`](crate::explain::Mismatch).
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

/// A check that is made before those of the claims.
pub(super) struct Step {
    pub(super) name: &'static str,
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
        expected: "one JSON object",
    };
    pub(super) const SIGNATURE: Self = Self {
        name: "signature",
        expected: "a match under a known key",
    };
}

/// Listens to a verification.
pub(super) trait Observer {
    /// Whether to go on after a refusal.
    const EVERY_CHECK: bool;
    /// Whether the signature is checked. Without it, nothing is verified, and nothing may be kept.
    const SIGNATURE: bool = true;

    fn passed(&mut self, step: &Step, found: impl FnOnce() -> String);
    fn failed(&mut self, step: &Step, kind: AuthErrorKind, wrong: impl FnOnce() -> Mismatch);
    fn rule(
        &mut self,
        rule: &Rule,
        settings: &VerifierSettings,
        facts: &Facts<'_>,
        failed: Option<AuthErrorKind>,
    );

    /// The payload cannot be read, so that there are no facts for the rules.
    fn unreadable(
        &mut self,
        unreadable: Unreadable,
        payload: &str,
        settings: &VerifierSettings,
        _: &HeaderView<'_>,
        _: i64,
    ) {
        self.failed(&Step::PAYLOAD, unreadable.kind(), || {
            unreadable.mismatch(payload, &settings.places.wanted)
        });
    }
}

/// Hears nothing, costs nothing.
#[cfg(not(feature = "metrics"))]
pub(super) struct NoObserver;

#[cfg(not(feature = "metrics"))]
impl Observer for NoObserver {
    const EVERY_CHECK: bool = false;

    fn passed(&mut self, _: &Step, _: impl FnOnce() -> String) {}
    fn failed(&mut self, _: &Step, _: AuthErrorKind, _: impl FnOnce() -> Mismatch) {}
    fn rule(&mut self, _: &Rule, _: &VerifierSettings, _: &Facts<'_>, _: Option<AuthErrorKind>) {}
}

impl Observer for Explanation {
    const EVERY_CHECK: bool = true;

    fn passed(&mut self, step: &Step, found: impl FnOnce() -> String) {
        self.checks.push(Check {
            name: step.name.into(),
            expected: step.expected.to_owned(),
            found: found(),
            verdict: Verdict::Passed,
        });
    }

    fn failed(&mut self, step: &Step, kind: AuthErrorKind, wrong: impl FnOnce() -> Mismatch) {
        self.add(step.name, &wrong(), Verdict::Failed(kind));
    }

    fn rule(
        &mut self,
        rule: &Rule,
        settings: &VerifierSettings,
        facts: &Facts<'_>,
        failed: Option<AuthErrorKind>,
    ) {
        let verdict = failed.map_or(Verdict::Passed, Verdict::Failed);
        self.add(rule.name, &rule.compare(settings, facts), verdict);
    }

    /// Looks at each claim by itself, and then goes on with the others.
    fn unreadable(
        &mut self,
        unreadable: Unreadable,
        payload: &str,
        settings: &VerifierSettings,
        header: &HeaderView<'_>,
        now: i64,
    ) {
        let wanted = &settings.places.wanted;
        let Some(Diagnosis {
            wrong,
            payload,
            claims,
        }) = Diagnosis::of(payload, wanted)
        else {
            let wrong = || unreadable.mismatch(payload, wanted);
            return self.failed(&Step::PAYLOAD, unreadable.kind(), wrong);
        };
        self.passed(&Step::PAYLOAD, || Step::PAYLOAD.expected.to_owned());
        for wrong in &wrong {
            let verdict = Verdict::Failed(AuthErrorKind::InvalidClaim);
            self.add(wrong.claim().to_owned(), wrong, verdict);
        }
        let facts = Facts {
            header,
            payload: &payload,
            claims: &claims,
            now,
        };
        for rule in RULES {
            // Who compares a claim that cannot be read has nothing to say.
            let is_wrong = |wrong: &Mismatch| (rule.compares)(settings, wrong.claim());
            if !wrong.iter().any(is_wrong) {
                let failed = (rule.check)(settings, &facts).err();
                self.rule(rule, settings, &facts, failed.map(|refused| refused.kind()));
            }
        }
    }
}
