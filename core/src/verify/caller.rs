//! What the caller of a verification brings to it.

use crate::claims::Reader;

/// What the caller of a verification brings to it, beside the token.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    /// Reads the payload.
    pub(crate) reader: Reader,
    /// Set if the caller checks `cnf` itself: only whoever has the whole request can. Otherwise, a bound token is refused.
    pub(crate) checks_confirmation: bool,
}

impl Caller {
    /// Makes one that reads the payload, and checks nothing.
    pub(crate) fn with(reader: Reader) -> Self {
        Self {
            reader,
            checks_confirmation: false,
        }
    }
}
