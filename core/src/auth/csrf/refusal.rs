//! Refusals of the cross-site protection.

use crate::error::{AuthError, AuthErrorKind};

/// The cause of a refusal, for the log.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Cause {
    #[cfg(feature = "sessions")]
    #[error("the form has no field csrf_token")]
    NoField,
    #[error("the request has neither Sec-Fetch-Site nor Origin, and no X-CSRF-Token")]
    NoOrigin,
    #[error(
        "the request has neither Sec-Fetch-Site nor Origin, and there is no secret for X-CSRF-Token"
    )]
    NoSecret,
    #[error("the request has no X-CSRF-Token, which is required")]
    NoValue,
    #[error(
        "Origin is neither the host of the request nor an allowed one: `Csrf::allow_origin` names others, of the \
         layer and of the session routes"
    )]
    Origin,
    #[cfg(feature = "sessions")]
    #[error("csrf_token is not the value of the cookie")]
    OtherThanCookie,
    #[error(
        "Sec-Fetch-Site names another site or origin, and Origin is not an allowed one: `Csrf::allow_origin` names \
         others, of the layer and of the session routes"
    )]
    SecFetchSite,
    #[error("Sec-Fetch-Site, Origin or Host is there twice")]
    SeveralHeaders,
    #[error("X-CSRF-Token is there twice")]
    SeveralValues,
    #[error("X-CSRF-Token was not made for this session")]
    WrongValue,
}

pub(super) fn refused(cause: Cause) -> AuthError {
    let kind = match cause {
        Cause::NoOrigin | Cause::NoSecret => AuthErrorKind::MissingOrigin,
        Cause::NoValue | Cause::SeveralValues | Cause::WrongValue => AuthErrorKind::WrongCsrfToken,
        #[cfg(feature = "sessions")]
        Cause::NoField | Cause::OtherThanCookie => AuthErrorKind::WrongCsrfToken,
        Cause::Origin | Cause::SecFetchSite | Cause::SeveralHeaders => AuthErrorKind::CrossSite,
    };
    AuthError::from(kind).with_source(cause)
}
