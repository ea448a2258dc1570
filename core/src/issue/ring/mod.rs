//! The ring of signing keys: at a moment, as a document with times, and where it is kept: in a folder, or sealed in a store.

mod access;
mod check;
mod document;
mod edit;
mod folder;
mod json;
mod moment;
mod save;
mod sealed;
mod sealing;
mod state;
mod store;

pub(super) use self::state::Ring;
pub(crate) use self::state::check_header;
pub use self::{
    document::{RingDocument, RingKeyState, RingKeyStatus, RingTimes},
    folder::KeyFolder,
    sealed::SealedRing,
    sealing::SealingKeys,
    store::RingStore,
};
