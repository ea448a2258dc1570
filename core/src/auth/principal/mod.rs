//! The app's own step after verification: who the user of a token is.

#[cfg(feature = "cache")]
mod cache;
mod error;
mod resolver;
#[cfg(feature = "cache")]
mod subject;

pub(super) use self::resolver::Step;
#[cfg(feature = "cache")]
pub use self::subject::TokenSubject;
pub use self::{error::PrincipalError, resolver::PrincipalResolver};
