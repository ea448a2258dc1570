//! The key under which a store remembers a proof.

use std::fmt;

use crate::jose::{Thumbprint, base64url};

/// The key under which a [`ReplayStore`](super::ReplayStore) remembers a proof.
///
/// It has the hash of the proof's key, and a hash of that key with the proof's `jti`: of verified values only, so that nobody
/// else's proofs can be used up, and of a fixed length whatever a client sends.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayKey {
    owner: [u8; 32],
    proof: [u8; 32],
}

impl ReplayKey {
    /// Makes the key of a proof: from the thumbprint of the key that signed it, and its `jti`.
    #[must_use]
    pub fn new(thumbprint: Thumbprint, jti: &str) -> Self {
        let owner = *thumbprint.as_bytes();
        // The first part has a fixed length: no two pairs are one text.
        let proof = [&owner, jti.as_bytes()].concat();
        Self {
            owner,
            proof: *Thumbprint::of(&proof).as_bytes(),
        }
    }

    /// Returns the hash of the key that signed the proof: for a quota for each client.
    #[must_use]
    pub fn owner(&self) -> &[u8; 32] {
        &self.owner
    }

    /// Returns the hash that stands for the proof. It is enough to tell it from all others.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.proof
    }
}

/// The hash that stands for the proof, as base64url.
impl fmt::Display for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.proof))
    }
}

impl fmt::Debug for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayKey({self})")
    }
}
