//! Identity providers: the peculiarities of their tokens.

mod apps;
mod gateways;
mod names;
mod provider;
mod workloads;

pub use self::provider::Provider;
pub(crate) use self::provider::{KeyLocation, Standing};
