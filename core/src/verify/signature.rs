//! The signature of a token.

use super::{refused::Refused, verifier::Verifier};
use crate::{
    error::{AuthError, AuthErrorKind},
    jose::{Compact, HeaderView},
    keys::KeySetId,
};

impl Verifier {
    /// Finds the keys that the token asks for, and checks the signature with them; says which set
    /// the right one was in.
    ///
    /// `decode` is called between the two, for finding keys is cheap, and most bad tokens end there;
    /// if it fails there is nothing to check, and no verdict.
    pub(super) fn check_signature(
        &self,
        header: &HeaderView<'_>,
        compact: &Compact<'_>,
        decode: impl FnOnce() -> bool,
    ) -> Result<Option<KeySetId>, Refused> {
        let algorithm = header.algorithm();
        if !self.accepts(algorithm) {
            return Err(AuthErrorKind::WrongAlgorithm.into());
        }
        let mut decode = Some(decode);
        let mut is_decoded = || decode.take().is_some_and(|decode| decode());
        let verified = self.keys().look(|keys| {
            let candidates = keys.candidates(algorithm, header.key_id())?;
            if !is_decoded() {
                return Ok(None);
            }
            let key = keys.verify(&candidates, compact)?;
            // The builder refuses such a key, but a source can bring one later.
            key.reject_placeholder().map_err(|weak| {
                let error = AuthError::from(AuthErrorKind::UnknownKey);
                Refused::because(error.with_source(weak))
            })?;
            Ok(Some(keys.id()))
        });
        verified.unwrap_or_else(|unavailable| {
            // Junk is junk, with or without keys.
            if !is_decoded() {
                return Ok(None);
            }
            Err(Refused::because(
                AuthError::from(AuthErrorKind::KeysUnavailable)
                    .with_retry_after(unavailable.seconds())
                    .with_source(unavailable),
            ))
        })
    }
}
