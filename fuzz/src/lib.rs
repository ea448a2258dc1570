//! What the fuzz targets compare with: readings of our own, as plain as they can be.

pub mod head;
pub mod json;
pub mod keys;
pub mod rows;
pub mod tokens;
pub mod typed;
