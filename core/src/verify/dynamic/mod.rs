//! Issuers that are found while the server runs.

mod answer;
mod book;
mod builder;
mod engine;
pub(crate) mod form;
mod issuers;
mod state;

pub(super) use self::issuers::Unverified;
pub use self::{builder::DynamicIssuersBuilder, issuers::DynamicIssuers};
