//! Logged-in users: refresh tokens, their rotation, and where they are kept.

mod builder;
mod decision;
mod ending;
mod error;
mod event;
mod everywhere;
mod exchange;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod id;
mod memory;
#[cfg(all(test, countersign_loom))]
mod models;
mod pair;
mod record;
mod refresh_token;
mod sessions;
mod store;
mod view;

pub use self::{
    builder::SessionsBuilder,
    error::{SessionError, SessionErrorKind},
    event::{Ending, SessionEvent},
    id::{Digest, SessionId},
    memory::MemoryStore,
    pair::TokenPair,
    record::{Predecessor, StoredSession},
    sessions::Sessions,
    store::{SessionStore, StoreError},
    view::{Client, Identity, Session},
};
