//! The Rust code of the two README files, one file for each block, with the context that a reader
//! has.

mod axum;
mod actix;
mod issuing;
mod options;
mod providers;
mod sessions;
mod shared;
mod testing;
mod verifying;
