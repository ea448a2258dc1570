//! Five apps before and after they moved to countersign. The guide `from_jsonwebtoken` shows how they differ, and the tests
//! let both forms of an app meet the same tokens.

pub mod deployments;
pub mod new;
pub mod old;
