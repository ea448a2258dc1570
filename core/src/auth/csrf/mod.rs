//! Protection against requests that another site makes a browser send.

mod csrf;
mod effect;
mod refusal;

pub use self::csrf::{Csrf, CsrfCheck, CsrfToken};
