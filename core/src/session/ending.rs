//! The end of sessions, and of the access tokens that they have issued.

use crate::{
    revocation::{Revocation, RevocationEntry, Revoked},
    session::{
        EndedSession, Ending, SessionError, SessionErrorKind, SessionEvent, SessionId, Sessions,
        StoreError, StoredSession,
        sessions::{MAX_LEEWAY, unavailable},
    },
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
        let found = self.0.store.find(id.clone()).await.map_err(unavailable)?;
        match found {
            Some(stored) if stored.realm == self.0.realm => {
                self.finish(&stored, Ending::LoggedOut).await
            }
            Some(_of_another_realm) => Ok(false),
            // The store may have lost it: then its tokens live all the same.
            None => {
                let now = self.now();
                let until = self.tokens_until(now, i64::MAX);
                self.end_stored(id, Revoked::Session(id.clone()), until)
                    .await
            }
        }
    }

    /// Ends the session that a refresh token belongs to, whichever of its tokens it is: a logout
    /// (RFC 7009 section 2.1). Says whether there was one.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end).
    pub async fn end_by_token(&self, refresh_token: &str) -> Result<bool, SessionError> {
        let Some(id) = self.id_of_token(refresh_token) else {
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

    /// Ends all sessions of the subject in this realm, and revokes all tokens that it was issued
    /// before: for "log out everywhere" or a blocked account. Returns how many sessions there were.
    ///
    /// Logins that are under way, at this node or another, end with them: see
    /// [`begin`](Self::begin). For a changed password there is
    /// [`password_changed`](Self::password_changed).
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away: sessions may go on.
    pub async fn end_all(&self, subject: &str) -> Result<usize, SessionError> {
        let now = self.now();
        let until = now
            .saturating_add(self.0.issuer.max_ttl())
            .saturating_add(MAX_LEEWAY);
        let realm = self.0.realm.clone();
        let sessionless = Revoked::Sessionless {
            realm: realm.clone(),
            subject: subject.to_owned(),
            issued_before: now,
        };
        let revoking = Revoking::new(&self.0.revocation, sessionless, until);
        let ended = self.0.store.end_all(realm, subject.to_owned(), now, until);
        let ended = revoking.conclude(ended.await)?;
        let count = ended.len();
        let mut all_revoked = Ok(());
        for EndedSession { id, tokens_until } in ended {
            let session = Revoked::Session(id.clone());
            let revoking = Revoking::new(&self.0.revocation, session, tokens_until);
            all_revoked = all_revoked.and(revoking.conclude(Ok(())));
            self.tell(&SessionEvent::Ended {
                id,
                subject: subject.to_owned(),
                why: Ending::LoggedOutEverywhere,
            });
        }
        all_revoked.map(|()| count)
    }

    /// Ends a session, and revokes its access tokens.
    pub(super) async fn finish(
        &self,
        stored: &StoredSession,
        why: Ending,
    ) -> Result<bool, SessionError> {
        let (revoked, until) = self.revoked(stored, self.now());
        let ended = self.end_stored(&stored.id, revoked, until);
        let ended = ended.await?;
        if ended {
            self.tell(&SessionEvent::Ended {
                id: stored.id.clone(),
                subject: stored.subject.clone(),
                why,
            });
        }
        Ok(ended)
    }

    /// The revocation that goes with the end of a session, and until when it counts: as long as the tokens
    /// that it had when it was found, and as one that a refresh makes which is under way.
    fn revoked(&self, stored: &StoredSession, now: i64) -> (Revoked, i64) {
        let StoredSession { realm, subject, .. } = stored;
        let racing = now.saturating_add(UNDER_WAY);
        let racing = self.tokens_until(racing, stored.absolute_expires_at);
        let until = stored.tokens_until.max(racing);
        if self.0.shares.take(realm, subject, now) {
            return (Revoked::Session(stored.id.clone()), until);
        }
        // No token of it is younger, unless one was exchanged within the window and is answered again.
        let issued_before = match stored.previous.is_empty() {
            true => stored.last_used_at,
            false => stored.last_used_at.saturating_add(self.0.grace),
        };
        let all = Revoked::Subject {
            realm: realm.clone(),
            subject: subject.clone(),
            issued_before,
        };
        (all, until)
    }

    async fn end_stored(
        &self,
        id: &SessionId,
        revoked: Revoked,
        until: i64,
    ) -> Result<bool, SessionError> {
        let revoking = Revoking::new(&self.0.revocation, revoked, until);
        let entry = revoking.entry.clone();
        let ended = self.0.store.end(id.clone(), entry).await;
        revoking.conclude(ended)
    }

    /// Ends the sessions of the subject that were used least recently, until there is room for one
    /// more: nobody fills the store with logins of one account.
    pub(super) async fn make_room(&self, subject: &str) -> Result<(), SessionError> {
        let mut listed = self.stored(subject).await?;
        let over = (listed.len() + 1).saturating_sub(self.0.per_subject);
        listed.sort_by_key(|session| session.last_used_at);
        for oldest in listed.iter().take(over) {
            self.finish(oldest, Ending::Displaced).await?;
        }
        Ok(())
    }
}

/// How long an ending takes at most between its two questions to the store, in seconds: meanwhile, a refresh
/// can exchange a token.
const UNDER_WAY: i64 = 60;

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
