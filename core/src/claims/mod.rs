//! Claims: the registered ones, read strictly, and the token that carries them.

mod capture;
mod caught;
mod diagnosis;
mod failed;
mod hints;
mod pass;
mod reader;
mod registered;
mod sources;
mod span;
mod strict;
mod token;
mod typed;
mod unreadable;
mod views;
mod wanted;

#[cfg(feature = "cache")]
pub(crate) use self::token::KeptToken;
pub(crate) use self::{
    caught::{Alphabet, LAST_SECOND},
    diagnosis::Diagnosis,
    reader::{Parsed, Reader},
    registered::Registered,
    span::Span,
    token::Context,
    unreadable::Unreadable,
    wanted::{Place, Wanted},
};
pub use self::{
    sources::{RoleSource, ScopeSource},
    token::VerifiedToken,
    typed::TypedToken,
    views::{Audience, Scopes},
};
