//! Sessions and revocations in SQLite.

mod builder;
mod ring;
mod sql;
mod store;

pub use self::{builder::SqliteStoreBuilder, store::SqliteStore};
