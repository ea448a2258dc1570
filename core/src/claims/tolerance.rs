//! Tolerances: the weakenings that a verifier can have, each with its name.

use std::fmt;

/// A weakening of the strict rules. It has a name, is set for the verifier of one issuer, and is off by default.
///
/// | name | accepts | risk | set by | remove it when |
/// |---|---|---|---|---|
/// | `numeric-sub` | an integer of 64 bits as `sub`, read as its decimal text | `42` and `"42"` are one subject | [`accept_numeric_subject`](crate::VerifierBuilder::accept_numeric_subject) | the last token with a number has expired |
/// | `null-claims` | `null` for a claim that the verifier reads: it counts as absent | a check of an optional claim is skipped where its issuer wrote `null` by mistake | [`accept_null_claims`](crate::VerifierBuilder::accept_null_claims) | the issuer leaves such claims out |
/// | `weak-hs256-secret` | HS256 tokens by a secret of less than 32 bytes | whoever has one token can guess the secret, and then issue tokens | the key | the last token by the secret has expired |
/// | `private-http` | keys fetched over `http` in a private network | whoever can answer in that network can issue tokens | the source of keys | the provider has a certificate |
/// | `any-issuer` | tokens of any `iss`, or without one | everybody who has the key is an issuer | [`any_issuer`](crate::VerifierBuilder::any_issuer) | every token names its issuer |
/// | `any-audience` | tokens for any `aud`, or without one | a token for another service opens this one, or one of another kind, such as an ID token | [`any_audience`](crate::VerifierBuilder::any_audience) | every token names its audience |
///
/// Each shows in [`Verifier::tolerances`](crate::Verifier::tolerances), as a `warn` in the log when the verifier is built (target
/// `countersign`, fields `tolerance` and `issuer`), in [`Explanation`](crate::explain::Explanation), and with the feature
/// `metrics` in `countersign_tolerated_tokens_total`, which counts each time that a token was accepted because of it,
/// also from a cache. So it is not needed any more once its counter stands still for the lifetime of a token.
/// `any-issuer` and `any-audience` leave nothing to compare, so they count with every token.
///
/// A tolerance changes nothing for a token that does not need it.
///
/// # Examples
///
/// ```
/// use countersign::{Key, Verifier, claims::Tolerance};
///
/// let verifier = Verifier::builder(Key::hs256("an example secret of 32 bytes or more")?)
///     .issuer("https://id.example")
///     .audience("orders")
///     .accept_numeric_subject()
///     .build()?;
/// assert_eq!(verifier.tolerances(), [Tolerance::NumericSubject]);
/// assert_eq!(Tolerance::NumericSubject.name(), "numeric-sub");
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tolerance {
    /// `any-audience`: the audience is not compared.
    AnyAudience,
    /// `any-issuer`: the issuer is not compared.
    AnyIssuer,
    /// `null-claims`: `null` counts as absent.
    NullClaims,
    /// `numeric-sub`: an integer as `sub` counts as its decimal text.
    NumericSubject,
    /// `private-http`: keys come over `http` from a private network.
    PrivateHttp,
    /// `weak-hs256-secret`: the secret of an HMAC has less than 32 bytes.
    WeakHs256Secret,
}

impl Tolerance {
    /// Every tolerance.
    pub const ALL: [Self; 6] = [
        Self::AnyAudience,
        Self::AnyIssuer,
        Self::NullClaims,
        Self::NumericSubject,
        Self::PrivateHttp,
        Self::WeakHs256Secret,
    ];

    /// Returns its name, as logs, metrics and configuration files have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnyAudience => "any-audience",
            Self::AnyIssuer => "any-issuer",
            Self::NullClaims => "null-claims",
            Self::NumericSubject => "numeric-sub",
            Self::PrivateHttp => "private-http",
            Self::WeakHs256Secret => "weak-hs256-secret",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of tolerances.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tolerances(u8);

impl Tolerances {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn add(&mut self, tolerance: Tolerance) {
        self.0 |= tolerance.bit();
    }

    pub(crate) const fn contain(self, tolerance: Tolerance) -> bool {
        self.0 & tolerance.bit() != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Lists them in the order of [`Tolerance::ALL`].
    pub(crate) fn iter(self) -> impl Iterator<Item = Tolerance> {
        Tolerance::ALL
            .into_iter()
            .filter(move |own| self.contain(*own))
    }
}

impl fmt::Debug for Tolerances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_tolerance_once() {
        let source = include_str!("tolerance.rs");
        for tolerance in Tolerance::ALL {
            let row = format!("/// | `{tolerance}` |");
            assert_eq!(source.matches(&row).count(), 1, "{row}");
        }
        let rows = source.lines().filter(|line| line.starts_with("/// | `"));
        assert_eq!(rows.count(), Tolerance::ALL.len());
    }

    #[test]
    fn a_set_contains_what_was_added_and_nothing_else() {
        for one in Tolerance::ALL {
            let mut set = Tolerances::NONE;
            set.add(one);
            assert!(set.iter().eq([one]));
            assert!(!set.is_empty());
        }
    }
}
