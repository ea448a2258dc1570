//! Why a request was refused.

use std::{error::Error, fmt, sync::Arc};

use super::mismatch::Mismatch;
use crate::error::challenge::{Challenge, ChallengeParams};

/// Why a request was refused.
///
/// Opaque: [`kind`](Self::kind) says what happened, [`reason`](Self::reason) is its stable name
/// for logs and metrics, [`challenge`](Self::challenge) is the answer for the client, and
/// [`source`](Error::source) carries details for the log: where a token is refused, a [`Mismatch`].
/// Neither the text nor the challenge ever holds a token, a key or a claim value.
///
/// # Examples
///
/// ```
/// use countersign::{AuthError, AuthErrorKind};
///
/// let error = AuthError::from(AuthErrorKind::Expired);
/// assert_eq!(error.to_string(), "the token has expired");
/// assert_eq!(error.reason(), "expired");
/// assert_eq!(error.challenge().status(), 401);
/// ```
#[derive(Clone)]
pub struct AuthError {
    kind: AuthErrorKind,
    needs: Option<Arc<Required>>,
    retry_after: Option<u32>,
    source: Source,
    space: Option<Arc<ChallengeParams>>,
}

/// More about it, for the log.
#[derive(Clone)]
enum Source {
    None,
    Mismatch(Mismatch),
    Other(Arc<dyn Error + Send + Sync>),
}

/// What a policy asked for, so that the challenge can say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Required {
    pub(crate) scopes: Vec<String>,
    pub(crate) acr_values: Vec<String>,
    pub(crate) max_age: Option<u64>,
}

impl AuthError {
    /// What happened.
    #[must_use]
    pub fn kind(&self) -> AuthErrorKind {
        self.kind
    }

    /// The stable machine name of [`kind`](Self::kind), in `snake_case`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.kind.reason()
    }

    /// The answer for the client: status, challenge header and body.
    #[must_use]
    pub fn challenge(&self) -> Challenge {
        Challenge::new(self)
    }

    /// An error that is the developer's or our own mistake: 500, and the cause in the log.
    pub(crate) fn misconfigured(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::from(AuthErrorKind::Misconfigured).with_source(cause)
    }

    /// A handler asked for claims on a route that no authentication layer covers: 500, since the
    /// mistake is the developer's, and neither 401 nor 200 would be true.
    pub(crate) fn missing_layer() -> Self {
        Self::misconfigured(MissingLayer)
    }

    pub(crate) fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Source::Other(Arc::new(source));
        self
    }

    /// Says what was wrong with the token, unless there is a cause already.
    pub(crate) fn about(mut self, wrong: impl FnOnce() -> Mismatch) -> Self {
        if let Source::None = self.source {
            self.source = Source::Mismatch(wrong());
        }
        self
    }

    pub(crate) fn with_needs(mut self, needs: Arc<Required>) -> Self {
        self.needs = Some(needs);
        self
    }

    pub(crate) fn with_retry_after(mut self, seconds: Option<u32>) -> Self {
        self.retry_after = seconds;
        self
    }

    pub(crate) fn with_space(mut self, space: &Arc<ChallengeParams>) -> Self {
        self.space = Some(Arc::clone(space));
        self
    }

    pub(crate) fn needs(&self) -> Option<&Required> {
        self.needs.as_deref()
    }

    pub(crate) fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    pub(crate) fn space(&self) -> Option<&ChallengeParams> {
        self.space.as_deref()
    }
}

impl From<AuthErrorKind> for AuthError {
    fn from(kind: AuthErrorKind) -> Self {
        Self {
            kind,
            needs: None,
            retry_after: None,
            source: Source::None,
            space: None,
        }
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.message())
    }
}

impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthError")
            .field("kind", &self.kind)
            .field("source", &self.source())
            .finish_non_exhaustive()
    }
}

