//! Sessions and revocations in PostgreSQL.

mod api_key;
mod builder;
mod epoch;
mod lease;
mod log;
mod pooler;
mod realm;
mod ring;
mod sql;
mod store;

pub use self::{builder::PostgresStoreBuilder, store::PostgresStore};
