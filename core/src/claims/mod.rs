//! Claims: the registered ones, read strictly, and the token that carries them.

mod registered;
mod sources;
mod span;
mod token;
mod views;
mod wanted;

pub(crate) use self::{
    registered::Registered,
    span::Span,
    token::Context,
    wanted::{Place, Wanted},
};
pub use self::{
    sources::{RoleSource, ScopeSource},
    token::VerifiedToken,
    views::{Audience, Scopes},
};
