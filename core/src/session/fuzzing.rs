//! Ways into refresh tokens and API keys: see `crate::fuzzing`.

use super::{
    api_keys::text::Parts,
    decision::{Decision, Instants, Presenter, decide},
    refresh_token::{RealmTag, RefreshToken},
};
use crate::{
    claims::{Realm, SessionId},
    session::store::{ApiKeyId, StoredSession, TokenHash},
};

/// A refresh token that could be read, taken apart.
#[derive(Debug)]
pub struct ReadToken {
    /// Its text, written again.
    pub text: String,
    /// The session it belongs to.
    pub session: SessionId,
    /// The hash by which a store knows it.
    pub hash: TokenHash,
    /// The text of its successor with the given salt.
    pub successor: String,
}

/// Reads a refresh token of this realm.
pub fn refresh_token(text: &str, realm: &Realm, salt: &TokenHash) -> Option<ReadToken> {
    let token = RefreshToken::parse(text, RealmTag::of(realm))?;
    Some(ReadToken {
        text: token.encode(),
        session: token.session_id(),
        hash: token.hash(),
        successor: token.successor(salt).encode(),
    })
}

/// The answer to a refresh token.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// A new token.
    Exchange,
    /// Nothing.
    Refusal,
    /// This token, the current one.
    Repeat(String),
}

/// Answers a refresh token that comes now, with this grace window. `None` when it is no token.
pub fn answer(text: &str, session: &StoredSession, now: i64, grace: i64) -> Option<Answer> {
    let token = RefreshToken::parse(text, RealmTag::of(&session.realm))?;
    let instants = Instants {
        now,
        came: now,
        grace,
    };
    Some(
        match decide(session, &token.hash(), Presenter::default(), instants) {
            Decision::Repeat(chain) => Answer::Repeat(token.follow(chain).encode()),
            Decision::Rotate => Answer::Exchange,
            Decision::Expired | Decision::Replayed | Decision::WrongClient => Answer::Refusal,
        },
    )
}

/// Reads an API key of this prefix: its id and its secret.
pub fn api_key<'t>(text: &'t str, prefix: &str) -> Option<(ApiKeyId, &'t str)> {
    let parts = Parts::parse(text, prefix)?;
    Some((parts.id, parts.secret))
}
