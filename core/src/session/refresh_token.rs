//! Refresh tokens: opaque to all but this file.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    claims::{Realm, SessionId},
    jose::{
        NoRandomness, base64url,
        crypto::{hmac_sha256, random, sha256},
    },
    session::store::{PreviousToken, TokenHash},
};

/// A refresh token: a part that all tokens of a session share, and 256 bits of its own.
///
/// The shared part tells an old token of the session, which is a replay, from an invented one, which
/// must not end anybody's session. It needs no list of used tokens.
///
/// The text does not name the realm. The hashes contain it, so that in any other realm the token is an
/// unknown one.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct RefreshToken {
    family: [u8; FAMILY],
    secret: [u8; SECRET],
    #[zeroize(skip)]
    realm: RealmTag,
}

/// Bytes that all tokens of a session share.
const FAMILY: usize = 16;
/// Bytes of a token's own.
const SECRET: usize = 32;

/// The purposes of the hashes, so that none can stand for another.
const REALM_LABEL: &[u8] = b"countersign realm 1\0";
const ID_LABEL: &[u8] = b"countersign session id 2\0";
const HASH_LABEL: &[u8] = b"countersign refresh token 2\0";
const SUCCESSOR_LABEL: &[u8] = b"countersign successor 2\0";

impl RefreshToken {
    /// Generates the first token of a new session.
    pub(super) fn generate(realm: RealmTag) -> Result<Self, NoRandomness> {
        let mut token = Self {
            family: [0; FAMILY],
            secret: [0; SECRET],
            realm,
        };
        random(&mut token.family)?;
        random(&mut token.secret)?;
        Ok(token)
    }

    /// Reads the token that a client presents to this realm: 64 characters of base64url.
    pub(super) fn parse(text: &str, realm: RealmTag) -> Option<Self> {
        if text.len() != Self::TEXT {
            return None;
        }
        let mut bytes = base64url::decode(text)?;
        let (family, secret) = bytes.split_first_chunk()?;
        let token = Self {
            family: *family,
            secret: secret.try_into().ok()?,
            realm,
        };
        bytes.zeroize();
        Some(token)
    }

    /// Characters of the text.
    const TEXT: usize = (FAMILY + SECRET) / 3 * 4;

    /// Writes the text for the client.
    pub(super) fn encode(&self) -> String {
        let mut bytes = [self.family.as_slice(), &self.secret].concat();
        let text = base64url::encode(&bytes);
        bytes.zeroize();
        text
    }

    /// Returns the id of its session, whether or not there is one.
    pub(super) fn session_id(&self) -> SessionId {
        let hash = labelled(ID_LABEL, &[&self.realm.0, &self.family]);
        let mut id = [0; SessionId::BYTES];
        id.copy_from_slice(&hash[..SessionId::BYTES]);
        SessionId::new(id)
    }

    /// Returns the hash that the store keeps.
    pub(super) fn hash(&self) -> TokenHash {
        TokenHash::from_bytes(labelled(
            HASH_LABEL,
            &[&self.realm.0, &self.family, &self.secret],
        ))
    }

    /// Computes the token that follows it. One salt leads to one successor, and nobody without this token
    /// can compute it.
    pub(super) fn successor(&self, salt: &TokenHash) -> Self {
        let message = [SUCCESSOR_LABEL, salt.as_bytes()].concat();
        Self {
            family: self.family,
            secret: hmac_sha256(&self.secret, &message),
            realm: self.realm,
        }
    }

    /// Computes the token at the end of a chain, whose last link is this token.
    pub(super) fn follow(&self, chain: &[PreviousToken]) -> Self {
        let links = chain.iter().rev();
        links.fold(self.clone(), |token, link| token.successor(&link.salt))
    }

    /// Generates a salt for [`successor`](Self::successor).
    pub(super) fn salt() -> Result<TokenHash, NoRandomness> {
        let mut salt = [0; 32];
        random(&mut salt)?;
        Ok(TokenHash::from_bytes(salt))
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").finish_non_exhaustive()
    }
}

/// A realm as a part of what is hashed: 32 bytes, so that no name can run into what follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RealmTag([u8; 32]);

impl RealmTag {
    pub(super) fn of(realm: &Realm) -> Self {
        Self(sha256(&[REALM_LABEL, realm.as_str().as_bytes()].concat()))
    }
}

fn labelled(label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut message = label.to_vec();
    for part in parts {
        message.extend_from_slice(part);
    }
    let hash = sha256(&message);
    message.zeroize();
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(name: &str) -> RealmTag {
        RealmTag::of(&Realm::new(name).unwrap())
    }

    fn generate() -> Result<RefreshToken, NoRandomness> {
        RefreshToken::generate(realm("shop"))
    }

    fn parse(text: &str) -> Option<RefreshToken> {
        RefreshToken::parse(text, realm("shop"))
    }

    #[test]
    fn a_token_is_64_characters_that_read_back() {
        let token = generate().unwrap();
        let text = token.encode();
        assert_eq!(text.len(), 64);
        assert_eq!(parse(&text).unwrap().hash(), token.hash());
    }

    #[test]
    fn what_is_no_token_is_none() {
        let text = generate().unwrap().encode();
        for bad in ["", "x", &text[1..], &format!("{text}A"), &"=".repeat(64)] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn all_tokens_of_a_session_name_it_and_differ() {
        let first = generate().unwrap();
        let second = first.successor(&RefreshToken::salt().unwrap());
        assert_eq!(first.session_id(), second.session_id());
        assert_ne!(first.hash(), second.hash());
        let other = generate().unwrap();
        assert_ne!(first.session_id(), other.session_id());
    }

    #[test]
    fn in_another_realm_a_token_is_of_another_session() {
        let token = generate().unwrap();
        let text = token.encode();
        let abroad = RefreshToken::parse(&text, realm("back office")).unwrap();
        assert_ne!(abroad.session_id(), token.session_id());
        assert_ne!(abroad.hash(), token.hash());
    }

    #[test]
    fn a_successor_depends_on_the_token_and_on_the_salt() {
        let token = generate().unwrap();
        let salt = RefreshToken::salt().unwrap();
        let successor = token.successor(&salt).hash();
        assert_eq!(token.successor(&salt).hash(), successor);
        assert_ne!(
            token.successor(&RefreshToken::salt().unwrap()).hash(),
            successor
        );
        let mut stranger = generate().unwrap();
        stranger.family = token.family;
        assert_ne!(stranger.successor(&salt).hash(), successor);
    }

    #[test]
    fn debug_shows_nothing() {
        let token = generate().unwrap();
        assert_eq!(format!("{token:?}"), "RefreshToken { .. }");
    }

    #[test]
    fn tags_of_different_realms_differ() {
        let tag = |name: &str| RealmTag::of(&Realm::new(name).unwrap()).0;
        assert_eq!(tag("a"), tag("a"));
        assert_ne!(tag("a"), tag("b"));
    }
}
