// Its snippets need both stores.
#![cfg_attr(
    any(not(doctest), all(feature = "postgres", feature = "sqlite")),
    doc = include_str!("../README.md")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod api_keys;
mod error;
#[cfg(all(fuzzing, any(feature = "postgres", feature = "sqlite")))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod log;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod opening;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod prefix;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod proofs;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod rings;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod rows;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod schema;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod settings;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(all(feature = "proof", any(feature = "postgres", feature = "sqlite")))]
mod sweeper;

pub use self::error::SetupError;
#[cfg(all(feature = "proof", feature = "postgres"))]
pub use self::postgres::PostgresReplayStore;
#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresStore, PostgresStoreBuilder};
#[cfg(all(feature = "proof", feature = "sqlite"))]
pub use self::sqlite::SqliteReplayStore;
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteStore, SqliteStoreBuilder};
