//! The set-ups, as the guides `set_ups` and `api_keys` show them.

pub(crate) mod api_keys;
pub(crate) mod api_keys_actix;
pub(crate) mod framed;
pub(crate) mod native;
pub(crate) mod one_origin;
pub(crate) mod path_prefix;
pub(crate) mod siblings;
pub(crate) mod siblings_actix;
pub(crate) mod streams;
