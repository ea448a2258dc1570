//! The use of one proof.

use super::ReplayKey;

/// The use of one proof, to be remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    pub(crate) key: ReplayKey,
    pub(crate) now: i64,
    /// The last second in which the proof could be used again.
    pub(crate) until: i64,
}