impl Error for AuthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Source::None => None,
            Source::Mismatch(wrong) => Some(wrong),
            Source::Other(source) => Some(&**source),
        }
    }
}

/// What happened to a refused request.
///
/// Each kind has one status, one RFC 6750 error code, one stable reason and one public text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// More than four keys could have signed the token, and it does not say which.
    AmbiguousKey,
    /// The signature does not match.
    BadSignature,
    /// The token is bound to a key or certificate (`cnf`) that this request does not prove.
    BoundToken,
    /// The token came in a cookie, and the request comes from another site.
    CrossSite,
    /// `exp` has passed.
    Expired,
    /// A policy other than a scope says no.
    Forbidden,
    /// The token lacks a required scope.
    InsufficientScope,
    /// A registered claim has the wrong JSON type or an impossible value.
    InvalidClaim,
    /// `iat` lies in the future.
    IssuedInFuture,
    /// The verification keys cannot be had right now.
    KeysUnavailable,
    /// The token lives longer than the configured maximum.
    LifetimeTooLong,
    /// The request carries credentials in a form that HTTP or RFC 6750 does not allow.
    MalformedRequest,
    /// The token is not a well-formed JWS in compact form with a JSON object as its payload.
    MalformedToken,
    /// A developer's mistake: a route without its layer, or claims that do not fit their type.
    Misconfigured,
    /// A required claim is absent.
    MissingClaim,
    /// The token came in a cookie, and the request does not say which site sent it.
    MissingOrigin,
    /// The request carries no token.
    MissingToken,
    /// `nbf` lies in the future.
    NotYetValid,
    /// Nobody can tell right now whether the token has been revoked.
    RevocationUnavailable,
    /// The token has been revoked: it, its session, or all tokens of its subject.
    Revoked,
    /// The user must authenticate again, or more strongly (RFC 9470).
    StepUpRequired,
    /// The token is longer than the configured limit.
    TokenTooLarge,
    /// The token was issued longer ago than the configured age.
    TokenTooOld,
    /// No configured issuer has this name.
    UnknownIssuer,
    /// No key has the token's `kid`.
    UnknownKey,
    /// The header asks for something that is not supported: `crit`, `b64`, `zip`, a nested token.
    UnsupportedHeader,
    /// No key verifies the header's `alg`.
    WrongAlgorithm,
    /// `aud` names somebody else.
    WrongAudience,
    /// The token came in a cookie, and the request lacks the double-submit value of its session.
    WrongCsrfToken,
    /// `iss` is not the expected issuer.
    WrongIssuer,
    /// `typ` says that this is another kind of token.
    WrongType,
}

