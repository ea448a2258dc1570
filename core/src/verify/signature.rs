//! The signature of a token.

use crate::{
    error::{AuthError, AuthErrorKind},
    jose::{Compact, Header},
    keys::KeySetId,
    verify::Verifier,
};

impl Verifier {
    /// Finds the keys that the token asks for, and checks the signature with them; says which set
    /// the right one was in.
    ///
    /// `decode` is called between the two, for finding keys is cheap, and most bad tokens end there;
    /// if it fails there is nothing to check, and no verdict.
    pub(super) fn check_signature(
        &self,
        header: &Header,
        compact: &Compact<'_>,
        decode: impl FnOnce() -> bool,
    ) -> Result<Option<KeySetId>, Unsigned> {
        let algorithm = header.algorithm();
        if !self.accepts(algorithm) {
            return Err(AuthErrorKind::WrongAlgorithm.into());
        }
        let mut decode = Some(decode);
        let mut is_decoded = || decode.take().is_some_and(|decode| decode());
        let verified = self.keys().look(|keys| {
            let candidates = keys.candidates(algorithm, header.key_id_bytes())?;
            if !is_decoded() {
                return Ok(None);
            }
            let key = keys.verify(&candidates, compact)?;
            // The builder refuses such a key, but a source can bring one later.
            key.check_filled().map_err(|weak| {
                let error = AuthError::from(AuthErrorKind::UnknownKey);
                Unsigned::because(error.with_source(weak))
            })?;
            Ok(Some(keys.id()))
        });
        verified.unwrap_or_else(|unavailable| {
            // Junk is junk, with or without keys.
            if !is_decoded() {
                return Ok(None);
            }
            Err(Unsigned::because(
                AuthError::from(AuthErrorKind::KeysUnavailable)
                    .with_retry_after(unavailable.seconds())
                    .with_source(unavailable),
            ))
        })
    }
}

/// Why no key made a signature. Small, so that the token of anybody is refused without an error being
/// moved about.
pub(super) enum Unsigned {
    /// There is no more to say.
    Kind(AuthErrorKind),
    Because(Box<AuthError>),
}

impl Unsigned {
    fn because(error: AuthError) -> Self {
        Self::Because(Box::new(error))
    }

    pub(super) fn kind(&self) -> AuthErrorKind {
        match self {
            Self::Kind(kind) => *kind,
            Self::Because(error) => error.kind(),
        }
    }
}

impl From<AuthErrorKind> for Unsigned {
    fn from(kind: AuthErrorKind) -> Self {
        Self::Kind(kind)
    }
}

impl From<Unsigned> for AuthError {
    fn from(unsigned: Unsigned) -> Self {
        match unsigned {
            Unsigned::Kind(kind) => kind.into(),
            Unsigned::Because(error) => *error,
        }
    }
}
