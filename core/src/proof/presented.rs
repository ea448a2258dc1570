//! What a request brings to prove that its sender has the key or the certificate.

use super::dpop::SentProof;
use crate::{
    jose::Thumbprint,
    request::{ClientCertificate, RequestHead},
};

/// What a request brings to prove that its sender has the key or the certificate, copied: the verification of the token may
/// have to wait.
#[derive(Clone, Debug)]
pub(crate) struct Presented {
    pub(crate) proof: SentProof,
    pub(crate) method: Box<str>,
    /// As the client sent it.
    pub(crate) path: Box<str>,
    /// The hash of the token, as `ath` has it; `None` where there is no access token yet.
    pub(crate) token_hash: Option<String>,
    /// An error if nobody can tell which certificate it is.
    pub(crate) certificate: Result<Option<ClientCertificate>, String>,
}

impl Presented {
    /// Copies what a request brings, with this access token if there is one.
    pub(crate) fn of(
        head: &dyn RequestHead,
        token: Option<&[u8]>,
        certificate: Result<Option<ClientCertificate>, String>,
    ) -> Self {
        Self {
            proof: SentProof::of(head),
            method: head.method().into(),
            path: head.target_path().into(),
            token_hash: token.map(|token| Thumbprint::of(token).to_string()),
            certificate,
        }
    }
}
