//! Identity providers: the peculiarities of their tokens.

mod apps;
mod gateways;
mod load_balancers;
mod names;
mod provider;
mod workloads;

pub(crate) use self::load_balancers::AlbArn;
pub use self::provider::Provider;
pub(crate) use self::provider::Standing;
#[cfg(feature = "remote")]
pub(crate) use self::{load_balancers::is_alb_key_id, provider::KeyLocation};
