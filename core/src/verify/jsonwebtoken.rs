//! The settings of the crate `jsonwebtoken`, as those of a verifier.

use std::{collections::HashSet, time::Duration};

use jsonwebtoken::Validation;

use super::builder::VerifierBuilder;
use crate::{error::ConfigError, jose::Algorithm, keys::Keys};

impl VerifierBuilder<Keys> {
    /// The settings of a `Validation` of the crate [`jsonwebtoken`](https://docs.rs/jsonwebtoken) 12, to change
    /// before [`build`](Self::build). Feature `jsonwebtoken`.
    ///
    /// The verifier is at least as strict. It refuses what `jsonwebtoken` never looks at, or only where the
    /// claim is present; each of these is a line in the log, at `warn` and with the field `setting`.
    ///
    /// A `sub` that is a number was read by a type with `i64`, and is refused here: add
    /// [`accept_numeric_subject`](Self::accept_numeric_subject).
    ///
    /// | in the `Validation` | here |
    /// |---|---|
    /// | `algorithms` | the accepted ones; each key has one of its own besides |
    /// | `iss` | the issuers, and the claim is required; without: [any](Self::any_issuer) |
    /// | `aud` | the audiences, and the claim is required; without: no `aud`, or [any](Self::any_audience) where `validate_aud` is off |
    /// | `sub` | the subject, and the claim is required |
    /// | `required_spec_claims` | required |
    /// | `leeway` | for `exp`, `nbf` and `iat` |
    /// | `validate_nbf` | `nbf` and `iat` are always checked, where they are present |
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when `validate_exp` is off, and for `reject_tokens_expiring_in_less_than`,
    /// which has no counterpart.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Algorithm, Key, VerifierBuilder};
    /// use jsonwebtoken::{DecodingKey, Validation};
    ///
    /// # fn secret() -> Vec<u8> { [7, 1].repeat(16) }
    /// let old = DecodingKey::from_secret(&secret())?;
    /// let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    /// validation.set_audience(&["orders"]);
    ///
    /// let key = Key::from_decoding_key(Algorithm::HS256, &old)?;
    /// let verifier = VerifierBuilder::from_validation(key, &validation)?.build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_validation(
        keys: impl Into<Keys>,
        validation: &Validation,
    ) -> Result<Self, ConfigError> {
        let Validation {
            required_spec_claims,
            leeway,
            reject_tokens_expiring_in_less_than,
            validate_exp,
            validate_nbf,
            validate_aud,
            aud,
            iss,
            sub,
            algorithms,
        } = validation;
        if !validate_exp {
            return conflict(
                "`validate_exp` is off, and `exp` is always checked: issue tokens that expire",
            );
        }
        if *reject_tokens_expiring_in_less_than > 0 {
            return conflict("`reject_tokens_expiring_in_less_than` has no counterpart");
        }
        let algorithms = algorithms.iter().map(|own| counterpart(*own));
        let mut builder = Self::new(keys.into())
            .algorithms(algorithms.collect::<Result<Vec<_>, _>>()?)
            .leeway(Duration::from_secs(*leeway));

        builder = match iss {
            None => {
                warn("iss", "any issuer was accepted, and is");
                builder.any_issuer()
            }
            Some(names) => {
                was_optional("iss", required_spec_claims);
                sorted(names).fold(builder, Self::issuer)
            }
        };
        builder = match aud.as_ref().filter(|_| *validate_aud) {
            Some(names) => {
                was_optional("aud", required_spec_claims);
                sorted(names).fold(builder, Self::audience)
            }
            None if *validate_aud => {
                warn(
                    "aud",
                    "no audience was compared: tokens with `aud` were refused, and are",
                );
                builder.any_audience().refuse_claim("aud")
            }
            None => {
                warn("aud", "any audience was accepted, and is");
                builder.any_audience()
            }
        };
        if let Some(subject) = sub {
            was_optional("sub", required_spec_claims);
            builder = builder.require_value("sub", subject);
        }
        warn(
            "sub",
            "could be a number, and is a text: add `accept_numeric_subject` where it is not",
        );
        if !validate_nbf {
            warn(
                "nbf",
                "was not checked, and is: tokens before their time are refused",
            );
        }
        warn(
            "iat",
            "was not checked, and is: tokens from the future are refused",
        );
        warn(
            "lifetime",
            "had no bound, and has: five years, unless `max_lifetime` is set",
        );
        warn(
            "typ",
            "was not checked, and is: tokens of other kinds than JWT and at+jwt are refused",
        );
        warn(
            "cnf",
            "was not looked at, and is: tokens bound to a key or certificate are refused",
        );

        let required = sorted(required_spec_claims);
        let required = required.filter(|name| matches!(name.as_str(), "nbf" | "sub"));
        Ok(required.fold(builder, Self::require_claim))
    }
}

/// Says that a claim is required from now on.
fn was_optional(claim: &'static str, required: &HashSet<String>) {
    if !required.contains(claim) {
        warn(claim, "was compared where it was present, and is required");
    }
}

fn warn(setting: &'static str, text: &'static str) {
    tracing::warn!(target: "countersign", setting, "moving from `jsonwebtoken`: {text}");
}

fn sorted(names: &HashSet<String>) -> impl Iterator<Item = String> {
    let mut names: Vec<_> = names.iter().cloned().collect();
    names.sort();
    names.into_iter()
}

fn counterpart(algorithm: jsonwebtoken::Algorithm) -> Result<Algorithm, ConfigError> {
    let name = format!("{algorithm:?}");
    Algorithm::from_name(&name).ok_or_else(|| {
        ConfigError::InvalidSetting(format!("the algorithm {name} is not supported"))
    })
}

fn conflict<T>(text: &str) -> Result<T, ConfigError> {
    Err(ConfigError::Conflict(text.into()))
}
