//! Protection against requests that another site makes a browser send.

mod csrf;
mod effect;
mod form;
mod refusal;

pub use self::csrf::{Csrf, CsrfCheck, CsrfToken};
#[cfg(feature = "sessions")]
pub(crate) use self::form::WithField;
