//! Sessions and revocations in SQLite.

mod builder;
mod sql;
mod store;

pub use self::{builder::SqliteStoreBuilder, store::SqliteStore};
