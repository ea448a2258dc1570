//! The set-ups, as the guide `set_ups` shows them.

pub(crate) mod framed;
pub(crate) mod native;
pub(crate) mod one_origin;
pub(crate) mod path_prefix;
pub(crate) mod siblings;
pub(crate) mod siblings_actix;
pub(crate) mod streams;
