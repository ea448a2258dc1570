//! The errors of an HSM.

use countersign::{Algorithm, ConfigError, issue::SignerError};
use cryptoki::error::{Error, RvError};

/// Why an HSM does not do what it is asked for. Contains no PIN.
#[derive(Debug, thiserror::Error)]
pub enum HsmError {
    /// The module answers with an error, or cannot be loaded.
    #[error("the PKCS#11 module fails")]
    Module(#[from] Error),
    /// No token has this label: it is not plugged in, or its server is away.
    #[error("there is no token `{0}`")]
    NoToken(String),
    /// The token refuses the PIN. It is not tried again: each try brings the token closer to being locked.
    #[error("the token refuses the PIN: start again with the right one")]
    PinRefused,
    /// No private key has this name, or no public one.
    #[error("there is no {1} key with {0}")]
    NoKey(String, &'static str),
    /// Several keys have this name.
    #[error("there is more than one {1} key with {0}")]
    NotUnique(String, &'static str),
    /// A key that is made has the name of one that is there.
    #[error("there is a private key with {0} already")]
    Taken(String),
    /// The private key can leave the token, so that it could be anywhere.
    #[error(
        "the private key can leave the token: `CKA_SENSITIVE` is not true, or `CKA_EXTRACTABLE` not false"
    )]
    Extractable,
    /// The signer has no mechanism for the algorithm.
    #[error("{0} is none of ES256, ES384, PS256, RS256")]
    Algorithm(Algorithm),
    /// The public key is none of this algorithm.
    #[error("the public key in the token is none of {0}")]
    PublicKey(Algorithm),
    /// The public key is refused.
    #[error("the public key in the token is refused")]
    Refused(#[from] ConfigError),
    /// The thread that asked has ended.
    #[error("the thread that asked the HSM has ended")]
    Thread,
}

impl HsmError {
    /// Returns whether the HSM would say so again, whenever it is asked.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Module(error) => matches!(
                error,
                Error::Pkcs11(
                    RvError::ActionProhibited
                        | RvError::CurveNotSupported
                        | RvError::FunctionNotSupported
                        | RvError::FunctionRejected
                        | RvError::KeyFunctionNotPermitted
                        | RvError::KeySizeRange
                        | RvError::KeyTypeInconsistent
                        | RvError::MechanismInvalid
                        | RvError::MechanismParamInvalid,
                    _
                ) | Error::LibraryLoading(_)
                    | Error::MissingSymbol(_)
                    | Error::NotSupported
                    | Error::NullFunctionPointer
            ),
            Self::NoToken(_) | Self::Thread => false,
            Self::PinRefused
            | Self::NoKey(..)
            | Self::NotUnique(..)
            | Self::Taken(_)
            | Self::Extractable
            | Self::Algorithm(_)
            | Self::PublicKey(_)
            | Self::Refused(_) => true,
        }
    }

    /// Returns whether the session is gone, and only that: the token is there.
    pub(crate) fn ends_session(&self) -> bool {
        self.is(&[
            RvError::OperationActive,
            RvError::SessionClosed,
            RvError::SessionHandleInvalid,
            RvError::UserNotLoggedIn,
        ])
    }

    /// Returns whether the token refuses the PIN.
    pub(crate) fn is_about_the_pin(&self) -> bool {
        self.is(&[
            RvError::PinExpired,
            RvError::PinIncorrect,
            RvError::PinInvalid,
            RvError::PinLenRange,
            RvError::PinLocked,
            RvError::UserPinNotInitialized,
        ])
    }

    fn is(&self, values: &[RvError]) -> bool {
        match self {
            Self::Module(Error::Pkcs11(value, _)) => values
                .iter()
                .any(|one| std::mem::discriminant(one) == std::mem::discriminant(value)),
            _ => false,
        }
    }

    pub(crate) fn into_signer_error(self) -> SignerError {
        match self.is_refusal() {
            true => SignerError::refused(self),
            false => SignerError::unavailable(self),
        }
    }
}
