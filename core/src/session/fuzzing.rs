//! Ways into refresh tokens: see `crate::fuzzing`.

use crate::session::{Digest, SessionId, refresh_token::RefreshToken};

/// A refresh token that could be read, taken apart.
#[derive(Debug)]
pub struct ReadToken {
    /// Its text, written again.
    pub text: String,
    /// The session it belongs to.
    pub session: SessionId,
    /// What a store knows of it.
    pub hash: Digest,
    /// The text of its successor with the given salt.
    pub successor: String,
}

/// Reads a refresh token.
pub fn refresh_token(text: &str, salt: &Digest) -> Option<ReadToken> {
    let token = RefreshToken::parse(text)?;
    Some(ReadToken {
        text: token.encode(),
        session: token.session_id(),
        hash: token.hash(),
        successor: token.successor(salt).encode(),
    })
}
