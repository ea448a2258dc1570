//! The text of an opaque token, on its way to the check.

use std::fmt;

use zeroize::Zeroizing;

/// The text of an opaque token: an argument of the check of [`OpaqueTokens`](crate::OpaqueTokens).
///
/// Whoever has it can act as its owner: it belongs in no log and no answer. `Debug` does not show it, and its memory is
/// wiped when it is dropped.
#[derive(Clone)]
pub struct OpaqueToken(Zeroizing<String>);

impl OpaqueToken {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Returns the text: as the request carried it, with its prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueToken").finish_non_exhaustive()
    }
}
