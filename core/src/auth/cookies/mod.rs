//! Tokens in cookies.

mod auth_cookies;
#[cfg(feature = "sessions")]
mod error;
#[cfg(feature = "sessions")]
mod layouts;
mod names;
#[cfg(feature = "sessions")]
mod planted;
#[cfg(feature = "sessions")]
mod set_cookie;

pub use self::auth_cookies::AuthCookies;
#[cfg(feature = "sessions")]
pub use self::error::CookieError;
#[cfg(feature = "sessions")]
pub(crate) use self::layouts::Layouts;
