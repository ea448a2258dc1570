//! The ring of signing keys: at a moment, as a document with times, and in a folder.

mod check;
mod document;
mod edit;
mod folder;
mod json;
mod moment;
mod save;
mod state;

pub(super) use self::state::Ring;
pub(crate) use self::state::check_header;
pub use self::{
    document::{RingDocument, RingKeyState, RingKeyStatus, RingTimes},
    folder::KeyFolder,
};
