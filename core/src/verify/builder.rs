//! The settings of a verifier, checked once.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    alb, checked::Checked, layout::ClaimLayout, settings::VerifierSettings, svid,
    verifier::Verifier,
};
#[cfg(feature = "remote")]
use crate::remote::{Discovery, RemoteKeysBuilder};
#[cfg(feature = "cache")]
use crate::verify::cache::TokenCache;
use crate::{
    claims::{AlbArn, Tolerance, Tolerances, TrustDomain},
    clock::{Clock, LARGEST_LEEWAY, SystemClock},
    error::ConfigError,
    jose::{Algorithm, normal_type},
    keys::Keys,
    revocation::Revocation,
};

/// Builds a [`Verifier`]. Made by [`Verifier::builder`], or by `Verifier::discover` where the keys are
/// still to be found: `K` says which.
///
/// Issuer and audience must be set, or waived by name.
///
/// # Examples
///
/// ```
/// use countersign::{ConfigError, Key, Verifier};
///
/// let key = Key::hs256("an example secret of 32 bytes or more")?;
/// let verifier = Verifier::builder(key.clone())
///     .issuer("https://id.example")
///     .audience("orders")
///     .build()?;
///
/// let forgotten = Verifier::builder(key).issuer("https://id.example").build();
/// assert!(matches!(forgotten, Err(ConfigError::Missing(_))));
/// # Ok::<(), ConfigError>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct VerifierBuilder<K = Keys> {
    keys: K,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    issuers: Vec<Box<str>>,
    pub(super) any_issuer: bool,
    pub(super) trust_domain: Option<Result<TrustDomain, ConfigError>>,
    pub(super) alb_signer: Option<Result<AlbArn, ConfigError>>,
    audiences: Vec<Box<str>>,
    pub(super) any_audience: bool,
    pub(super) types: Vec<Box<str>>,
    wanted: Vec<Box<str>>,
    pub(super) tolerances: Tolerances,
    pub(super) layout: ClaimLayout,
    leeway: Duration,
    max_age: Option<Duration>,
    max_lifetime: Option<Duration>,
    max_token_bytes: usize,
    revocation: Option<Revocation>,
    #[cfg(feature = "cache")]
    cache: Option<TokenCache>,
    clock: Arc<dyn Clock>,
}

impl VerifierBuilder<Keys> {
    /// The default leeway: 30 seconds.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
    /// The largest leeway: 5 minutes.
    pub const MAX_LEEWAY: Duration = LARGEST_LEEWAY;
    /// The default for [`max_lifetime`](Self::max_lifetime): 5 years of 366 days.
    pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(5 * 366 * 86_400);
    /// The default for [`max_token_bytes`](Self::max_token_bytes): 8 KiB.
    pub const DEFAULT_MAX_TOKEN_BYTES: usize = 8 << 10;
    /// The largest [`max_token_bytes`](Self::max_token_bytes): 64 KiB.
    pub const LARGEST_MAX_TOKEN_BYTES: usize = 64 << 10;

    /// The most claims that can be required by name.
    const MOST_WANTED: usize = 64;
}

impl<K> VerifierBuilder<K> {
    pub(super) fn new(keys: K) -> Self {
        Self {
            keys,
            algorithms: None,
            issuers: Vec::new(),
            any_issuer: false,
            trust_domain: None,
            alb_signer: None,
            audiences: Vec::new(),
            any_audience: false,
            types: Vec::new(),
            wanted: Vec::new(),
            tolerances: Tolerances::NONE,
            layout: ClaimLayout::default(),
            leeway: VerifierBuilder::DEFAULT_LEEWAY,
            max_age: None,
            max_lifetime: Some(VerifierBuilder::DEFAULT_MAX_LIFETIME),
            max_token_bytes: VerifierBuilder::DEFAULT_MAX_TOKEN_BYTES,
            revocation: None,
            #[cfg(feature = "cache")]
            cache: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the issuer that `iss` must name, compared exactly (RFC 8725 section 3.8).
    ///
    /// Repeatable: each call adds another name of one issuer.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into().into_boxed_str());
        self
    }

    /// Accepts tokens of any issuer, or without one.
    ///
    /// Only for keys that nobody else's tokens can be signed with. A shared key makes every other
    /// service that has it an issuer here. It is a [tolerance](Tolerance), `any-issuer`.
    pub fn any_issuer(mut self) -> Self {
        self.any_issuer = true;
        self
    }

    /// Sets the audience that `aud` must be or contain, compared exactly (RFC 8725 section 3.9).
    ///
    /// Repeatable: any of the values is accepted.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into().into_boxed_str());
        self
    }