/// The public facts about a kind: status, RFC 6750 code, reason, text.
struct KindInfo(u16, Option<&'static str>, &'static str, &'static str);

impl AuthErrorKind {
    /// The HTTP status: 400, 401, 403, 500 or 503.
    #[must_use]
    pub fn status(self) -> u16 {
        self.facts().0
    }

    /// The stable machine name, in `snake_case`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        self.facts().2
    }

    /// The error code of RFC 6750 section 3.1 or RFC 9470 section 3, if the answer has one.
    pub(crate) fn code(self) -> Option<&'static str> {
        self.facts().1
    }

    /// The public text, in lower case and without a full stop.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.facts().3
    }

    fn facts(self) -> KindInfo {
        const REQUEST: Option<&str> = Some("invalid_request");
        const SCOPE: Option<&str> = Some("insufficient_scope");
        const STEP_UP: Option<&str> = Some("insufficient_user_authentication");
        const TOKEN: Option<&str> = Some("invalid_token");

        match self {
            Self::AmbiguousKey => KindInfo(
                401,
                TOKEN,
                "ambiguous_key",
                "too many keys could have signed the token",
            ),
            Self::BadSignature => {
                KindInfo(401, TOKEN, "bad_signature", "the signature does not match")
            }
            Self::BoundToken => KindInfo(
                401,
                TOKEN,
                "bound_token",
                "the token is bound to a key that was not proven",
            ),
            Self::CrossSite => KindInfo(
                403,
                None,
                "cross_site",
                "the request comes from another site",
            ),
            Self::Expired => KindInfo(401, TOKEN, "expired", "the token has expired"),
            Self::Forbidden => KindInfo(403, SCOPE, "forbidden", "the token does not permit this"),
            Self::InsufficientScope => KindInfo(
                403,
                SCOPE,
                "insufficient_scope",
                "the token lacks a required scope",
            ),
            Self::InvalidClaim => KindInfo(401, TOKEN, "invalid_claim", "a claim is not valid"),
            Self::IssuedInFuture => KindInfo(
                401,
                TOKEN,
                "issued_in_future",
                "the token was issued in the future",
            ),
            Self::KeysUnavailable => KindInfo(
                503,
                None,
                "keys_unavailable",
                "the service cannot verify tokens right now",
            ),
            Self::LifetimeTooLong => {
                KindInfo(401, TOKEN, "lifetime_too_long", "the token lives too long")
            }
            Self::MalformedRequest => KindInfo(
                400,
                REQUEST,
                "malformed_request",
                "the credentials are malformed",
            ),
            Self::MalformedToken => {
                KindInfo(401, TOKEN, "malformed_token", "the token is malformed")
            }
            Self::Misconfigured => {
                KindInfo(500, None, "misconfigured", "the service is misconfigured")
            }
            Self::MissingClaim => {
                KindInfo(401, TOKEN, "missing_claim", "a required claim is missing")
            }
            Self::MissingOrigin => KindInfo(
                403,
                None,
                "missing_origin",
                "the request has no Origin header",
            ),
            Self::MissingToken => {
                KindInfo(401, None, "missing_token", "authentication is required")
            }
            Self::NotYetValid => {
                KindInfo(401, TOKEN, "not_yet_valid", "the token is not valid yet")
            }
            Self::RevocationUnavailable => KindInfo(
                503,
                None,
                "revocation_unavailable",
                "the service cannot verify tokens right now",
            ),
            Self::Revoked => KindInfo(401, TOKEN, "revoked", "the token has been revoked"),
            Self::StepUpRequired => KindInfo(
                401,
                STEP_UP,
                "step_up_required",
                "a more recent or stronger authentication is required",
            ),
            Self::TokenTooLarge => {
                KindInfo(401, TOKEN, "token_too_large", "the token is too large")
            }
            Self::TokenTooOld => KindInfo(401, TOKEN, "token_too_old", "the token is too old"),
            Self::UnknownIssuer => {
                KindInfo(401, TOKEN, "unknown_issuer", "the issuer is not known here")
            }
            Self::UnknownKey => KindInfo(
                401,
                TOKEN,
                "unknown_key",
                "the token's key is not known here",
            ),
            Self::UnsupportedHeader => KindInfo(
                401,
                TOKEN,
                "unsupported_header",
                "the token's header is not supported",
            ),
            Self::WrongAlgorithm => KindInfo(
                401,
                TOKEN,
                "wrong_algorithm",
                "the token's algorithm is not accepted",
            ),
            Self::WrongAudience => KindInfo(
                401,
                TOKEN,
                "wrong_audience",
                "the token is meant for another audience",
            ),
            Self::WrongCsrfToken => KindInfo(
                403,
                None,
                "wrong_csrf_token",
                "the X-CSRF-Token header is missing or of another session",
            ),
            Self::WrongIssuer => KindInfo(
                401,
                TOKEN,
                "wrong_issuer",
                "the token comes from another issuer",
            ),
            Self::WrongType => KindInfo(
                401,
                TOKEN,
                "wrong_type",
                "this kind of token is not accepted",
            ),
        }
    }
}

impl fmt::Display for AuthErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("this route is not covered by an authentication layer: wrap it, or do not ask for claims")]
struct MissingLayer;
