//! Sessions and revocations in SQLite.

mod api_key;
mod builder;
mod epoch;
mod log;
mod realm;
#[cfg(feature = "proof")]
mod replay;
mod ring;
mod sql;
mod store;

#[cfg(feature = "proof")]
pub use self::replay::SqliteReplayStore;
pub use self::{builder::SqliteStoreBuilder, store::SqliteStore};
