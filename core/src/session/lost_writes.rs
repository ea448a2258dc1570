//! Tokens that look like a replay because the store has lost writes.

use super::{
    error::{SessionError, SessionErrorKind},
    event::{EndReason, SessionEvent},
    sessions::{MAX_LEEWAY, Sessions},
    store::{StoreError, StoredSession, TokenHash},
    view::Session,
};

impl Sessions {
    /// Refuses a token of the session that is neither its current one nor one that may still get an answer, and ends the
    /// session: there is a copy. Unless the store may have lost the token, and the settings spare the session then.
    pub(super) async fn refuse_replayed(
        &self,
        stored: &StoredSession,
        presented: &TokenHash,
    ) -> SessionError {
        let spares = self.settings.spared_after_lost_writes > 0;
        let writes_lost_at = match self.writes_lost_at(stored, presented).await {
            Ok(since) => since,
            Err(error) if spares => return SessionError::unavailable(error),
            // It is told with the end of the session, and decides nothing.
            Err(_) => None,
        };
        if let Some(since) = writes_lost_at
            && self.is_spared(since)
        {
            let session = Session::from(stored);
            self.emit(&SessionEvent::WritesLost { session, since });
            return SessionErrorKind::WritesLost.into();
        }
        let ended = self.end_and_report_after(stored, EndReason::Replayed, writes_lost_at);
        match ended.await {
            Ok(_) => SessionErrorKind::Replayed.into(),
            Err(error) => error,
        }
    }

    /// Returns when the store may have lost this token of the session, if it may. A token that it knows to have been
    /// exchanged is none, nor any token of a session that was refreshed since.
    async fn writes_lost_at(
        &self,
        stored: &StoredSession,
        presented: &TokenHash,
    ) -> Result<Option<i64>, StoreError> {
        if stored.previous.iter().any(|token| token.hash == *presented) {
            return Ok(None);
        }
        let epoch = self.settings.store.epoch().await?;
        let since = epoch.and_then(|epoch| epoch.since());
        let may_be_lost = |since: &i64| stored.last_used_at < since.saturating_add(TOLERANCE);
        Ok(since.filter(may_be_lost))
    }

    /// Checks whether sessions are spared that long after the store may have lost writes. One that did so in the far
    /// future has no clock to go by.
    fn is_spared(&self, since: i64) -> bool {
        let ago = self.row_time().saturating_sub(since);
        (-MAX_LEEWAY..=self.settings.spared_after_lost_writes).contains(&ago)
            && self.settings.spared_after_lost_writes > 0
    }
}

/// The seconds by which the clocks that wrote the two times may differ: rows have the time of the store as a node knows it,
/// and from three seconds on a difference is told.
const TOLERANCE: i64 = 3;
