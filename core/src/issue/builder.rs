//! The settings of an issuer, checked once.

use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;

use super::{
    issuer::{Issuer, IssuerSettings},
    ring::check_header,
    signing_keys::{ClockedKeys, SigningKeys},
};
use crate::{
    clock::{Clock, SystemClock, whole_seconds},
    error::ConfigError,
    keys::Keys,
    verify::{Verifier, VerifierBuilder},
};

/// Builds an [`Issuer`]. Made by [`Issuer::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct IssuerBuilder {
    name: String,
    audiences: Vec<String>,
    without_audience: bool,
    numeric_subjects: bool,
    keys: SigningKeys,
    ttl: Duration,
    max_ttl: Duration,
    token_type: String,
    leeway: Duration,
    clock: Arc<dyn Clock>,
}

impl IssuerBuilder {
    /// The default lifetime of a token: 15 minutes.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(900);
    /// The default maximum lifetime: 24 hours.
    pub const DEFAULT_MAX_TTL: Duration = Duration::from_secs(86_400);

    pub(super) fn new(name: String, keys: SigningKeys) -> Self {
        Self {
            name,
            audiences: Vec::new(),
            without_audience: false,
            numeric_subjects: false,
            keys,
            ttl: Self::DEFAULT_TTL,
            max_ttl: Self::DEFAULT_MAX_TTL,
            token_type: "JWT".to_owned(),
            leeway: VerifierBuilder::DEFAULT_LEEWAY,
            clock: Arc::new(SystemClock),
        }
    }

    /// Adds an audience (`aud`). Repeatable; at least one is needed, unless tokens are to be
    /// [without](Self::without_audience).
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Issues tokens without `aud`, for verifiers that refuse tokens with one.
    ///
    /// Such a token opens every service that accepts this issuer and compares no audience. Claims may still set `aud`
    /// themselves. [`Issuer::verifier`] then has the [tolerance](crate::claims::Tolerance) `any-audience`.
    pub fn without_audience(mut self) -> Self {
        self.without_audience = true;
        self
    }

    /// Writes `sub` as a number, for verifiers that read no text there: `"42"` becomes `42`.
    ///
    /// Each subject must then be an integer of 64 bits in decimal, signed or not, without a leading zero; claims that have
    /// another are not issued. [`Issuer::verifier`] reads the number as text: it has the
    /// [tolerance](crate::claims::Tolerance) `numeric-sub`.
    pub fn numeric_subjects(mut self) -> Self {
        self.numeric_subjects = true;
        self
    }

    /// Sets how long a token lives, in whole seconds. Default 15 minutes.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets the longest lifetime that claims can ask for with their own `exp`. Default 24 hours.
    pub fn max_ttl(mut self, ttl: Duration) -> Self {
        self.max_ttl = ttl;
        self
    }

    /// Sets the type in the header (`typ`). Default `JWT`; `at+jwt` marks an OAuth access token (RFC
    /// 9068 section 2.1).
    pub fn token_type(mut self, typ: impl Into<String>) -> Self {
        self.token_type = typ.into();
        self
    }

    /// Sets the leeway of [`Issuer::verifier`]. Default 30 seconds.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets the clock. Default [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks the settings and makes the issuer.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the audience or the name is missing, an audience is both set and waived, the lifetime is zero or over the
    /// maximum, tokens live longer than the document of the ring says, or verifiers do not read a header with this type and the key's id: one of more than
    /// 256 bytes, or with many characters that JSON escapes.
    pub fn build(self) -> Result<Issuer, ConfigError> {
        let setting = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
        if self.name.is_empty() {
            return Err(ConfigError::Missing(
                "the name in `Issuer::builder(name, ..)` is empty".into(),
            ));
        }
        if self.without_audience && !self.audiences.is_empty() {
            return Err(ConfigError::Conflict(
                "`.audience(..)` and `.without_audience()` exclude each other".into(),
            ));
        }
        if self.audiences.is_empty() && !self.without_audience {
            return Err(ConfigError::Missing(
                "say whom tokens are for with `.audience(..)`, or `.without_audience()` if verifiers compare none"
                    .into(),
            ));
        }
        if self.ttl.as_secs() == 0 {
            return setting("`ttl` is less than one second");
        }
        if self.ttl > self.max_ttl {
            return setting("`ttl` is longer than `max_ttl`");
        }
        if self.max_ttl > VerifierBuilder::DEFAULT_MAX_LIFETIME {
            return setting("`max_ttl` is more than 5 years");
        }
        check_header(&self.keys.now().moment.active, &self.token_type)?;
        let keys = ClockedKeys {
            keys: self.keys.clone(),
            clock: Arc::clone(&self.clock),
        };
        let mut verifier = Verifier::builder(Keys::from_source(keys));
        if self.without_audience {
            verifier = verifier.any_audience();
        }
        if self.numeric_subjects {
            verifier = verifier.accept_numeric_subject();
        }
        let audiences = self.audiences.iter();
        let verifier = audiences
            .fold(verifier, VerifierBuilder::audience)
            .issuer(&self.name)
            .token_type(&self.token_type)
            .leeway(self.leeway)
            .max_lifetime(self.max_ttl)
            .clock(Arc::clone(&self.clock))
            .build()?;
        let token_lifetime = whole_seconds(self.max_ttl.saturating_add(self.leeway));
        self.keys
            .serve(&self.name, &self.token_type, token_lifetime)?;
        let settings = IssuerSettings {
            iss: member("iss", &self.name),
            aud: match &*self.audiences {
                [] => String::new(),
                [one] => member("aud", one),
                many => member("aud", many),
            },
            name: self.name,
            audiences: self.audiences,
            numeric_subjects: self.numeric_subjects,
            keys: self.keys,
            ttl: whole_seconds(self.ttl),
            max_ttl: whole_seconds(self.max_ttl),
            token_type: self.token_type,
            leeway: whole_seconds(self.leeway),
            clock: self.clock,
            verifier,
        };
        Ok(Issuer(Arc::new(settings)))
    }
}

impl fmt::Debug for IssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerBuilder")
            .field("name", &self.name)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// A member of a JSON object, and the comma behind it.
fn member<T: Serialize + ?Sized>(name: &str, value: &T) -> String {
    // Writing texts to memory cannot fail.
    let value = serde_json::to_string(value).unwrap_or_default();
    format!("\"{name}\":{value},")
}
