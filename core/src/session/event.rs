//! Events of sessions, for audit logs and alarms.

use std::{fmt, net::IpAddr};

#[cfg(feature = "metrics")]
use super::error::SessionErrorKind;
use super::view::Session;
use crate::{
    claims::{Realm, SessionId},
    error::LineLimits,
};

/// Something happened to a session, or somebody did not get one. See [`SessionsBuilder::on_event`].
///
/// `Debug` does not show the subject and the label.
///
/// [`SessionsBuilder::on_event`]: crate::session::SessionsBuilder::on_event
#[derive(Clone)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A session is over before its time.
    Ended {
        /// The session.
        id: SessionId,
        /// The user.
        subject: String,
        /// The reason.
        why: EndReason,
        /// Only for [`Replayed`](EndReason::Replayed): when the store may have lost writes, in seconds since 1970 by
        /// its clock, if it has never seen the token and the session has not been used since. Then it may be the
        /// user who presented the token: look at what happened to the store before you tell anybody of a theft.
        writes_lost_at: Option<i64>,
    },
    /// All sessions of the realm that began before a time were ended, by
    /// [`end_everything_before`](crate::Sessions::end_everything_before). There is no other event for them.
    #[non_exhaustive]
    EndedEverything {
        /// The time, in seconds since 1970.
        begun_before: i64,
        /// The number of sessions.
        sessions: u64,
    },
    /// Somebody did not get in by the [session routes](crate::SessionRoutes). An outage is none of these.
    #[non_exhaustive]
    LoginFailed {
        /// The reason.
        why: LoginFailure,
        /// A name for the account, of 16 hexadecimal digits: a hash under a key of this process, so that attempts
        /// at one account can be told from those at many, and nobody learns which it is. `None` where the body
        /// names no account or several, and without [limits](crate::session::LoginLimits).
        account: Option<String>,
        /// The address that the [limits](crate::session::LoginLimits) have found, if they have.
        address: Option<IpAddr>,
    },
    /// A refresh token was exchanged for the next one.
    Refreshed {
        /// The session.
        session: Session,
    },
    /// A token that had been exchanged came again within the grace window, and was answered with the
    /// current one. Often that is several tabs; all the time it is a client that loses answers, or a thief.
    Repeated {
        /// The session.
        session: Session,
    },
    /// Somebody logged in.
    Started {
        /// The session.
        session: Session,
    },
    /// A good refresh token came from a client that the session is not
    /// [bound](crate::session::ClientInfo::binding) to, and was refused. The session goes on: tell the user.
    WrongClient {
        /// The session.
        session: Session,
    },
    /// A refresh token was refused that the store has never seen, and the store may have lost writes: see
    /// [`refuse_without_ending_after_lost_writes`](crate::session::SessionsBuilder::refuse_without_ending_after_lost_writes).
    /// The session goes on. Usually that is the user, who has to log in again; it may be somebody with an old copy.
    #[non_exhaustive]
    WritesLost {
        /// The session, as it was before.
        session: Session,
        /// When the store may have lost writes, in seconds since 1970 by its clock.
        since: i64,
    },
}

impl SessionEvent {
    /// The names of events, but for failed logins, which have [reasons](LoginFailure::reason).
    #[cfg(feature = "metrics")]
    pub(super) const NAMES: [&str; 12] = [
        "displaced",
        "ended_everything",
        "logged_out",
        "logged_out_everywhere",
        "refreshed",
        "renewed",
        "repeated",
        "replayed",
        "started",
        "subject_gone",
        "writes_lost",
        "wrong_client",
    ];

    /// Returns the stable machine name, in `snake_case`. For the end of a session it is that of the
    /// [reason](EndReason::name), for a login that failed `login_failed`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ended { why, .. } => why.name(),
            Self::EndedEverything { .. } => "ended_everything",
            Self::LoginFailed { .. } => "login_failed",
            Self::Refreshed { .. } => "refreshed",
            Self::Repeated { .. } => "repeated",
            Self::Started { .. } => "started",
            Self::WritesLost { .. } => "writes_lost",
            Self::WrongClient { .. } => "wrong_client",
        }
    }

    /// Writes the event to the log.
    pub(super) fn log(&self, realm: &Realm, limits: &EventLines) {
        let realm = realm.as_str();
        match self {
            Self::Ended {
                id,
                writes_lost_at: Some(writes_lost_at),
                ..
            } => {
                tracing::warn!(target: "countersign", realm, sid = id.as_str(), writes_lost_at, "a refresh token came that the store has never seen, and it may have lost writes: the session is ended");
            }
            Self::Ended { id, why, .. } if *why == EndReason::Replayed => {
                tracing::warn!(target: "countersign", realm, sid = id.as_str(), "a used refresh token came back: the session is ended");
            }
            Self::Ended { id, why, .. } => {
                tracing::debug!(target: "countersign", realm, sid = id.as_str(), ?why, "session ended");
            }
            Self::EndedEverything {
                begun_before,
                sessions,
            } => {
                tracing::warn!(target: "countersign", realm, begun_before, sessions, "all sessions that began before this time are ended");
            }
            Self::LoginFailed {
                why,
                account,
                address,
            } => {
                if tracing::enabled!(target: "countersign", tracing::Level::INFO)
                    && let Some(left_out) = limits.admit(why.place())
                {
                    let (reason, field) = (why.reason(), why.field());
                    let address = address.map(tracing::field::display);
                    tracing::info!(target: "countersign", realm, reason, field, account, address, left_out, "a login failed");
                }
            }
            Self::Refreshed { session } => {
                tracing::trace!(target: "countersign", realm, sid = session.id().as_str(), "session refreshed");
            }
            Self::Repeated { session } => {
                tracing::debug!(target: "countersign", realm, sid = session.id().as_str(), "an exchanged refresh token came again, within the grace window");
            }
            Self::Started { session } => {
                tracing::debug!(target: "countersign", realm, sid = session.id().as_str(), "session started");
            }
            Self::WrongClient { session } => {
                tracing::warn!(target: "countersign", realm, sid = session.id().as_str(), "a refresh token came from a client that its session is not bound to");
            }
            // The session goes on, so a client can make this line again and again.
            Self::WritesLost { session, since } => {
                if let Some(left_out) = limits.admit(LoginFailure::PLACES) {
                    tracing::warn!(target: "countersign", realm, sid = session.id().as_str(), writes_lost_at = since, left_out, "a refresh token was refused that the store has never seen, as it may have lost writes: the session goes on");
                }
            }
        }
    }
}

