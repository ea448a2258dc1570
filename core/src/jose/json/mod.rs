//! JSON read strictly: no member name twice in one object, at any level.

pub(crate) mod member_names;
pub(crate) mod strict;

pub(crate) use self::{
    member_names::{BadName, Names, RAW, is_reserved},
    strict::{Checked, Member, Text, check, position, text, work},
};
