//! The end of sessions, and of the access tokens that they have issued.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{
    error::SessionError,
    event::{EndReason, SessionEvent},
    sessions::{MAX_LEEWAY, Sessions},
    store::{EndedSession, StoredSession},
};
use crate::{
    claims::SessionId,
    error::StoreError,
    revocation::{RevocationEntry, Revoked},
};

impl Sessions {
    /// Ends a session and revokes its access tokens. Returns whether there was one; its tokens are
    /// revoked in any case.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away, and the session may go on: try again. As
    /// long as it is in doubt, this node refuses its access tokens, also those of a refresh: until the log
    /// must have told, which takes the [staleness](crate::revocation::RevocationBuilder::staleness) at most;
    /// with a [local](crate::Revocation::local) list of revocations, until the older ones have expired.
    /// Also when that list is full, and they may go on.
    ///
    /// [`SessionErrorKind::Unavailable`]: crate::session::SessionErrorKind::Unavailable
    pub async fn end(&self, id: &SessionId) -> Result<bool, SessionError> {
        let found = self.settings.store.find(id).await;
        match found.map_err(SessionError::unavailable)? {
            Some(stored) if stored.realm == self.settings.realm => {
                self.end_and_report(&stored, EndReason::LoggedOut).await
            }
            Some(_of_another_realm) => Ok(false),
            // The store may have lost it: then its tokens live all the same.
            None => {
                let latest = self.now().saturating_add(self.settings.grace);
                let entry = RevocationEntry {
                    revoked: Revoked::Session(id.clone()),
                    until: self.tokens_until(latest),
                };
                let ended = self.end_stored(id, &entry).await?;
                self.revoke(&entry).map(|()| ended.is_some())
            }
        }
    }

    /// Ends the session that a refresh token belongs to, whichever of its tokens it is: a logout
    /// (RFC 7009 section 2.1). Returns whether there was one.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end), and [`SessionErrorKind::Overloaded`] where too many wait for the store: it has
    /// not been asked.
    ///
    /// [`SessionErrorKind::Overloaded`]: crate::session::SessionErrorKind::Overloaded
    pub async fn end_by_token(&self, refresh_token: &str) -> Result<bool, SessionError> {
        let Some(id) = self.id_of_token(refresh_token) else {
            return Ok(false);
        };
        let _turn = self.settings.logouts.turn(|| self.now()).await?;
        // Anybody can invent a token: an unknown one must not take up room in the list.
        self.end_found(self.find(&id).await?).await
    }

    /// Ends the session if it belongs to this subject. Returns whether it did.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end).
    pub async fn end_of(&self, subject: &str, id: &SessionId) -> Result<bool, SessionError> {
        let found = self.find(id).await?;
        self.end_found(found.filter(|stored| stored.subject == subject))
            .await
    }

    /// Ends all sessions of the subject in this realm, and revokes all tokens that it was issued
    /// before: for "log out everywhere" or a blocked account. Returns how many sessions there were.
    ///
    /// Logins that are under way, at this node or another, end with them: see
    /// [`begin`](Self::begin). For a changed password there is
    /// [`password_changed`](Self::password_changed). API keys go on: for these there is
    /// [`ApiKeys::end_all`](crate::session::ApiKeys::end_all).
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away: sessions may go on. As long as that is in
    /// doubt, this node refuses the tokens that were issued until now, as for [`end`](Self::end).
    ///
    /// [`SessionErrorKind::Unavailable`]: crate::session::SessionErrorKind::Unavailable
    pub async fn end_all(&self, subject: &str) -> Result<usize, SessionError> {
        let (realm, issued_before) = (&self.settings.realm, self.now());
        let until = issued_before
            .saturating_add(self.settings.issuer.max_ttl())
            .saturating_add(MAX_LEEWAY);
        let sessionless = RevocationEntry {
            revoked: Revoked::Sessionless {
                realm: realm.clone(),
                subject: subject.to_owned(),
                issued_before,
            },
            until,
        };
        let mut in_doubt = InDoubt::new(self);
        in_doubt.revoke(sessionless.clone());
        if self.settings.revocation.is_local() {
            // Nobody will say which sessions have ended: all that was issued until now counts.
            in_doubt.unless_answered = Some(self.subject_entry(subject, issued_before, until));
        } else {
            // By name: a login that comes next must not be in doubt with them.
            let listed = self.stored_at(subject, self.row_time().saturating_sub(MAX_LEEWAY));
            for stored in listed.await? {
                in_doubt.revoke(session_entry(&stored));
            }
        }
        let ended = self
            .settings
            .store
            .end_all(realm, subject, issued_before, until);
        let ended = in_doubt.decide(ended.await)?;
        let mut all_revoked = self.revoke(&sessionless);
        for session in &ended {
            all_revoked = all_revoked.and(self.revoke(&session.revocation()));
            self.emit_end(&session.id, subject, EndReason::LoggedOutEverywhere, None);
        }
        all_revoked.map(|()| ended.len())
    }

    async fn end_found(&self, found: Option<StoredSession>) -> Result<bool, SessionError> {
        match found {
            Some(stored) => self.end_and_report(&stored, EndReason::LoggedOut).await,
            None => Ok(false),
        }
    }

    /// Ends a session, reports it, and revokes its access tokens. Returns whether there was one.
    pub(super) async fn end_and_report(
        &self,
        stored: &StoredSession,
        why: EndReason,
    ) -> Result<bool, SessionError> {
        self.end_and_report_after(stored, why, None).await
    }

