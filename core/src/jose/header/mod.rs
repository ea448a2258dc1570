//! The JOSE header (RFC 7515 section 4), read once and strictly.

mod header;
mod members;
mod plain;
mod short_text;

pub use self::header::Header;
pub(crate) use self::header::normal_type;
