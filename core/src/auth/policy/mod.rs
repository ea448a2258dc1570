//! Policies: conditions that a verified token must meet.

mod decide;
mod explain;
mod json_equality;
mod policy;

pub use self::policy::Policy;
