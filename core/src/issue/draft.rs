//! A token whose claims are final, and which may still lack its signature.

use super::{
    jti::Id,
    token::{Cause, IssueError, IssuedToken},
};
use crate::jose::base64url;
#[cfg(feature = "signer")]
use crate::jose::{NotSigned, RemoteSigner};

/// A token on its way to the client.
///
/// A key in this process has signed it at once. One that is kept elsewhere signs while [`finish`](Self::finish) is
/// awaited, and the header names it, whatever the ring does meanwhile.
pub(crate) struct Draft(State);

enum State {
    Signed(IssuedToken),
    #[cfg(feature = "signer")]
    Unsigned(Unsigned, std::sync::Arc<dyn RemoteSigner>),
}

/// A token without its signature.
pub(super) struct Unsigned {
    /// Header, dot, payload: what the signature covers. It has room for the signature.
    pub(super) text: Vec<u8>,
    pub(super) id: Id,
    pub(super) issued_at: i64,
    pub(super) expires_at: i64,
}

impl Draft {
    pub(super) fn signed(token: IssuedToken) -> Self {
        Self(State::Signed(token))
    }

    #[cfg(feature = "signer")]
    pub(super) fn unsigned(token: Unsigned, signer: std::sync::Arc<dyn RemoteSigner>) -> Self {
        Self(State::Unsigned(token, signer))
    }

    /// Returns the token of a key in this process.
    pub(super) fn into_signed(self) -> Result<IssuedToken, IssueError> {
        match self.0 {
            State::Signed(token) => Ok(token),
            #[cfg(feature = "signer")]
            State::Unsigned(..) => Err(IssueError(Cause::Elsewhere)),
        }
    }

    /// Waits for the signature, if there is none.
    #[cfg_attr(not(feature = "signer"), allow(clippy::unused_async))]
    pub(crate) async fn finish(self) -> Result<IssuedToken, IssueError> {
        match self.0 {
            State::Signed(token) => Ok(token),
            #[cfg(feature = "signer")]
            State::Unsigned(token, signer) => match signer.sign(&token.text).await {
                Ok(signature) => token.with_signature(&signature),
                Err(NotSigned::Refused) => Err(IssueError(Cause::Refused)),
                Err(NotSigned::Unavailable) => Err(IssueError(Cause::Unavailable)),
            },
        }
    }
}

impl Unsigned {
    /// Appends the signature.
    pub(super) fn with_signature(mut self, signature: &[u8]) -> Result<IssuedToken, IssueError> {
        self.text.push(b'.');
        base64url::encode_onto(signature, &mut self.text);
        // Base64url and dots are ASCII.
        let token = String::from_utf8(self.text).map_err(|_| IssueError(Cause::Signing))?;
        Ok(IssuedToken {
            token,
            id: self.id,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
        })
    }
}