    /// Accepts tokens for any audience, or without one.
    ///
    /// Then a token that the same issuer made for another service opens this one too. It is a
    /// [tolerance](Tolerance), `any-audience`.
    pub fn any_audience(mut self) -> Self {
        self.any_audience = true;
        self
    }

    /// Accepts an integer as `sub` (RFC 7519 section 4.1.2 has a text), and reads it as its decimal text.
    ///
    /// `42` is the subject `"42"` for [`subject`](crate::VerifiedToken::subject), policies and revocations; a type of the
    /// app's own reads what it wants there, the number or the text. The integer has 64 bits, signed or not: a fraction, an exponent, `-0`
    /// and larger numbers stay refused, because they have no one text. It is a [tolerance](Tolerance),
    /// `numeric-sub`: for tokens whose issuer cannot be changed yet.
    pub fn accept_numeric_subject(mut self) -> Self {
        self.tolerances.add(Tolerance::NumericSubject);
        self
    }

    /// Takes `null` in a claim that is read here for an absent claim, as `serde` writes an `Option`.
    ///
    /// These are the registered claims, and those in which the settings look for texts. Where such a claim is required, `null`
    /// is refused as missing. `act` and `cnf` are exceptions: `null` is no actor that anybody can read, and stays refused as `cnf`. It is a [tolerance](Tolerance), `null-claims`.
    pub fn accept_null_claims(mut self) -> Self {
        self.tolerances.add(Tolerance::NullClaims);
        self
    }

    /// Accepts only these algorithms. The default: those of the keys.
    ///
    /// It narrows what the keys allow; it never makes a key verify another algorithm.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms.get_or_insert_default().extend(algorithms);
        self
    }

    /// Sets how far clocks may differ, in whole seconds. Default 30 seconds, at most 5 minutes.
    ///
    /// On Linux, [`SystemClock`] may be up to 10 milliseconds late. With a leeway of zero, a token that was
    /// issued in this very second may then be from the future.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Refuses a token that was issued (`iat`) longer ago than this, in whole seconds. `iat` is
    /// then required. No default.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Refuses a token that lives longer than this, from `iat` (else `nbf`, else now) to `exp`.
    /// Default 5 years.
    ///
    /// A token cannot be taken back by a verifier that looks nothing up, so a long life is a
    /// standing risk (RFC 9700 section 4.10).
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Accepts tokens of any lifetime. `exp` stays required.
    pub fn any_lifetime(mut self) -> Self {
        self.max_lifetime = None;
        self
    }

    /// Sets the type that `typ` must name, for example `at+jwt`. Case and a leading `application/` do not
    /// matter. Repeatable: any of the types is accepted.
    ///
    /// The default accepts `JWT`, `at+jwt` and no `typ` at all, and refuses every other: refresh
    /// tokens, logout tokens, DPoP proofs (RFC 8725 section 3.11).
    pub fn token_type(mut self, typ: impl AsRef<str>) -> Self {
        self.types.push(normal_type(typ.as_ref()).into_boxed_str());
        self
    }

    /// Accepts OAuth access tokens by RFC 9068 only: `typ` is `at+jwt`, and `iss`, `exp`, `aud`,
    /// `sub`, `client_id`, `iat` and `jti` are there.
    pub fn access_token_profile(self) -> Self {
        ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]
            .into_iter()
            .fold(self.token_type("at+jwt"), Self::require_claim)
    }

    /// Refuses a token without this claim, whatever its value. At most 64 names.
    pub fn require_claim(mut self, name: impl Into<String>) -> Self {
        let name = name.into().into_boxed_str();
        if !self.wanted.contains(&name) {
            self.wanted.push(name);
        }
        self
    }

    /// Sets the longest token, in bytes. Default 8 KiB, at most 64 KiB. A longer one is not decoded.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// Refuses tokens that this list says are revoked. No default: nothing is looked up.
    ///
    /// The list needs the clock of the verifier.
    pub fn revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = Some(revocation);
        self
    }

    /// Keeps tokens that were verified, so that the next request with one need not verify it again. No
    /// default: nothing is kept.
    ///
    /// [`TokenCache`] says what still is checked, and what stays in memory.
    #[cfg(feature = "cache")]
    pub fn cache(mut self, cache: TokenCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Sets the clock. Default [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks everything but the keys.
    fn check(self) -> Result<(K, Checked), ConfigError> {
        let (trust_domain, alb_signer) = (svid::checked(&self)?, alb::checked(&self)?);
        if trust_domain.is_none() || !self.issuers.is_empty() {
            either("issuer", self.any_issuer, &self.issuers)?;
        }
        either("audience", self.any_audience, &self.audiences)?;
        if self.leeway > VerifierBuilder::MAX_LEEWAY {
            return Err(setting("`leeway` is more than 5 minutes"));
        }
        if !(1..=VerifierBuilder::LARGEST_MAX_TOKEN_BYTES).contains(&self.max_token_bytes) {
            return Err(setting("`max_token_bytes` is not between 1 and 65536"));
        }
        if self.algorithms.as_ref().is_some_and(Vec::is_empty) {
            return Err(setting("the list of accepted `algorithms` is empty"));
        }
        if self.wanted.len() > VerifierBuilder::MOST_WANTED {
            return Err(setting("`require_claim` names more than 64 claims"));
        }
        let mut tolerances = self.tolerances;
        if self.any_issuer {
            tolerances.add(Tolerance::AnyIssuer);
        }
        if self.any_audience {
            tolerances.add(Tolerance::AnyAudience);
        }
        let (mut claims, mut context) = self.layout.resolve(self.wanted, self.clock)?;
        context.trust_domain.clone_from(&trust_domain);
        let has_issuers = !self.any_issuer && !self.issuers.is_empty();
        claims.spec.tolerances = self.tolerances;
        let mut settings = VerifierSettings {
            issuers: has_issuers.then_some(self.issuers),
            trust_domain,
            alb_signer,
            #[cfg(feature = "remote")]
            is_dynamic: false,
            audiences: (!self.any_audience).then_some(self.audiences),
            claims,
            types: self.types,
            leeway: seconds(self.leeway),
            max_age: self.max_age.map(seconds),
            max_lifetime: self.max_lifetime.map(seconds),
            revocation: None,
            tolerances,
            #[cfg(feature = "cache")]
            cache: self.cache,
        };
        if let Some(revocation) = self.revocation {
            settings.set_revocation(revocation);
        }
        let checked = Checked {
            algorithms: self.algorithms,
            settings,
            max_token_bytes: self.max_token_bytes,
            context: Arc::new(context),
        };
        Ok((self.keys, checked))
    }
}

impl VerifierBuilder<Keys> {
    /// Checks the settings and makes the verifier.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when issuer or audience were neither set nor waived (or both), a bound is
    /// exceeded, or there is no key, or none for the chosen algorithms.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        let (keys, checked) = self.check()?;
        checked.build(keys)
    }
}

