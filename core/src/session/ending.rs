//! The end of sessions, and of the access tokens that they have issued.

use crate::{
    revocation::{Revocation, RevocationEntry, Revoked},
    session::{
        Ending, SessionError, SessionErrorKind, SessionEvent, SessionId, Sessions, StoreError,
        StoredSession, sessions::unavailable,
    },
    verify::VerifierBuilder,
};

impl Sessions {
    /// Ends a session and revokes its access tokens. Says whether there was one; its tokens are revoked
    /// in any case.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away, and the session may go on; or when the
    /// [list of revocations](crate::SessionsBuilder::revocation) is full, and its access tokens may.
    pub async fn end(&self, id: &SessionId) -> Result<bool, SessionError> {
        if let Some(stored) = self.find(id).await? {
            return self.finish(&stored, Ending::LoggedOut).await;
        }
        self.end_stored(id, self.now()).await
    }

    /// Ends the session that a refresh token belongs to, whichever of its tokens it is: a logout
    /// (RFC 7009 section 2.1). Says whether there was one.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end).
    pub async fn end_by_token(&self, refresh_token: &str) -> Result<bool, SessionError> {
        let Some(id) = Self::id_of_token(refresh_token) else {
            return Ok(false);
        };
        match self.find(&id).await? {
            Some(stored) => self.finish(&stored, Ending::LoggedOut).await,
            // Anybody can invent a token: an unknown one must not take up room in the list.
            None => Ok(false),
        }
    }

    /// Ends the session if it is one of this subject. Says whether it was.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away: the session may go on.
    pub async fn end_of(&self, subject: &str, id: &SessionId) -> Result<bool, SessionError> {
        match self.find(id).await? {
            Some(stored) if stored.subject == subject => {
                self.finish(&stored, Ending::LoggedOut).await
            }
            _ => Ok(false),
        }
    }

    /// Ends all sessions of the subject, and revokes all tokens that it was issued before: for "log
    /// out everywhere", a changed password, a blocked account. Returns how many sessions there were.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away: sessions may go on.
    pub async fn end_all(&self, subject: &str) -> Result<usize, SessionError> {
        let now = self.now();
        let until = self.last_second_of_tokens(now);
        let of_subject = Revoked::Subject {
            subject: subject.to_owned(),
            issued_before: now,
        };
        // First: a login on its way either finds this, or is found by the store.
        self.0.everywhere.add(subject);
        let revoking = Revoking::new(&self.0.revocation, of_subject, until);
        let ended = self.0.store.end_all(subject.to_owned(), now, until).await;
        let ended = revoking.conclude(ended)?;
        let count = ended.len();
        for id in ended {
            let of_session = Revoked::Session(id.clone());
            Revoking::new(&self.0.revocation, of_session, until).conclude(Ok(()))?;
            self.tell(&SessionEvent::Ended {
                id,
                subject: subject.to_owned(),
                why: Ending::LoggedOutEverywhere,
            });
        }
        Ok(count)
    }

    /// Ends a session, and revokes its access tokens.
    pub(super) async fn finish(
        &self,
        stored: &StoredSession,
        why: Ending,
    ) -> Result<bool, SessionError> {
        let ended = self.end_stored(&stored.id, stored.time(self.now())).await?;
        if ended {
            self.tell(&SessionEvent::Ended {
                id: stored.id.clone(),
                subject: stored.subject.clone(),
                why,
            });
        }
        Ok(ended)
    }

    async fn end_stored(&self, id: &SessionId, now: i64) -> Result<bool, SessionError> {
        let until = self.last_second_of_tokens(now);
        let revoked = Revoked::Session(id.clone());
        let revoking = Revoking::new(&self.0.revocation, revoked, until);
        let ended = self.0.store.end(id.clone(), until).await;
        revoking.conclude(ended)
    }

    /// Ends the sessions of the subject that were used least recently, until there is room for one
    /// more: nobody fills the store with logins of one account.
    pub(super) async fn make_room(&self, subject: &str) -> Result<(), SessionError> {
        let listed = self.0.store.list(subject.to_owned(), self.now()).await;
        let mut listed = listed.map_err(unavailable)?;
        let over = (listed.len() + 1).saturating_sub(self.0.per_subject);
        listed.sort_by_key(|session| session.last_used_at);
        for oldest in listed.iter().take(over) {
            self.finish(oldest, Ending::Displaced).await?;
        }
        Ok(())
    }

    /// When every token issued until now has expired, for every verifier. Not by the usual lifetime:
    /// it may have been longer before a restart, and a token may have asked for more.
    fn last_second_of_tokens(&self, now: i64) -> i64 {
        now.saturating_add(self.0.issuer.max_ttl())
            .saturating_add(MAX_LEEWAY + SLACK)
    }
}

/// The largest leeway that a verifier of ours can have, in seconds.
#[allow(clippy::cast_possible_wrap)] // 300
const MAX_LEEWAY: i64 = VerifierBuilder::MAX_LEEWAY.as_secs() as i64;

/// Seconds for an answer on its way: a token may be issued while its session is being ended.
const SLACK: i64 = 60;

/// A revocation at this node that goes with a step of the store; the other nodes hear of it from the
/// store. It happens also when the request is dropped while the store is at it: a client that closes
/// the connection must not keep its token.
struct Revoking<'r> {
    revocation: &'r Revocation,
    entry: Option<RevocationEntry>,
}

impl<'r> Revoking<'r> {
    fn new(revocation: &'r Revocation, revoked: Revoked, until: i64) -> Self {
        Self {
            revocation,
            entry: Some(RevocationEntry { revoked, until }),
        }
    }

    /// The store has answered. If it could not do its part, nothing is revoked here.
    fn conclude<T>(mut self, answer: Result<T, StoreError>) -> Result<T, SessionError> {
        let entry = self.entry.take();
        let done = answer.map_err(unavailable)?;
        if let Some(entry) = entry {
            let result = self.revocation.revoke(&entry);
            result.map_err(|full| SessionError::because(SessionErrorKind::Unavailable, full))?;
        }
        Ok(done)
    }
}

impl Drop for Revoking<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            // A full list alarms by itself.
            let _ = self.revocation.revoke(&entry);
        }
    }
}
