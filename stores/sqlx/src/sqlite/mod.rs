//! Sessions and revocations in SQLite.

mod api_key;
mod builder;
mod epoch;
mod log;
mod realm;
mod ring;
mod sql;
mod store;

pub use self::{builder::SqliteStoreBuilder, store::SqliteStore};
