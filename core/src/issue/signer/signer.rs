//! The interface of a service that signs.

use std::future::Future;

use super::{error::SignerError, input::SigningInput};
use crate::jose::Key;

/// A service that signs with one private key, which it does not give away: a KMS, a vault, an HSM.
///
/// [`SigningKey::external`](crate::SigningKey::external) makes a key of it, for an [`Issuer`](crate::Issuer) and its ring. Each
/// version of a key is a signer of its own, with a public key and an id of its own. The guide
/// [signers](crate::guide::signers) has a whole one, and what happens when it fails.
///
/// # Examples
///
/// ```
/// use countersign::{Key, SigningKey, issue::{Signer, SignerError, SigningInput}};
/// # #[derive(Clone)] struct Client;
/// # impl Client {
/// #     async fn sign_digest(&self, _: &str, _: &[u8]) -> Result<Vec<u8>, std::io::Error> { Ok(Vec::new()) }
/// # }
///
/// struct Kms {
///     client: Client,
///     /// Names the version, not the key alone.
///     version: String,
///     /// Asked of the service at start.
///     public: Key,
/// }
///
/// impl Signer for Kms {
///     fn public_key(&self) -> Key {
///         self.public.clone()
///     }
///
///     async fn sign(&self, input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
///         let digest = input.digest()?;
///         let der = self.client.sign_digest(&self.version, &digest).await?; // an outage
///         input.signature_from_der(&der)
///     }
/// }
///
/// # async fn key(kms: Kms) -> Result<SigningKey, countersign::ConfigError> {
/// SigningKey::external(kms).await
/// # }
/// ```
pub trait Signer: Send + Sync + 'static {
    /// Returns the public half of the key, with the one algorithm that it signs with and the [id](Key::with_id) (`kid`) that
    /// tokens name. Asked once, when the key is made. Without an id, that is the thumbprint (RFC 7638).
    fn public_key(&self) -> Key;

    /// Signs the message, in the form of a JWS: for ECDSA the two numbers side by side (RFC 7518 section 3.4), which
    /// [`signature_from_der`](SigningInput::signature_from_der) makes of DER; for PSS with a salt as long as the hash.
    ///
    /// It may be called twice for one message. When nobody waits any longer, the future is dropped: a call
    /// that goes on regardless, such as one in a thread, has to be bounded by the signer itself.
    ///
    /// # Errors
    ///
    /// Any error by `?` is an outage: the request is answered with 503. [`SignerError::refused`] is for a service that says no, and
    /// would say it again.
    fn sign(
        &self,
        input: SigningInput<'_>,
    ) -> impl Future<Output = Result<Vec<u8>, SignerError>> + Send;
}
