//! Claims: the registered ones, read strictly, and the token that carries them.

mod registered;
mod token;
mod views;

pub(crate) use self::registered::{Registered, Span};
pub use self::{
    token::VerifiedToken,
    views::{Audience, Scopes},
};
