//! The lists of revocations that are asked about the tokens of several issuers.

use super::dynamic::DynamicIssuers;
use crate::revocation::Revocation;

/// The lists of revocations that are asked about tokens, those of issuers included that a resolver finds.
#[cfg_attr(not(feature = "cache"), allow(dead_code))]
pub(crate) struct RevocationLists {
    pub(super) fixed: Vec<Revocation>,
    pub(super) dynamic: Option<DynamicIssuers>,
}

/// How much was revoked of a subject at some moment.
#[cfg(feature = "cache")]
#[derive(Clone, Copy)]
pub(crate) struct RevokedSoFar {
    /// The verifier of the issuer, if a resolver found it.
    engine: Option<u64>,
    count: u64,
}

#[cfg(feature = "cache")]
impl RevocationLists {
    /// Counts the revocations of all tokens of a subject so far, and those of some others.
    pub(crate) fn of(&self, issuer: Option<&str>, subject: &str) -> RevokedSoFar {
        let engine = match (&self.dynamic, issuer) {
            (Some(dynamic), Some(issuer)) => dynamic.engine(issuer),
            _ => None,
        };
        let own = engine
            .as_ref()
            .and_then(|engine| engine.verifier().revocation());
        let counts = self.fixed.iter().chain(own);
        RevokedSoFar {
            engine: engine.as_ref().map(|engine| engine.id()),
            count: counts
                .map(|list| list.revocations_of(subject))
                .fold(0, u64::wrapping_add),
        }
    }
}

#[cfg(feature = "cache")]
impl RevokedSoFar {
    /// Checks that nothing was revoked between this moment and an `earlier` one, or the other way round.
    ///
    /// The list of another verifier has counted other revocations: nobody can tell.
    pub(crate) fn is_none_since(self, earlier: Self) -> bool {
        self.engine == earlier.engine && earlier.count >= self.count
    }
}
