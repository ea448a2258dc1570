//! The Rust of the two README files, a file for each block, and around it what the reader has.

mod axum;
mod actix;
mod issuing;
mod options;
mod providers;
mod sessions;
mod shared;
mod testing;
mod verifying;
