//! The rules that a token's claims must pass, as a list: one entry, one rule.

#[cfg(feature = "cache")]
use crate::cache::TokenCache;
use crate::{
    claims::{Place, Registered, Span},
    error::{AuthError, AuthErrorKind},
    jose::Header,
    revocation::{Named, Revocation},
    verify::{
        layout::Places,
        shown::{LONGEST, any_of, at_most, cut, date, latest, listed, quoted},
    },
};

/// What the rules compare with.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// `None`: any.
    pub(super) issuers: Option<Vec<Box<str>>>,
    /// `None`: any.
    pub(super) audiences: Option<Vec<Box<str>>>,
    pub(super) places: Places,
    /// Empty: the usual ones.
    pub(super) types: Vec<Box<str>>,
    /// Seconds.
    pub(super) leeway: i64,
    /// Seconds.
    pub(super) max_age: Option<i64>,
    /// Seconds.
    pub(super) max_lifetime: Option<i64>,
    pub(super) revocation: Option<Revocation>,
    /// Where verdicts are kept.
    #[cfg(feature = "cache")]
    pub(super) cache: Option<TokenCache>,
}

/// What the rules look at.
pub(super) struct Facts<'t> {
    pub(super) header: &'t Header,
    pub(super) payload: &'t str,
    pub(super) claims: &'t Registered,
    pub(super) now: i64,
}

/// One rule: its name, its decision, and how to explain it.
pub(super) struct Rule {
    pub(super) name: &'static str,
    #[cfg_attr(not(feature = "cache"), allow(dead_code))] // only a cache has tokens come again
    pub(super) when: When,
    pub(super) check: fn(&Settings, &Facts<'_>) -> Result<(), AuthError>,
    pub(super) expected: fn(&Settings, &Facts<'_>) -> String,
    pub(super) found: fn(&Settings, &Facts<'_>) -> String,
}

/// When a rule is asked about a token that has been verified, and comes again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Each time: it asks for more than the token and the settings.
    Always,
    /// Never again: it would say the same.
    Once,
}

/// The name of the one rule that asks for more than the token and the settings.
pub(super) const REVOCATION: &str = "revocation";

/// Every rule, in the order of reporting.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "typ",
        when: When::Once,
        check: token_type,
        expected: |settings, _| match settings.types.as_slice() {
            [] => "jwt, at+jwt or absent".to_owned(),
            types => types.join(" or "),
        },
        found: |_, facts| quoted(facts.header.token_type()),
    },
    Rule {
        name: "required claims",
        when: When::Once,
        check: required_claims,
        expected: |settings, _| settings.places.wanted.claims.join(", "),
        found: |settings, facts| {
            let missing = facts.claims.missing.map(usize::from);
            match missing.and_then(|index| settings.places.wanted.claims.get(index)) {
                Some(name) => format!("no {name}"),
                None => "all present".to_owned(),
            }
        },
    },
    Rule {
        name: "required values",
        when: When::Once,
        check: required_values,
        expected: |settings, _| {
            let all = settings.places.values.iter();
            listed(all.map(|(claim, values)| format!("{} {}", claim.name, any_of(Some(values)))))
        },
        found: |settings, facts| {
            let all = settings.places.values.iter();
            listed(all.map(|(claim, _)| format!("{} {}", claim.name, facts.list(claim.place))))
        },
    },
    Rule {
        name: "iss",
        when: When::Once,
        check: issuer,
        expected: |settings, _| any_of(settings.issuers.as_deref()),
        found: |_, facts| quoted(facts.issuer()),
    },
    Rule {
        name: "aud",
        when: When::Once,
        check: audience,
        expected: |settings, _| {
            let expected = any_of(settings.audiences.as_deref());
            match settings.places.audience.place {
                Place::Audience => expected,
                _ => format!("{expected} as {}", settings.places.audience.name),
            }
        },
        found: |settings, facts| facts.list(settings.places.audience.place),
    },
    Rule {
        name: "exp",
        when: When::Always,
        check: expiry,
        expected: |settings, facts| format!("after {}", facts.now.saturating_sub(settings.leeway)),
        found: |_, facts| date(facts.claims.expires_at),
    },
    Rule {
        name: "nbf",
        when: When::Always,
        check: not_before,
        expected: |settings, facts| latest(settings, facts),
        found: |_, facts| date(facts.claims.not_before),
    },
    Rule {
        name: "iat",
        when: When::Always,
        check: issued_at,
        expected: |settings, facts| latest(settings, facts),
        found: |_, facts| date(facts.claims.issued_at),
    },
    Rule {
        name: "lifetime",
        when: When::Always,
        check: lifetime,
        expected: |settings, _| at_most(settings.max_lifetime),
        found: |_, facts| {
            facts
                .lifetime()
                .map_or("unknown".to_owned(), |life| format!("{life} s"))
        },
    },
    Rule {
        name: "age",
        when: When::Always,
        check: age,
        expected: |settings, _| at_most(settings.max_age),
        found: |_, facts| {
            facts
                .age()
                .map_or("unknown".to_owned(), |age| format!("{age} s"))
        },
    },
    Rule {
        name: "cnf",
        when: When::Always,
        check: confirmation,
        expected: |_, _| "absent".to_owned(),
        found: |_, facts| {
            if facts.claims.confirmation.is_some() {
                "present"
            } else {
                "absent"
            }
            .to_owned()
        },
    },
    Rule {
        name: REVOCATION,
        when: When::Always,
        check: revocation,
        expected: |settings, _| match settings.revocation {
            Some(_) => "none of these revoked".to_owned(),
            None => "any".to_owned(),
        },
        found: |_, facts| {
            let named = facts.named();
            format!(
                "jti {}, sid {}, sub {}, iat {}",
                quoted(named.id),
                quoted(named.session),
                quoted(named.subject),
                date(named.issued_at)
            )
        },
    },
];

