//! The boundary that adapters call: credentials, cross-site protection, policies.

mod anonymous;
mod authenticate;
mod authenticator;
mod check;
mod cookies;
mod csrf;
#[cfg(not(feature = "proof"))]
mod no_possession;
mod opaque;
mod origin;
mod policy;
#[cfg(feature = "proof")]
mod possession;
mod principal;
mod settings;
mod sources;
mod token_place;

#[cfg(feature = "sessions")]
pub use self::cookies::CookieError;
#[cfg(feature = "sessions")]
pub(crate) use self::cookies::Layouts;
#[cfg(feature = "sessions")]
pub(crate) use self::csrf::WithField;
pub(crate) use self::origin::Origin;
#[cfg(feature = "cache")]
pub use self::principal::TokenSubject;
pub use self::{
    anonymous::Anonymous,
    authenticate::Authenticate,
    authenticator::Authenticator,
    cookies::AuthCookies,
    csrf::{Csrf, CsrfCheck, CsrfToken},
    opaque::{OpaqueIdentity, OpaqueToken, OpaqueTokenError, OpaqueTokens},
    policy::Policy,
    principal::{PrincipalError, PrincipalResolver},
};
