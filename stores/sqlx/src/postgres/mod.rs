//! Sessions and revocations in PostgreSQL.

mod builder;
mod lease;
mod sql;
mod store;

pub use self::{builder::PostgresStoreBuilder, store::PostgresStore};