    /// Ends a session as [`end_and_report`](Self::end_and_report) does, and reports when the store may have lost writes.
    pub(super) async fn end_and_report_after(
        &self,
        stored: &StoredSession,
        why: EndReason,
        writes_lost_at: Option<i64>,
    ) -> Result<bool, SessionError> {
        let entry = self.revocation_of(stored);
        let Some(ended) = self.end_stored(&stored.id, &entry).await? else {
            return self.revoke(&entry).map(|()| false);
        };
        // The session is over, also where the list has no room for the revocation.
        self.emit_end(&stored.id, &stored.subject, why, writes_lost_at);
        self.revoke(&ended.to_log(&entry)).map(|()| true)
    }

    /// Ends the least recently used sessions of the subject until there is room for one more: nobody
    /// fills the store with logins of one account.
    pub(super) async fn make_room(&self, subject: &str) -> Result<(), SessionError> {
        let mut listed = self.stored(subject).await?;
        let over = (listed.len() + 1).saturating_sub(self.settings.per_subject);
        listed.sort_by_key(|session| session.last_used_at);
        for oldest in listed.iter().take(over) {
            self.end_and_report(oldest, EndReason::Displaced).await?;
        }
        Ok(())
    }

    /// Chooses the revocation that goes with the end of a session.
    fn revocation_of(&self, stored: &StoredSession) -> RevocationEntry {
        let StoredSession { realm, subject, .. } = stored;
        let until = stored.tokens_until;
        if self.settings.shares.take(realm, subject, self.now()) {
            return session_entry(stored);
        }
        // No token of it is younger than this, however late its answer was.
        let youngest = until
            .saturating_sub(MAX_LEEWAY)
            .saturating_sub(self.settings.issuer.ttl());
        // Also where a node with other settings has written the row.
        let answered_until = match stored.previous.is_empty() {
            true => stored.last_used_at,
            false => stored.last_used_at.saturating_add(self.settings.grace),
        };
        self.subject_entry(subject, youngest.max(answered_until), until)
    }

    fn subject_entry(&self, subject: &str, issued_before: i64, until: i64) -> RevocationEntry {
        RevocationEntry {
            revoked: Revoked::Subject {
                realm: self.settings.realm.clone(),
                subject: subject.to_owned(),
                issued_before,
            },
            until,
        }
    }

    /// Ends a session at the store, which logs the revocation. The caller revokes at this node.
    async fn end_stored(
        &self,
        id: &SessionId,
        entry: &RevocationEntry,
    ) -> Result<Option<EndedSession>, SessionError> {
        let mut in_doubt = InDoubt::new(self);
        in_doubt.revoke(entry.clone());
        in_doubt.decide(self.settings.store.end(id, entry).await)
    }

    /// Revokes at this node. The other nodes hear of it from the store.
    pub(super) fn revoke(&self, entry: &RevocationEntry) -> Result<(), SessionError> {
        let revoked = self.settings.revocation.revoke(entry);
        revoked.map_err(SessionError::unavailable)
    }

    fn emit_end(&self, id: &SessionId, subject: &str, why: EndReason, writes_lost_at: Option<i64>) {
        self.emit(&SessionEvent::Ended {
            id: id.clone(),
            subject: subject.to_owned(),
            why,
            writes_lost_at,
        });
    }
}

/// Revokes the access tokens of a session.
fn session_entry(stored: &StoredSession) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Session(stored.id.clone()),
        until: stored.tokens_until,
    }
}

/// An ending that the store has not answered yet: it may have taken effect.
///
/// The tokens are revoked here as long as nobody knows: from before the store is asked, so that whoever finds
/// nothing left to end finds them revoked; and beyond a request that is dropped meanwhile, as a client closes
/// the connection, or an answer that gets lost.
pub(super) struct InDoubt<'s> {
    sessions: &'s Sessions,
    /// The revocations that have been made here.
    revoked: Vec<RevocationEntry>,
    /// The revocation to make besides, unless the store answers.
    pub(super) unless_answered: Option<RevocationEntry>,
}

impl<'s> InDoubt<'s> {
    pub(super) fn new(sessions: &'s Sessions) -> Self {
        if let Some(ending) = &sessions.ending {
            ending.set();
        }
        Self {
            sessions,
            revoked: Vec::new(),
            unless_answered: None,
        }
    }

    pub(super) fn revoke(&mut self, entry: RevocationEntry) {
        let revocation = &self.sessions.settings.revocation;
        revocation.revoke_in_doubt(entry.clone());
        self.revoked.push(entry);
    }

    pub(super) fn decide<T>(mut self, answer: Result<T, StoreError>) -> Result<T, SessionError> {
        if answer.is_ok() {
            self.revoked.clear();
            self.unless_answered = None;
        }
        answer.map_err(SessionError::unavailable)
    }
}

impl Drop for InDoubt<'_> {
    fn drop(&mut self) {
        let Sessions { settings, .. } = self.sessions;
        // A refresh may come in between.
        let latest = self.sessions.now().saturating_add(settings.grace);
        let until = self.sessions.tokens_until(latest);
        for mut entry in self.revoked.drain(..).chain(self.unless_answered.take()) {
            entry.until = entry.until.max(until);
            settings.revocation.revoke_in_doubt(entry);
        }
    }
}

/// A flag that is set when the store is asked to end a session. From then on, nothing takes that back: the
/// rest must be done, whoever waits for it. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub(super) struct EndingFlag(Arc<AtomicBool>);

impl EndingFlag {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
