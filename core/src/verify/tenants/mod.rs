//! The tenants of a product, told apart by a part of their issuers' names.

mod pattern;
#[allow(clippy::module_inception)] // the file of the type
mod tenants;

pub use self::tenants::{Tenant, Tenants};
