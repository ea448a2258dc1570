//! The boundary that adapters call: credentials, cross-site protection, policies.

mod anonymous;
mod authenticate;
mod authenticator;
mod check;
mod cookies;
mod csrf;
mod json_equality;
mod origin;
mod policy;

pub use self::{
    anonymous::Anonymous,
    authenticate::Authenticate,
    authenticator::Authenticator,
    cookies::{AuthCookies, CookieError},
    csrf::{Csrf, CsrfCheck, CsrfToken},
    policy::Policy,
};
pub(crate) use self::{cookies::Layouts, origin::Origin};
