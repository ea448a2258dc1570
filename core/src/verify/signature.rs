//! The signature of a token.

use super::{pipeline::PAYLOAD, refused::Refused, verifier::Verifier, wrong};
use crate::{
    claims::{Tolerance, Tolerances},
    error::{AuthError, AuthErrorKind},
    jose::{Buffer, Compact, HeaderView},
    keys::KeySetId,
};

/// The payload of a token whose signature matches. Only [`Verifier::check_signature`] makes one.
pub(super) struct Signed<'s> {
    payload: &'s [u8],
    keys: KeySetId,
    /// By a key that others can guess.
    is_weak: bool,
}

impl<'s> Signed<'s> {
    pub(super) fn payload(&self) -> &'s [u8] {
        self.payload
    }

    /// Notes the tolerance that the signature needed.
    pub(super) fn note_weakness(&self, needed: &mut Tolerances) {
        if self.is_weak {
            needed.add(Tolerance::WeakHs256Secret);
        }
    }

    /// The key set that verified it.
    pub(super) fn keys(&self) -> KeySetId {
        self.keys
    }
}

/// Why a token is not [`Signed`].
pub(super) enum Unsigned {
    /// The payload is not base64url, so there is nothing to verify.
    NotDecoded,
    Refused(Refused),
}

impl Unsigned {
    pub(super) fn into_error(self, header: &HeaderView<'_>) -> AuthError {
        match self {
            Self::NotDecoded => wrong::encoding(),
            Self::Refused(refused) => {
                let kind = refused.kind();
                AuthError::from(refused).about(|| wrong::signature(kind, header))
            }
        }
    }
}

impl<R: Into<Refused>> From<R> for Unsigned {
    fn from(refused: R) -> Self {
        Self::Refused(refused.into())
    }
}

impl Verifier {
    /// Finds the keys that the header asks for, and checks the signature with them.
    ///
    /// The payload is decoded between the two: finding keys is cheap and refuses most bad tokens, and
    /// decoding finds every byte outside of the alphabet before anything is computed over it.
    pub(super) fn check_signature<'s>(
        &self,
        token: &Compact<'_>,
        header: &HeaderView<'_>,
        buffer: &'s mut Option<Buffer<PAYLOAD>>,
    ) -> Result<Signed<'s>, Unsigned> {
        let algorithm = header.algorithm();
        if !self.accepts(algorithm) {
            return Err(AuthErrorKind::WrongAlgorithm.into());
        }
        let verified = self.keys().with_current(|keys| {
            let candidates = keys.candidates(algorithm, header.key_id())?;
            let payload = buffer.insert(Buffer::new()).decode(token.payload);
            let payload = payload.ok_or(Unsigned::NotDecoded)?;
            let key = keys.verify(&candidates, token)?;
            // The builder refuses such a key, but a source can bring one later.
            key.reject_placeholder().map_err(|weak| {
                Refused::because(AuthError::from(AuthErrorKind::UnknownKey).with_source(weak))
            })?;
            Ok(Signed {
                payload,
                keys: keys.id(),
                is_weak: key.is_weak(),
            })
        });
        verified.unwrap_or_else(|unavailable| {
            // Junk is junk, with or without keys.
            if Buffer::<PAYLOAD>::new().decode(token.payload).is_none() {
                return Err(Unsigned::NotDecoded);
            }
            Err(Refused::because(wrong::keys_unavailable(unavailable)).into())
        })
    }
}
