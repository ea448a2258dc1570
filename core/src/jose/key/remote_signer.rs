//! The private half of a key that is kept elsewhere.

use std::{future::Future, pin::Pin, sync::Arc};

use super::{
    key::Key,
    signing_key::{PrivateHalf, SigningKey},
};

/// A service that signs with one key, as an issuer uses it.
pub(crate) trait RemoteSigner: Send + Sync {
    /// Signs a message, in the form of a JWS. The signature has been verified, and there is an answer within a bounded
    /// time.
    fn sign<'a>(&'a self, message: &'a [u8]) -> Signature<'a>;
}

/// The future of a signature.
type Signature<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, NotSigned>> + Send + 'a>>;

/// The reason why there is no signature. The log has the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSigned {
    /// The service says no: to ask again would not help.
    Refused,
    /// The service is away, or has answered with no signature of this key.
    Unavailable,
}

impl SigningKey {
    /// Makes a key that signs elsewhere. Its signatures, which `verifying` verifies, have so many bytes. Without a name
    /// of its own, its id is the thumbprint.
    pub(crate) fn remote(
        signer: Arc<dyn RemoteSigner>,
        verifying: Key,
        signature_length: usize,
    ) -> Self {
        let id = verifying.id().or(verifying.thumbprint());
        let id = id.unwrap_or_default().to_owned();
        let private = PrivateHalf::Elsewhere(signer);
        Self::of(private, verifying.with_id(id), signature_length)
    }

    /// Returns the service that signs; `None` for a key that signs here.
    pub(crate) fn remote_signer(&self) -> Option<&Arc<dyn RemoteSigner>> {
        match self.private_half() {
            PrivateHalf::Here(_) => None,
            PrivateHalf::Elsewhere(signer) => Some(signer),
        }
    }
}
