//! Sessions and revocations in PostgreSQL.

mod builder;
mod lease;
mod pooler;
mod ring;
mod sql;
mod store;

pub use self::{builder::PostgresStoreBuilder, store::PostgresStore};
