//! The error of a signer.

use std::{error::Error, fmt};

/// Why a [`Signer`](super::Signer) gave no signature.
///
/// Any error becomes an outage by `?`. The cause is for the log, where it stands with its own causes: it contains no
/// secret of the service, such as a PIN or a token.
///
/// # Examples
///
/// ```
/// # struct Answer { status: u16, signature: Vec<u8> }
/// # async fn post(_: &[u8]) -> Result<Answer, std::io::Error> { Ok(Answer { status: 200, signature: Vec::new() }) }
/// use countersign::issue::{SignerError, SigningInput};
///
/// async fn sign(input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
///     let answer = post(input.message()).await?; // an outage
///     match answer.status {
///         200 => Ok(answer.signature),
///         403 => Err(SignerError::refused("this role may not use the key")),
///         status => Err(SignerError::unavailable(format!("status {status}"))),
///     }
/// }
/// # drop(sign);
/// ```
pub struct SignerError {
    is_unavailable: bool,
    cause: Box<dyn Error + Send + Sync>,
}

impl SignerError {
    /// Says that there is no answer now: an outage, a limit of requests, an answer that makes no sense. The client gets 503
    /// and may come again.
    #[must_use]
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            is_unavailable: true,
            cause: cause.into(),
        }
    }

    /// Says that the service refuses, and would do so again: no right to use the key, a version that is disabled. The client
    /// gets 500.
    #[must_use]
    pub fn refused(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            is_unavailable: false,
            cause: cause.into(),
        }
    }

    /// Returns whether it is an outage.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }

    /// Returns the cause, for the log.
    #[must_use]
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.cause
    }
}

/// An outage.
impl<E: Error + Send + Sync + 'static> From<E> for SignerError {
    fn from(cause: E) -> Self {
        Self::unavailable(cause)
    }
}

impl fmt::Debug for SignerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignerError")
            .field("is_unavailable", &self.is_unavailable)
            .field("cause", &self.cause)
            .finish()
    }
}
