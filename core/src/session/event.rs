//! What happens to sessions, for audit logs and alarms.

use std::fmt;

use crate::session::{Session, SessionId};

/// Something happened to a session. See [`SessionsBuilder::on_event`].
///
/// `Debug` does not show the subject and the label.
///
/// [`SessionsBuilder::on_event`]: crate::SessionsBuilder::on_event
#[derive(Clone)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A session is over before its time.
    Ended {
        /// Which one.
        id: SessionId,
        /// Whose it was.
        subject: String,
        /// Why.
        why: Ending,
    },
    /// A refresh token was exchanged for the next one. Repeated answers within the grace window are
    /// not told.
    Refreshed {
        /// The session.
        session: Session,
    },
    /// Somebody logged in.
    Started {
        /// The session.
        session: Session,
    },
}

impl fmt::Debug for SessionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { id, why, .. } => f
                .debug_struct("Ended")
                .field("id", id)
                .field("why", why)
                .finish_non_exhaustive(),
            Self::Refreshed { session } => f.debug_tuple("Refreshed").field(session).finish(),
            Self::Started { session } => f.debug_tuple("Started").field(session).finish(),
        }
    }
}

/// Why a session is over before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The subject has logged in more often than it may, and this was the session used least recently.
    Displaced,
    /// The user, or the app, has ended it.
    LoggedOut,
    /// The user, or the app, has ended all sessions of the subject.
    LoggedOutEverywhere,
    /// A used refresh token was presented once more: there is a copy of it (RFC 9700 section
    /// 4.14.2). Tell the user.
    Replayed,
    /// The app says that there is no such user any more.
    SubjectGone,
}