#[cfg(feature = "remote")]
impl VerifierBuilder<Discovery> {
    /// Changes how the keys are fetched: other certificates, another bound for outages.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use countersign::{Verifier, remote::HttpFetch};
    ///
    /// # async fn start(own_ca: &[u8]) -> Result<(), countersign::ConfigError> {
    /// let fetch = HttpFetch::builder().root_certificate_pem(own_ca).build()?;
    /// let verifier = Verifier::discover("https://id.internal.example")
    ///     .remote(|keys| keys.fetch(fetch))
    ///     .audience("orders")
    ///     .build()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn remote(mut self, change: impl FnOnce(RemoteKeysBuilder) -> RemoteKeysBuilder) -> Self {
        self.keys = self.keys.map(change);
        self
    }

    /// Checks the settings, looks for the keys, and makes the verifier.
    ///
    /// Waits at most five seconds for the first fetch. A provider that is away does not keep the server
    /// from starting: requests are answered with 503 until it is back.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] as for keys that are at hand, when the issuer is no protected URL, when its
    /// metadata is that of another issuer, or outside of a Tokio runtime.
    pub async fn build(self) -> Result<Verifier, ConfigError> {
        let (keys, checked) = self.check()?;
        let keys = keys.keys(checked.algorithms.as_deref()).await?;
        checked.build(keys)
    }
}

impl<K> fmt::Debug for VerifierBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierBuilder")
            .field("issuers", &self.issuers)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

fn either(what: &str, any: bool, named: &[Box<str>]) -> Result<(), ConfigError> {
    match (any, named) {
        (false, []) => Err(ConfigError::Missing(format!(
            "say the expected {what} with `.{what}(..)`, or `.any_{what}()` if it does not matter"
        ))),
        (true, [_, ..]) => Err(ConfigError::Conflict(format!(
            "`.{what}(..)` and `.any_{what}()` exclude each other"
        ))),
        (false, named) if named.iter().any(|name| name.is_empty()) => {
            Err(setting(&format!("the {what} is empty")))
        }
        _ => Ok(()),
    }
}

fn setting(text: &str) -> ConfigError {
    ConfigError::InvalidSetting(text.to_owned())
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
