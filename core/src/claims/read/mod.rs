//! One strict pass over a payload: the registered claims, and the type of the app.

mod capture;
mod diagnosis;
mod hints;
mod pass;
mod reader;
mod recorder;
mod spec;
mod sticky;
mod strict;
mod unreadable;

pub(crate) use self::{
    diagnosis::Diagnosis,
    reader::{Parsed, Reader},
    recorder::{Alphabet, LAST_SECOND},
    spec::{ClaimSlot, ClaimSpec},
    unreadable::Unreadable,
};
