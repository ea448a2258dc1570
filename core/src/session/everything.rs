//! The end of all sessions that began before a time.

use super::{
    error::SessionError,
    event::SessionEvent,
    logout::InDoubt,
    sessions::{MAX_LEEWAY, Sessions},
};
use crate::revocation::{RevocationEntry, Revoked};

impl Sessions {
    /// Ends all sessions of this realm whose login began before a time, in seconds since 1970, and revokes all access
    /// tokens of the realm that were issued before it. Returns how many sessions there were.
    ///
    /// For what a restored backup has revived, a leaked database, or a mistake in the login. Sessions that began later go
    /// on; their access tokens from before that time are refused, and their clients refresh. All nodes hear of it as of
    /// any other ending, in one entry of the log, and one for each ended session that was refreshed since. Logins that are under
    /// way have to begin again. There is one [event](SessionEvent::EndedEverything) for all sessions.
    ///
    /// The times of logins are those of the [store's clock](crate::revocation::RevocationLog::time).
    /// [`Realm::CLAIM`](crate::session::Realm::CLAIM) says how servers without `Sessions` know the realm of a token. Where
    /// the [`ttl`](crate::issue::IssuerBuilder::ttl) of nodes differs, call it at the one with the shortest. A node with a
    /// version of this crate that does not know such an entry cannot read the log from then on, and answers 503: replace it
    /// first.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Misconfigured`] for a time in the future. [`SessionErrorKind::Unavailable`] when the store is
    /// away: some sessions may have ended, and another call ends the others. As long as that is in doubt, this node
    /// refuses the tokens that were issued until now, as for [`end`](Self::end).
    ///
    /// [`SessionErrorKind::Misconfigured`]: crate::session::SessionErrorKind::Misconfigured
    /// [`SessionErrorKind::Unavailable`]: crate::session::SessionErrorKind::Unavailable
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::Sessions;
    /// /// After the backup of this time was restored: nobody who had logged out since is back.
    /// async fn after_restore(sessions: &Sessions, backup_made_at: i64) -> Result<u64, countersign::session::SessionError> {
    ///     sessions.end_everything_before(backup_made_at + 1).await
    /// }
    /// ```
    pub async fn end_everything_before(&self, time: i64) -> Result<u64, SessionError> {
        let now = self.now();
        if time > self.row_time().max(now) {
            return Err(SessionError::misconfigured(
                "`end_everything_before` was called with a time in the future",
            ));
        }
        let of_before = |last_second: i64| RevocationEntry {
            revoked: Revoked::Everyone {
                realm: self.settings.realm.clone(),
                issued_before: last_second,
            },
            until: last_second
                .saturating_add(self.settings.issuer.max_ttl())
                .saturating_add(MAX_LEEWAY),
        };
        // A token of the last second counts as one from before.
        let last_second = time.saturating_sub(1);
        let revocation = of_before(last_second);
        // A session whose tokens live longer has issued one since.
        let named_after = self.tokens_until(last_second);
        let mut in_doubt = InDoubt::new(self);
        in_doubt.revoke(revocation.clone());
        // Nobody says which sessions have ended.
        in_doubt.unless_answered = Some(of_before(now));
        let ended =
            self.settings
                .store
                .end_realm(&self.settings.realm, time, named_after, &revocation);
        let ended = in_doubt.decide(ended.await)?;
        let mut all_revoked = self.revoke(&revocation);
        for session in ended.iter().filter(|one| one.tokens_until > named_after) {
            all_revoked = all_revoked.and(self.revoke(&session.revocation()));
        }
        let sessions = ended.len() as u64;
        self.emit(&SessionEvent::EndedEverything {
            begun_before: time,
            sessions,
        });
        all_revoked.map(|()| sessions)
    }
}
