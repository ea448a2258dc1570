//! One strict pass over a payload: the registered claims, and the type of the app.

mod adapter;
mod allowance;
mod app_type;
mod diagnosis;
mod members;
mod pass;
mod reader;
mod recorder;
mod spec;
mod sticky;
mod unreadable;

pub(super) use self::recorder::BadClaim;
pub(super) use self::recorder::is_scope;
pub(crate) use self::{
    allowance::is_integer,
    diagnosis::Diagnosis,
    reader::{Parsed, Reader},
    recorder::{LAST_SECOND, are_scopes},
    spec::{ClaimSlot, ClaimSpec},
    unreadable::Unreadable,
};
