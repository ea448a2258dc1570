//! Tokens in cookies.

mod auth_cookies;
mod error;
mod layouts;
mod names;
mod planted;

pub(crate) use self::layouts::Layouts;
pub use self::{auth_cookies::AuthCookies, error::CookieError};
