#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod api_keys;
mod builder;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod layout;
mod link;
mod log;
#[cfg(feature = "proof")]
mod replay;
mod ring;
mod row;
mod script;
mod sessions;
mod store;

#[cfg(feature = "proof")]
pub use self::replay::RedisReplayStore;
pub use self::{builder::RedisStoreBuilder, store::RedisStore};
