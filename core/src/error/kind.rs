//! The kinds of refusals: status, code, reason and text of each.

use std::fmt;

/// The kind of a refusal.
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
    /// The DPoP proof is missing, is not one, or is for another request, token, key or moment (RFC 9449 section 4.3).
    InvalidProof,
    /// `iat` lies in the future.
    IssuedInFuture,
    /// Nobody can tell right now whether the issuer is one of those that are accepted.
    IssuerUnavailable,
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
    /// The DPoP proof has no nonce of this server, or one that is too old (RFC 9449 section 9).
    NonceRequired,
    /// `nbf` lies in the future.
    NotYetValid,
    /// The app refuses the owner of an opaque token: [`OpaqueTokenError::forbidden`](crate::OpaqueTokenError::forbidden).
    OpaqueTokenForbidden,
    /// The app refuses an opaque token: [`OpaqueTokenError::unauthorized`](crate::OpaqueTokenError::unauthorized).
    OpaqueTokenRefused,
    /// The app cannot check an opaque token right now.
    OpaqueTokenUnavailable,
    /// The app refuses the user of the token: [`PrincipalError::forbidden`](crate::PrincipalError::forbidden).
    PrincipalForbidden,
    /// The app refuses the token for its user: [`PrincipalError::unauthorized`](crate::PrincipalError::unauthorized).
    PrincipalRefused,
    /// The app cannot tell right now who the user of the token is.
    PrincipalUnavailable,
    /// The DPoP proof was used before.
    ProofReplayed,
    /// Nobody can tell right now whether the DPoP proof was used before.
    ReplayUnavailable,
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
    /// The token is not bound to a key or certificate, as it has to be here.
    UnboundToken,
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

/// The facts about a kind.
struct KindInfo {
    status: u16,
    /// The error code of RFC 6750 section 3.1, RFC 9449 section 12.2 or RFC 9470 section 3, if the answer has one.
    code: Option<&'static str>,
    reason: &'static str,
    message: &'static str,
}

