//! What a token takes of the memory, about.

use std::mem::size_of;

use super::shared::{Key, Value};

/// What the one with this text and this payload takes.
pub(super) fn of(text: &[u8], payload: &str) -> usize {
    // The payload once as text, and once for what an app reads it as.
    text.len() + 2 * payload.len() + OVERHEAD
}

/// What the smallest token there is takes.
pub(super) const LEAST: usize = OVERHEAD + 200;

/// What an entry takes beside its texts: its place in the table, and the registered claims.
const OVERHEAD: usize = 2 * (size_of::<Key>() + size_of::<Value>()) + 350;