impl<'t> Facts<'t> {
    fn issuer(&self) -> Option<&'t str> {
        self.text(self.claims.issuer)
    }

    fn named(&self) -> Named<'t> {
        Named {
            id: self.text(self.claims.id),
            session: self.text(self.claims.session_id),
            subject: self.text(self.claims.subject),
            issued_at: self.claims.issued_at,
        }
    }

    fn text(&self, claim: Option<Span>) -> Option<&'t str> {
        Some(self.claims.get(claim?, self.payload))
    }

    /// The texts of a claim, for people.
    fn list(&self, place: Place) -> String {
        let Some(texts) = self.claims.texts(place) else {
            return "absent".to_owned();
        };
        let all: Vec<String> = texts
            .iter()
            .take(LONGEST)
            .map(|one| quoted(self.text(Some(*one))))
            .collect();
        match all.as_slice() {
            [] => "none".to_owned(),
            all => cut(all.join(", ")),
        }
    }

    fn lifetime(&self) -> Option<i64> {
        let start = self
            .claims
            .issued_at
            .or(self.claims.not_before)
            .unwrap_or(self.now);
        Some(self.claims.expires_at?.saturating_sub(start))
    }

    fn age(&self) -> Option<i64> {
        Some(self.now.saturating_sub(self.claims.issued_at?))
    }
}

/// RFC 8725 section 3.11: a token of another kind is not taken for this one.
fn token_type(settings: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    let typ = facts.header.token_type_bytes();
    let good = if settings.types.is_empty() {
        matches!(typ, None | Some(b"jwt" | b"at+jwt"))
    } else {
        typ.is_some_and(|typ| settings.types.iter().any(|own| own.as_bytes() == typ))
    };
    refuse_unless(good, AuthErrorKind::WrongType)
}

fn required_claims(_: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    refuse_unless(facts.claims.missing.is_none(), AuthErrorKind::MissingClaim)
}

fn required_values(settings: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    for (claim, expected) in &settings.places.values {
        if facts.claims.texts(claim.place).is_none() {
            return Err(AuthErrorKind::MissingClaim.into());
        }
        // An array is not the text that it holds.
        let found = facts.text(facts.claims.text(claim.place));
        refuse_unless(
            found.is_some_and(|found| expected.iter().any(|own| **own == *found)),
            AuthErrorKind::InvalidClaim,
        )?;
    }
    Ok(())
}

/// RFC 7519 section 4.1.1, RFC 8725 section 3.8. An expected claim is a required claim.
fn issuer(settings: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    let Some(expected) = &settings.issuers else {
        return Ok(());
    };
    let issuer = facts.issuer().ok_or(AuthErrorKind::MissingClaim)?;
    refuse_unless(
        expected.iter().any(|own| **own == *issuer),
        AuthErrorKind::WrongIssuer,
    )
}

/// RFC 7519 section 4.1.3, RFC 8725 section 3.9.
fn audience(settings: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    let Some(expected) = &settings.audiences else {
        return Ok(());
    };
    let found = facts.claims.texts(settings.places.audience.place);
    let found = found.ok_or(AuthErrorKind::MissingClaim)?;
    let is_expected = |one: &Span| {
        let one = facts.claims.get(*one, facts.payload);
        expected.iter().any(|own| **own == *one)
    };
    refuse_unless(found.iter().any(is_expected), AuthErrorKind::WrongAudience)
}

/// RFC 7519 section 4.1.4.
fn expiry(settings: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    let expires_at = facts.claims.expires_at.ok_or(AuthErrorKind::MissingClaim)?;
    refuse_unless(
        facts.now < expires_at.saturating_add(settings.leeway),
        AuthErrorKind::Expired,
    )
}

/// RFC 7519 section 4.1.5.
fn not_before(settings: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    refuse_unless(
        has_come(facts.claims.not_before, settings, facts),
        AuthErrorKind::NotYetValid,
    )
}

/// RFC 7519 section 4.1.6: a token from the future has a wrong clock behind it, or a forger.
fn issued_at(settings: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    refuse_unless(
        has_come(facts.claims.issued_at, settings, facts),
        AuthErrorKind::IssuedInFuture,
    )
}

/// RFC 9700 section 4.10.
fn lifetime(settings: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    let within = match (settings.max_lifetime, facts.lifetime()) {
        (Some(max), Some(lifetime)) => lifetime <= max,
        _ => true,
    };
    refuse_unless(within, AuthErrorKind::LifetimeTooLong)
}

fn age(settings: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    let Some(max) = settings.max_age else {
        return Ok(());
    };
    let age = facts.age().ok_or(AuthErrorKind::MissingClaim)?;
    refuse_unless(
        age <= max.saturating_add(settings.leeway),
        AuthErrorKind::TokenTooOld,
    )
}

/// RFC 7800 section 3.1: a bound token is worth nothing without the proof.
fn confirmation(_: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    refuse_unless(
        facts.claims.confirmation.is_none(),
        AuthErrorKind::BoundToken,
    )
}

/// Last: another refusal says more, and needs nothing that may be away.
fn revocation(settings: &Settings, facts: &Facts<'_>) -> Result<(), AuthError> {
    match &settings.revocation {
        Some(revocation) => Ok(revocation.decide(&facts.named(), facts.now)?),
        None => Ok(()),
    }
}

fn has_come(date: Option<i64>, settings: &Settings, facts: &Facts<'_>) -> bool {
    date.is_none_or(|date| date <= facts.now.saturating_add(settings.leeway))
}

fn refuse_unless(good: bool, kind: AuthErrorKind) -> Result<(), AuthError> {
    if good { Ok(()) } else { Err(kind.into()) }
}