/// Makes all counters of the sessions of a realm, so that the first event of each is an increase.
#[cfg(feature = "metrics")]
pub(super) fn make_counters(realm: &Realm) {
    let refresh = SessionErrorKind::ALL.iter().map(|kind| kind.reason());
    let refresh = refresh.chain([MISSING_REFRESH_TOKEN]);
    let refresh = refresh.map(|reason| ("refresh", reason));
    let login = LoginFailure::REASONS.map(|reason| ("login", reason));
    crate::metrics::sessions(
        realm.as_str(),
        &SessionEvent::NAMES,
        &["account", "address"],
        &LoginFailure::REASONS,
        &refresh.chain(login).collect::<Vec<_>>(),
    );
}

/// The name of a refusal for metrics: a refresh without a refresh token.
pub(super) const MISSING_REFRESH_TOKEN: &str = "missing_refresh_token";

impl fmt::Debug for SessionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended {
                id,
                why,
                writes_lost_at,
                ..
            } => f
                .debug_struct("Ended")
                .field("id", id)
                .field("why", why)
                .field("writes_lost_at", writes_lost_at)
                .finish_non_exhaustive(),
            Self::EndedEverything {
                begun_before,
                sessions,
            } => f
                .debug_struct("EndedEverything")
                .field("begun_before", begun_before)
                .field("sessions", sessions)
                .finish(),
            Self::LoginFailed {
                why,
                account,
                address,
            } => f
                .debug_struct("LoginFailed")
                .field("why", why)
                .field("account", account)
                .field("address", address)
                .finish(),
            Self::Refreshed { session } => f.debug_tuple("Refreshed").field(session).finish(),
            Self::Repeated { session } => f.debug_tuple("Repeated").field(session).finish(),
            Self::Started { session } => f.debug_tuple("Started").field(session).finish(),
            Self::WrongClient { session } => f.debug_tuple("WrongClient").field(session).finish(),
            Self::WritesLost { session, since } => f
                .debug_struct("WritesLost")
                .field("session", session)
                .field("since", since)
                .finish(),
        }
    }
}

/// The reason why a session is over before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The subject has logged in more often than it may, and this was the session used least recently.
    Displaced,
    /// The user, or the app, has ended it.
    LoggedOut,
    /// The user, or the app, has ended all sessions of the subject.
    LoggedOutEverywhere,
    /// Another session has taken its place, with other rights: see
    /// [`PendingLogin::renew`](crate::session::PendingLogin::renew).
    Renewed,
    /// A used refresh token was presented once more: there is a copy of it (RFC 9700 section
    /// 4.14.2). Tell the user.
    Replayed,
    /// The app says that there is no such user any more.
    SubjectGone,
}

impl EndReason {
    /// Returns the stable machine name, in `snake_case`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Displaced => "displaced",
            Self::LoggedOut => "logged_out",
            Self::LoggedOutEverywhere => "logged_out_everywhere",
            Self::Renewed => "renewed",
            Self::Replayed => "replayed",
            Self::SubjectGone => "subject_gone",
        }
    }
}

/// The limits of lines about what clients can repeat: one for each reason of a failed login, and one for tokens that
/// the store may have lost.
pub(super) type EventLines = LineLimits<{ LoginFailure::PLACES + 1 }>;

/// The reason why somebody did not get in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginFailure {
    /// The app has refused it with an answer of its own, with this status.
    Refused(u16),
    /// Too many had failed before: the password was not looked at.
    TooMany,
    /// The body is not what the app reads. `field` is the one that is missing or of another type, such as
    /// `user.email`; `None` where the body is no JSON, or the name is no usual one.
    #[non_exhaustive]
    Unreadable {
        /// The field.
        field: Option<String>,
    },
    /// The credentials are wrong.
    WrongCredentials,
}

impl LoginFailure {
    /// The names of all reasons.
    #[cfg(feature = "metrics")]
    pub(super) const REASONS: [&str; 4] = [
        "login_refused",
        "too_many_logins",
        "unreadable_login",
        "wrong_credentials",
    ];

    /// Returns the stable machine name, in `snake_case`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Refused(_) => "login_refused",
            Self::TooMany => "too_many_logins",
            Self::Unreadable { .. } => "unreadable_login",
            Self::WrongCredentials => "wrong_credentials",
        }
    }

    /// The number of reasons.
    const PLACES: usize = 4;

    /// Returns the place of its lines among those of all reasons.
    fn place(&self) -> usize {
        match self {
            Self::Refused(_) => 0,
            Self::TooMany => 1,
            Self::Unreadable { .. } => 2,
            Self::WrongCredentials => 3,
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Unreadable { field } => field.as_deref(),
            _ => None,
        }
    }
}
