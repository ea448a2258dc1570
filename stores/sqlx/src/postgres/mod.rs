//! Sessions and revocations in PostgreSQL.

mod api_key;
mod builder;
mod epoch;
mod lease;
mod log;
mod pooler;
mod realm;
#[cfg(feature = "proof")]
mod replay;
mod ring;
mod sql;
mod store;

#[cfg(feature = "proof")]
pub use self::replay::PostgresReplayStore;
pub use self::{builder::PostgresStoreBuilder, store::PostgresStore};
