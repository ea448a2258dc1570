//! Several verifiers for several issuers.

mod combine;
mod explain;
#[allow(clippy::module_inception)] // its idea has that name
mod issuers;
mod many;

pub use self::issuers::Issuers;
