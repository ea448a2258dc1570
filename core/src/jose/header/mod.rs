//! The JOSE header (RFC 7515 section 4), read once and strictly.

mod header;
mod parse;

pub use self::header::Header;
pub(crate) use self::header::{HeaderBuffer, HeaderView, normal_type};
