//! Several verifiers, each for its own issuer.

use std::{collections::HashMap, fmt, sync::Arc};

use crate::{
    claims::{Registered, VerifiedToken, Wanted},
    config_error::ConfigError,
    error::{AuthError, AuthErrorKind},
    future::MaybeReady,
    jose::{Compact, base64url},
    verify::Verifier,
};

/// Several verifiers, chosen by the token's exact `iss`.
///
/// The claim is read before verification, and only to choose: the chosen verifier checks it again,
/// with its own keys, audience and rules. An issuer that is not listed is refused without any key
/// being looked at, and one issuer's trouble never touches another's tokens.
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, Issuers, Key, Verifier};
///
/// # let (secret_a, secret_b) = ([1; 32].map(|_| rand()), [2; 32].map(|_| rand()));
/// # fn rand() -> u8 { use std::hash::{BuildHasher, Hasher}; std::hash::RandomState::new().build_hasher().finish() as u8 }
/// let staff = Verifier::builder(Key::hs256(secret_a)?)
///     .issuer("https://staff.example")
///     .audience("orders")
///     .build()?;
/// let partners = Verifier::builder(Key::hs256(secret_b)?)
///     .issuer("https://partners.example")
///     .audience("orders-for-partners")
///     .build()?;
/// let authenticator = Authenticator::new(Issuers::new([staff, partners])?);
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Issuers(Arc<Routes>);

enum Routes {
    One(Verifier),
    Many(HashMap<Box<str>, Verifier>),
}

impl Issuers {
    /// These verifiers, each with its own issuers.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when there is none, when one accepts any issuer, or when two accept the same.
    pub fn new(verifiers: impl IntoIterator<Item = Verifier>) -> Result<Self, ConfigError> {
        let mut routes = HashMap::new();
        for verifier in verifiers {
            let names = verifier.issuers().ok_or_else(|| {
                ConfigError::Conflict("a verifier for `any_issuer` cannot be one of several".into())
            })?;
            for name in names {
                if routes.insert(name.clone(), verifier.clone()).is_some() {
                    return Err(ConfigError::Conflict(format!(
                        "two verifiers are for the issuer {name:?}"
                    )));
                }
            }
        }
        if routes.is_empty() {
            return Err(ConfigError::Missing("there is no verifier".into()));
        }
        Ok(Self(Arc::new(Routes::Many(routes))))
    }

    /// All names of the issuer that has this one; `None` when none of the verifiers is for it.
    pub(crate) fn names(&self, issuer: &str) -> Option<Vec<Box<str>>> {
        let verifier = match &*self.0 {
            Routes::One(verifier) => verifier,
            Routes::Many(routes) => routes.get(issuer)?,
        };
        let Some(names) = verifier.issuers() else {
            return Some(vec![issuer.into()]);
        };
        let has_it = names.iter().any(|name| **name == *issuer);
        has_it.then(|| names.to_vec())
    }

    pub(crate) fn start(&self, token: &str) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        match &*self.0 {
            Routes::One(verifier) => verifier.start(token),
            Routes::Many(routes) => match choose(routes, token) {
                Ok(verifier) => verifier.start(token),
                Err(kind) => MaybeReady::ready(Err(kind.into())),
            },
        }
    }
}

impl From<Verifier> for Issuers {
    fn from(verifier: Verifier) -> Self {
        Self(Arc::new(Routes::One(verifier)))
    }
}

impl From<&Verifier> for Issuers {
    fn from(verifier: &Verifier) -> Self {
        verifier.clone().into()
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Routes::One(verifier) => f.debug_tuple("Issuers").field(verifier).finish(),
            Routes::Many(routes) => f.debug_set().entries(routes.keys()).finish(),
        }
    }
}

/// Reads the claim `iss` of an unverified token, to choose among configured verifiers.
fn choose<'r>(
    routes: &'r HashMap<Box<str>, Verifier>,
    token: &str,
) -> Result<&'r Verifier, AuthErrorKind> {
    let limit = routes.values().map(Verifier::max_token_bytes).max();
    let compact = Compact::parse(token, limit.unwrap_or(0))?;
    let payload = base64url::decode(compact.payload.as_bytes())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or(AuthErrorKind::MalformedToken)?;
    let claims = Registered::parse(&payload, &Wanted::NOTHING)?;
    let issuer = claims.issuer.ok_or(AuthErrorKind::MissingClaim)?;
    routes
        .get(issuer.get(&payload))
        .ok_or(AuthErrorKind::UnknownIssuer)
}
