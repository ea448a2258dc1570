//! The row of a refresh token that was exchanged a moment ago.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::TokenHash;

/// A refresh token that was exchanged for the next one.
///
/// A list of them is a chain: with each salt, and only together with the token itself, the next token
/// can be computed, down to the current one. So an exchanged token is answered with the current one within
/// the [grace window](crate::session::SessionsBuilder::grace), and a reader of the store computes nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousToken {
    /// Its SHA-256 hash.
    pub hash: TokenHash,
    /// The salt from which, and from the token, its successor was computed.
    pub salt: TokenHash,
    /// The time when it was exchanged, in seconds since 1970.
    pub exchanged_at: i64,
}

impl PreviousToken {
    /// The most that a session keeps: 16. While so many were exchanged within the grace window, the
    /// current token stays the current one.
    pub const MOST: usize = 16;

    /// The length of one as bytes: 72.
    pub const BYTES: usize = 72;

    /// Writes a list as bytes, for a column of a table: hash, salt and time (big-endian) of each.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::session::store::{TokenHash, PreviousToken};
    ///
    /// let list = vec![PreviousToken {
    ///     hash: TokenHash::from_bytes([1; 32]),
    ///     salt: TokenHash::from_bytes([2; 32]),
    ///     exchanged_at: 1_800_000_000,
    /// }];
    /// let bytes = PreviousToken::list_to_bytes(&list);
    /// assert_eq!(bytes.len(), PreviousToken::BYTES);
    /// assert_eq!(PreviousToken::list_from_bytes(&bytes), Some(list));
    /// ```
    #[must_use]
    pub fn list_to_bytes(list: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(list.len() * Self::BYTES);
        for token in list {
            bytes.extend_from_slice(token.hash.as_bytes());
            bytes.extend_from_slice(token.salt.as_bytes());
            bytes.extend_from_slice(&token.exchanged_at.to_be_bytes());
        }
        bytes
    }

    /// Reads what [`list_to_bytes`](Self::list_to_bytes) wrote. `None` for anything else, and for more
    /// than [`MOST`](Self::MOST).
    #[must_use]
    pub fn list_from_bytes(bytes: &[u8]) -> Option<Vec<Self>> {
        if bytes.len() > Self::MOST * Self::BYTES {
            return None;
        }
        let (tokens, []) = bytes.as_chunks::<{ Self::BYTES }>() else {
            return None;
        };
        tokens.iter().map(Self::from_bytes).collect()
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (hash, rest) = bytes.split_first_chunk::<32>()?;
        let (salt, time) = rest.split_first_chunk::<32>()?;
        Some(Self {
            hash: TokenHash::from_bytes(*hash),
            salt: TokenHash::from_bytes(*salt),
            exchanged_at: i64::from_be_bytes(time.try_into().ok()?),
        })
    }
}

impl fmt::Debug for PreviousToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreviousToken")
            .field("exchanged_at", &self.exchanged_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(length: u8) -> Vec<PreviousToken> {
        let token = |byte| PreviousToken {
            hash: TokenHash::from_bytes([byte; 32]),
            salt: TokenHash::from_bytes([!byte; 32]),
            exchanged_at: -i64::from(byte),
        };
        (0..length).map(token).collect()
    }

    #[test]
    fn a_list_of_any_length_reads_back() {
        for length in 0..=16 {
            let list = list(length);
            let bytes = PreviousToken::list_to_bytes(&list);
            assert_eq!(PreviousToken::list_from_bytes(&bytes), Some(list));
        }
    }

    #[test]
    fn other_bytes_are_no_list() {
        let bytes = PreviousToken::list_to_bytes(&list(17));
        for length in [1, 71, 73, 17 * 72] {
            let read = PreviousToken::list_from_bytes(&bytes[..length]);
            assert_eq!(read, None, "{length}");
        }
    }
}
