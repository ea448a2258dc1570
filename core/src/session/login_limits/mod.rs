//! Limits of failed logins, by account and by address.

mod attempt;
mod bounded;
mod builder;
mod failures;
mod familiar;
mod key;
mod limits;
mod peer;

pub(in crate::session) use self::bounded::{Aging, Bounded, Second};
pub(crate) use self::limits::Accounts;
pub use self::{
    attempt::{LoginAttempt, TooManyLogins},
    builder::LoginLimitsBuilder,
    limits::LoginLimits,
};
