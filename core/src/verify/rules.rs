//! The rules that a token's claims must pass, as a list: one entry, one rule.

use std::borrow::Cow;

use super::{
    describe::{any_of, at_most, date, latest, listed, presence},
    facts::Facts,
    layout::{Expected, ResolvedClaim},
    refused::Refused,
    settings::VerifierSettings,
};
use crate::{
    claims::ClaimSlot,
    error::{AuthErrorKind, Mismatch, quoted},
};

/// One rule: its name, its decision, and how to explain it.
pub(super) struct Rule {
    pub(super) name: &'static str,
    #[cfg_attr(not(feature = "cache"), allow(dead_code))] // only a cache has tokens come again
    pub(super) when: OnHit,
    pub(super) check: fn(&VerifierSettings, &Facts<'_>) -> Result<(), Refused>,
    /// Returns whether the rule compares the value of this claim.
    pub(super) compares: fn(&VerifierSettings, claim: &str) -> bool,
    /// Names the claim of the rule. After it has passed, that may be several, or none.
    claim: fn(&VerifierSettings, &Facts<'_>) -> Cow<'static, str>,
    expected: fn(&VerifierSettings, &Facts<'_>) -> String,
    found: fn(&VerifierSettings, &Facts<'_>) -> String,
}

impl Rule {
    /// Makes a rule of a list elsewhere.
    pub(super) const fn new(
        name: &'static str,
        when: OnHit,
        check: fn(&VerifierSettings, &Facts<'_>) -> Result<(), Refused>,
        compares: fn(&VerifierSettings, &str) -> bool,
        claim: fn(&VerifierSettings, &Facts<'_>) -> Cow<'static, str>,
        expected: fn(&VerifierSettings, &Facts<'_>) -> String,
        found: fn(&VerifierSettings, &Facts<'_>) -> String,
    ) -> Self {
        Self {
            name,
            when,
            check,
            compares,
            claim,
            expected,
            found,
        }
    }

    /// Says what the rule expected and what it found, whatever it decided.
    #[cold]
    pub(super) fn compare(&self, settings: &VerifierSettings, facts: &Facts<'_>) -> Mismatch {
        Mismatch::written(
            (self.claim)(settings, facts),
            (self.expected)(settings, facts),
            (self.found)(settings, facts),
        )
    }
}

/// The use of a rule on a cache hit: for a token that was verified before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnHit {
    /// Checked each time: it depends on more than the token and the settings.
    Recheck,
    /// Not checked again: the result would be the same.
    Skip,
}

/// The name of the rule about tokens that are bound.
pub(super) const CONFIRMATION: &str = "cnf";
/// The name of the rule that asks a list.
pub(super) const REVOCATION: &str = "revocation";

/// Every rule, in the order of reporting.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "typ",
        when: OnHit::Skip,
        check: token_type,
        compares: |_, _| false,
        claim: |_, _| "typ".into(),
        expected: |settings, _| match settings.types.as_slice() {
            [] => format!("{} or absent", settings.usual_types().join(", ")),
            types => types.join(" or "),
        },
        found: |_, facts| quoted(facts.header.token_type().as_deref()),
    },
    Rule {
        name: "required claims",
        when: OnHit::Skip,
        check: required_claims,
        compares: |_, _| false,
        claim: |settings, facts| listed(facts.missing(settings).map(str::to_owned)).into(),
        expected: |settings, facts| match facts.claims.missing {
            0 => listed(settings.claims.spec.claims.iter().map(ToString::to_string)),
            _ => "present".to_owned(),
        },
        found: |_, facts| presence(facts.claims.missing == 0).to_owned(),
    },
    Rule {
        name: "required values",
        when: OnHit::Skip,
        check: required_values,
        compares: |settings, claim| {
            let mut values = settings.claims.values.iter();
            values.any(|(own, _)| *own.name == *claim)
        },
        claim: |settings, facts| {
            listed(values_to_show(settings, facts).map(|(claim, _)| claim.name.to_string())).into()
        },
        expected: |settings, facts| {
            let all = values_to_show(settings, facts);
            listed(all.map(|(claim, expected)| match expected {
                Expected::Absent => format!("{} absent", claim.name),
                Expected::AbsentOr(value) => {
                    format!("{} absent or {}", claim.name, quoted(Some(value)))
                }
                Expected::NotEmpty => format!("{} not empty", claim.name),
                Expected::OneOf(values) => format!("{} {}", claim.name, any_of(Some(values))),
            }))
        },
        found: |settings, facts| {
            let all = values_to_show(settings, facts);
            listed(all.map(|(claim, _)| format!("{} {}", claim.name, facts.list(claim.slot))))
        },
    },
    Rule {
        name: "iss",
        when: OnHit::Skip,
        check: issuer,
        compares: |_, claim| claim == "iss",
        claim: |_, _| "iss".into(),
        expected: |settings, _| match (&settings.issuers, &settings.trust_domain) {
            (None, Some(_)) => "any, or absent: the trust domain counts".to_owned(),
            (issuers, _) => any_of(issuers.as_deref()),
        },
        found: |_, facts| quoted(facts.issuer()),
    },
    Rule {
        name: "aud",
        when: OnHit::Skip,
        check: audience,
        compares: |settings, claim| *settings.claims.audience.name == *claim,
        claim: |settings, _| settings.claims.audience.name.to_string().into(),
        expected: |settings, _| {
            if settings.alb_signer.is_some() {
                return "any: the client in the header counts".to_owned();
            }
            let expected = any_of(settings.audiences.as_deref());
            match settings.claims.audience.slot {
                ClaimSlot::AUDIENCE => expected,
                _ => format!("{expected} as {}", settings.claims.audience.name),
            }
        },
        found: |settings, facts| facts.list(settings.claims.audience.slot),
    },
    Rule {
        name: "exp",
        when: OnHit::Recheck,
        check: expiry,
        compares: |_, claim| claim == "exp",
        claim: |_, _| "exp".into(),
        expected: |settings, facts| format!("after {}", facts.now.saturating_sub(settings.leeway)),
        found: |_, facts| date(facts.claims.date(ClaimSlot::EXPIRES_AT)),
    },
    Rule {
        name: "nbf",
        when: OnHit::Recheck,
        check: not_before,
        compares: |_, claim| claim == "nbf",
        claim: |_, _| "nbf".into(),
        expected: |settings, facts| latest(settings, facts),
        found: |_, facts| date(facts.claims.date(ClaimSlot::NOT_BEFORE)),
    },
    Rule {
        name: "iat",
        when: OnHit::Recheck,
        check: issued_at,
        compares: |_, claim| claim == "iat",
        claim: |_, _| "iat".into(),
        expected: |settings, facts| latest(settings, facts),
        found: |_, facts| date(facts.claims.date(ClaimSlot::ISSUED_AT)),
    },
    Rule {
        name: "lifetime",
        when: OnHit::Recheck,
        check: lifetime,
        compares: |_, claim| matches!(claim, "exp" | "iat" | "nbf"),
        claim: |_, _| "exp".into(),
        expected: |settings, _| at_most(settings.max_lifetime, "max_lifetime"),
        found: |_, facts| {
            facts
                .lifetime()
                .map_or("unknown".to_owned(), |life| format!("{life} s"))
        },
    },
    Rule {
        name: "age",
        when: OnHit::Recheck,
        check: age,
        compares: |_, claim| claim == "iat",
        claim: |_, _| "iat".into(),
        expected: |settings, _| at_most(settings.max_age, "max_age"),
        found: |_, facts| {
            facts
                .age()
                .map_or("unknown".to_owned(), |age| format!("{age} s"))
        },
    },
    Rule {
        name: CONFIRMATION,
        when: OnHit::Recheck,
        check: confirmation,
        compares: |_, claim| claim == "cnf",
        claim: |_, _| "cnf".into(),
        expected: |_, _| "absent".to_owned(),
        found: |_, facts| presence(facts.claims.has(ClaimSlot::CONFIRMATION)).to_owned(),
    },
    Rule {
        name: REVOCATION,
        when: OnHit::Recheck,
        check: revocation,
        compares: |_, claim| matches!(claim, "iat" | "jti" | "sid" | "sub"),
        claim: |_, _| REVOCATION.into(),
        expected: |settings, _| match settings.revocation {
            Some(_) => "none of these revoked".to_owned(),
            None => "any".to_owned(),
        },
        found: |_, facts| {
            let named = facts.named();
            format!(
                "jti {}, sid {}, sub {}, iat {}",
                presence(named.id.is_some()),
                presence(named.session.is_some()),
                presence(named.subject.is_some()),
                date(named.issued_at)
            )
        },
    },
];

/// Refuses a token of another kind (RFC 8725 section 3.11).
fn token_type(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    let header = facts.header;
    let good = match settings.types.as_slice() {
        [] => {
            let mut usual = settings.usual_types().iter();
            header.has_no_type() || usual.any(|own| header.has_type(own))
        }
        types => types.iter().any(|own| header.has_type(own)),
    };
    refuse_unless(good, AuthErrorKind::WrongType)
}

fn required_claims(_: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    refuse_unless(facts.claims.missing == 0, AuthErrorKind::MissingClaim)
}

fn required_values(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    let values = &settings.claims.values;
    values.iter().try_for_each(|value| has_value(value, facts))
}

fn has_value(
    (claim, expected): &(ResolvedClaim, Expected),
    facts: &Facts<'_>,
) -> Result<(), Refused> {
    let is_absent = !facts.claims.has(claim.slot);
    if is_absent {
        let may_be = matches!(expected, Expected::Absent | Expected::AbsentOr(_));
        return refuse_unless(may_be, AuthErrorKind::MissingClaim);
    }
    // An array with the text in it is not that text.
    let found = facts.text(claim.slot);
    let is_expected = found.is_some_and(|found| match expected {
        Expected::Absent => false,
        Expected::AbsentOr(value) => **value == *found,
        Expected::NotEmpty => !found.is_empty(),
        Expected::OneOf(values) => values.iter().any(|own| **own == *found),
    });
    refuse_unless(is_expected, AuthErrorKind::InvalidClaim)
}

/// Returns the values that differ from those required; all of them, if none does.
fn values_to_show<'s>(
    settings: &'s VerifierSettings,
    facts: &Facts<'_>,
) -> impl Iterator<Item = &'s (ResolvedClaim, Expected)> {
    let all = &settings.claims.values;
    let is_wrong = |value: &_| has_value(value, facts).is_err();
    let any_wrong = all.iter().any(is_wrong);
    all.iter()
        .filter(move |value| !any_wrong || is_wrong(value))
}

/// Compares `iss` (RFC 7519 section 4.1.1, RFC 8725 section 3.8). An expected claim is a required claim.
fn issuer(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    let Some(expected) = &settings.issuers else {
        return Ok(());
    };
    let issuer = facts.issuer().ok_or(AuthErrorKind::MissingClaim)?;
    refuse_unless(
        expected.iter().any(|own| **own == *issuer),
        AuthErrorKind::WrongIssuer,
    )
}

/// Compares `aud` (RFC 7519 section 4.1.3, RFC 8725 section 3.9).
fn audience(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    let Some(expected) = settings.audiences_in_claims() else {
        return Ok(());
    };
    let slot = settings.claims.audience.slot;
    let found = facts.claims.texts(slot, facts.payload);
    let mut found = found.ok_or(AuthErrorKind::MissingClaim)?;
    let is_expected = |one: &str| expected.iter().any(|own| **own == *one);
    refuse_unless(found.any(is_expected), AuthErrorKind::WrongAudience)
}

/// Checks `exp` (RFC 7519 section 4.1.4).
fn expiry(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    let expires_at = facts
        .claims
        .date(ClaimSlot::EXPIRES_AT)
        .ok_or(AuthErrorKind::MissingClaim)?;
    refuse_unless(
        facts.now < expires_at.saturating_add(settings.leeway),
        AuthErrorKind::Expired,
    )
}

/// Checks `nbf` (RFC 7519 section 4.1.5).
fn not_before(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    refuse_unless(
        has_come(facts.claims.date(ClaimSlot::NOT_BEFORE), settings, facts),
        AuthErrorKind::NotYetValid,
    )
}

/// Checks `iat` (RFC 7519 section 4.1.6): behind a token from the future is a wrong clock, or a forger.
fn issued_at(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    refuse_unless(
        has_come(facts.claims.date(ClaimSlot::ISSUED_AT), settings, facts),
        AuthErrorKind::IssuedInFuture,
    )
}

/// Checks the lifetime (RFC 9700 section 4.10).
fn lifetime(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    let within = match (settings.max_lifetime, facts.lifetime()) {
        (Some(max), Some(lifetime)) => lifetime <= max,
        _ => true,
    };
    refuse_unless(within, AuthErrorKind::LifetimeTooLong)
}

fn age(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    let Some(max) = settings.max_age else {
        return Ok(());
    };
    let age = facts.age().ok_or(AuthErrorKind::MissingClaim)?;
    refuse_unless(
        age <= max.saturating_add(settings.leeway),
        AuthErrorKind::TokenTooOld,
    )
}

/// Refuses a bound token: it is worth nothing without the proof (RFC 7800 section 3.1), which a verifier does not see.
fn confirmation(_: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    refuse_unless(
        facts.checks_confirmation || !facts.claims.has(ClaimSlot::CONFIRMATION),
        AuthErrorKind::BoundToken,
    )
}

/// Checks the list of revocations. Last: other refusals say more, and need nothing that may be away.
fn revocation(settings: &VerifierSettings, facts: &Facts<'_>) -> Result<(), Refused> {
    match &settings.revocation {
        Some(revocation) => {
            let decision = revocation.decide(facts.named(), facts.now);
            decision.map_err(|refusal| Refused::because(refusal.into()))
        }
        None => Ok(()),
    }
}

fn has_come(date: Option<i64>, settings: &VerifierSettings, facts: &Facts<'_>) -> bool {
    date.is_none_or(|date| date <= facts.now.saturating_add(settings.leeway))
}

fn refuse_unless(good: bool, kind: AuthErrorKind) -> Result<(), Refused> {
    if good { Ok(()) } else { Err(kind.into()) }
}
