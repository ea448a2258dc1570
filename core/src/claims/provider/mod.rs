//! Identity providers: the peculiarities of their tokens.

mod apps;
mod gateways;
mod names;
mod provider;
mod workloads;

#[cfg(feature = "remote")]
pub(crate) use self::provider::KeyLocation;
pub use self::provider::Provider;
pub(crate) use self::provider::Standing;
