//! Logged-in users: refresh tokens, their rotation, and where they are kept.

mod begun;
mod builder;
mod capabilities;
mod decision;
mod ending;
mod error;
mod event;
mod exchange;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod id;
mod memory;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod pair;
mod pending_login;
mod previous_token;
mod realm;
mod record;
mod refresh_token;
mod sessions;
mod share;
mod store;
mod store_mark;
mod view;

pub(crate) use self::begun::Begun;
pub use self::{
    builder::SessionsBuilder,
    capabilities::StoreCapabilities,
    error::{SessionError, SessionErrorKind},
    event::{Ending, SessionEvent},
    id::{Digest, SessionId},
    memory::MemoryStore,
    pair::TokenPair,
    pending_login::PendingLogin,
    previous_token::PreviousToken,
    realm::Realm,
    record::{EndedSession, StoredSession},
    sessions::Sessions,
    store::{SessionStore, StoreError},
    store_mark::StoreMark,
    view::{Client, Identity, Session},
};