impl AuthErrorKind {
    /// Every kind, in alphabetical order.
    pub const ALL: &'static [Self] = &[
        Self::AmbiguousKey,
        Self::BadSignature,
        Self::BoundToken,
        Self::CrossSite,
        Self::Expired,
        Self::Forbidden,
        Self::InsufficientScope,
        Self::InvalidClaim,
        Self::InvalidProof,
        Self::IssuedInFuture,
        Self::IssuerUnavailable,
        Self::KeysUnavailable,
        Self::LifetimeTooLong,
        Self::MalformedRequest,
        Self::MalformedToken,
        Self::Misconfigured,
        Self::MissingClaim,
        Self::MissingOrigin,
        Self::MissingToken,
        Self::NonceRequired,
        Self::NotYetValid,
        Self::OpaqueTokenForbidden,
        Self::OpaqueTokenRefused,
        Self::OpaqueTokenUnavailable,
        Self::PrincipalForbidden,
        Self::PrincipalRefused,
        Self::PrincipalUnavailable,
        Self::ProofReplayed,
        Self::ReplayUnavailable,
        Self::RevocationUnavailable,
        Self::Revoked,
        Self::StepUpRequired,
        Self::TokenTooLarge,
        Self::TokenTooOld,
        Self::UnboundToken,
        Self::UnknownIssuer,
        Self::UnknownKey,
        Self::UnsupportedHeader,
        Self::WrongAlgorithm,
        Self::WrongAudience,
        Self::WrongCsrfToken,
        Self::WrongIssuer,
        Self::WrongType,
    ];

    /// The HTTP status: 400, 401, 403, 500 or 503.
    #[must_use]
    pub fn status(self) -> u16 {
        self.info().status
    }

    /// The stable machine name, in `snake_case`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        self.info().reason
    }

    /// The public text, in lower case and without a full stop.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.info().message
    }

    pub(crate) fn code(self) -> Option<&'static str> {
        self.info().code
    }

    fn info(self) -> KindInfo {
        const NONE: Option<&str> = None;
        const NONCE: Option<&str> = Some("use_dpop_nonce");
        const PROOF: Option<&str> = Some("invalid_dpop_proof");
        const REQUEST: Option<&str> = Some("invalid_request");
        const SCOPE: Option<&str> = Some("insufficient_scope");
        const STEP_UP: Option<&str> = Some("insufficient_user_authentication");
        const TOKEN: Option<&str> = Some("invalid_token");

        #[rustfmt::skip] // a table
        let (status, code, reason, message) = match self {
            Self::AmbiguousKey          => (401, TOKEN,   "ambiguous_key",          "too many keys could have signed the token"),
            Self::BadSignature          => (401, TOKEN,   "bad_signature",          "the signature does not match"),
            Self::BoundToken            => (401, TOKEN,   "bound_token",            "the token is bound to a key that was not proven"),
            Self::CrossSite             => (403, NONE,    "cross_site",             "the request comes from another site"),
            Self::Expired               => (401, TOKEN,   "expired",                "the token has expired"),
            Self::Forbidden             => (403, SCOPE,   "forbidden",              "the token does not permit this"),
            Self::InsufficientScope     => (403, SCOPE,   "insufficient_scope",     "the token lacks a required scope"),
            Self::InvalidClaim          => (401, TOKEN,   "invalid_claim",          "a claim is not valid"),
            Self::InvalidProof          => (401, PROOF,   "invalid_proof",          "the DPoP proof is not valid"),
            Self::IssuedInFuture        => (401, TOKEN,   "issued_in_future",       "the token was issued in the future"),
            Self::IssuerUnavailable     => (503, NONE,    "issuer_unavailable",     "the service cannot verify tokens right now"),
            Self::KeysUnavailable       => (503, NONE,    "keys_unavailable",       "the service cannot verify tokens right now"),
            Self::LifetimeTooLong       => (401, TOKEN,   "lifetime_too_long",      "the token lives too long"),
            Self::MalformedRequest      => (400, REQUEST, "malformed_request",      "the credentials are malformed"),
            Self::MalformedToken        => (401, TOKEN,   "malformed_token",        "the token is malformed"),
            Self::Misconfigured         => (500, NONE,    "misconfigured",          "the service is misconfigured"),
            Self::MissingClaim          => (401, TOKEN,   "missing_claim",          "a required claim is missing"),
            Self::MissingOrigin         => (403, NONE,    "missing_origin",         "the request has no Origin header"),
            Self::MissingToken          => (401, NONE,    "missing_token",          "authentication is required"),
            Self::NonceRequired         => (401, NONCE,   "nonce_required",         "the DPoP proof needs a nonce of this server"),
            Self::NotYetValid           => (401, TOKEN,   "not_yet_valid",          "the token is not valid yet"),
            Self::OpaqueTokenForbidden  => (403, NONE,    "opaque_token_forbidden", "the owner of the token is not permitted this"),
            Self::OpaqueTokenRefused    => (401, TOKEN,   "opaque_token_refused",   "the token is not known here"),
            Self::OpaqueTokenUnavailable => (503, NONE,   "opaque_token_unavailable", "the service cannot verify tokens right now"),
            Self::PrincipalForbidden    => (403, NONE,    "principal_forbidden",    "the user is not permitted this"),
            Self::PrincipalRefused      => (401, TOKEN,   "principal_refused",      "the user of the token is not accepted"),
            Self::PrincipalUnavailable  => (503, NONE,    "principal_unavailable",  "the service cannot look up users right now"),
            Self::ProofReplayed         => (401, PROOF,   "proof_replayed",         "the DPoP proof was used before"),
            Self::ReplayUnavailable     => (503, NONE,    "replay_unavailable",     "the service cannot verify tokens right now"),
            Self::RevocationUnavailable => (503, NONE,    "revocation_unavailable", "the service cannot verify tokens right now"),
            Self::Revoked               => (401, TOKEN,   "revoked",                "the token has been revoked"),
            Self::StepUpRequired        => (401, STEP_UP, "step_up_required",       "a more recent or stronger authentication is required"),
            Self::TokenTooLarge         => (401, TOKEN,   "token_too_large",        "the token is too large"),
            Self::TokenTooOld           => (401, TOKEN,   "token_too_old",          "the token is too old"),
            Self::UnboundToken          => (401, TOKEN,   "unbound_token",          "the token is not bound to a key"),
            Self::UnknownIssuer         => (401, TOKEN,   "unknown_issuer",         "the issuer is not known here"),
            Self::UnknownKey            => (401, TOKEN,   "unknown_key",            "the token's key is not known here"),
            Self::UnsupportedHeader     => (401, TOKEN,   "unsupported_header",     "the token's header is not supported"),
            Self::WrongAlgorithm        => (401, TOKEN,   "wrong_algorithm",        "the token's algorithm is not accepted"),
            Self::WrongAudience         => (401, TOKEN,   "wrong_audience",         "the token is meant for another audience"),
            Self::WrongCsrfToken        => (403, NONE,    "wrong_csrf_token",       "the X-CSRF-Token header is missing or of another session"),
            Self::WrongIssuer           => (401, TOKEN,   "wrong_issuer",           "the token comes from another issuer"),
            Self::WrongType             => (401, TOKEN,   "wrong_type",             "this kind of token is not accepted"),
        };
        KindInfo {
            status,
            code,
            reason,
            message,
        }
    }
}

impl fmt::Display for AuthErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}
