//! JSON read strictly: no member name twice in one object, at any level.

pub(crate) mod member_names;
pub(crate) mod strict;

pub(crate) use self::{
    member_names::{BadName, MemberNames, SERDE_RAW_VALUE},
    strict::{Bounds, StrictValue, Text, check, member, position, text},
};
