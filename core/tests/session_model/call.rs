//! The calls of a client, and how far they have come.

use std::{cell::Cell, io, pin::Pin, rc::Rc};

use countersign::{
    Clock, Sessions,
    session::{ClientInfo, EndReason, Identity, Session, SessionErrorKind as Kind, TokenPair},
    testing::FixedClock,
};
use serde_json::{Value, json};

use crate::{family::Worth, stage::its_turn};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    ChangePassword,
    /// A login: it begins, the password is checked, then a session starts.
    LogIn {
        /// True if the answer arrives.
        keeps: bool,
    },
    Logout(Token),
    LogoutEverywhere,
    Refresh {
        token: Token,
        answer: Answer,
        /// True if it comes from a client that the session is not bound to.
        stranger: bool,
        /// True if the answer arrives.
        keeps: bool,
    },
}

/// The token of its session that a client presents.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token {
    /// A token that was never made.
    Forged,
    /// The newest token that any client was given.
    Newest,
    /// A token that is this many positions older.
    Older(usize),
    /// The last token that this client was given.
    Own,
}

/// The app's answer when it is asked for claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Claims,
    Gone,
    Outage,
}

/// A call that is under way.
pub(crate) struct Running {
    pub(crate) call: Call,
    pub(crate) node: usize,
    pub(crate) future: Pin<Box<dyn Future<Output = Outcome>>>,
    /// The session that is refreshed, ended or started, and the position of the token. `None` for a
    /// token that was never made.
    pub(crate) family: usize,
    pub(crate) place: Option<usize>,
    /// The time of its first turn.
    pub(crate) came: Option<i64>,
    /// The worth of the token when the store was first asked, and when it was last asked.
    pub(crate) first: Option<Worth>,
    pub(crate) last: Option<Worth>,
    /// The expiry of the session that was found first.
    pub(crate) expires_at: i64,
    /// The time at which its access token was made.
    pub(crate) issued_at: i64,
    pub(crate) has_failed: bool,
    /// The number of times that others exchanged a token while it was answered once more.
    pub(crate) overtaken: usize,
    pub(crate) has_ended: bool,
    /// The number of sessions that there were when it listed them.
    pub(crate) listed: usize,
    pub(crate) has_rotated: bool,
    /// For a login: the number of times that everything had been ended when it began, and the time
    /// of that.
    pub(crate) mark: Option<(usize, i64)>,
    /// For a login: true if its session was added.
    pub(crate) is_added: Option<bool>,
    answered_at: Rc<Cell<Option<i64>>>,
}

/// Returns the user, with valid claims.
pub(crate) fn ada() -> Identity<Value> {
    Identity::new("ada", json!({}))
}

pub(crate) enum Outcome {
    LoggedIn(Result<TokenPair, Kind>),
    LoggedOut(Result<bool, Kind>),
    LoggedOutEverywhere(Result<usize, Kind>),
    Refreshed(Result<TokenPair, Kind>),
}

impl Running {
    /// Creates a call with this text as its token, from this device.
    pub(crate) fn new(
        call: Call,
        node: usize,
        (family, place): (usize, Option<usize>),
        text: String,
        device: ClientInfo,
        sessions: Sessions,
        clock: FixedClock,
    ) -> Self {
        let answered_at = Rc::<Cell<Option<i64>>>::default();
        let future: Pin<Box<dyn Future<Output = Outcome>>> = match call {
            Call::ChangePassword => Box::pin(async move {
                let pair = sessions.password_changed(&ada(), device).await;
                Outcome::LoggedIn(pair.map_err(|error| error.kind()))
            }),
            Call::LogIn { .. } => Box::pin(async move {
                let login = match sessions.begin().await {
                    Ok(login) => login,
                    Err(error) => return Outcome::LoggedIn(Err(error.kind())),
                };
                its_turn().await;
                let pair = login.start(&ada(), device).await;
                Outcome::LoggedIn(pair.map_err(|error| error.kind()))
            }),
            Call::Logout(_) => Box::pin(async move {
                let ended = sessions.end_by_token(&text).await;
                Outcome::LoggedOut(ended.map_err(|error| error.kind()))
            }),
            Call::LogoutEverywhere => Box::pin(async move {
                let ended = sessions.end_all("ada").await;
                Outcome::LoggedOutEverywhere(ended.map_err(|error| error.kind()))
            }),
            Call::Refresh { answer, .. } => {
                let asked = Rc::clone(&answered_at);
                let claims = async move |session: Session| {
                    assert_eq!(session.subject(), "ada");
                    its_turn().await;
                    asked.set(Some(clock.now()));
                    match answer {
                        Answer::Claims => Ok(Some(json!({}))),
                        Answer::Gone => Ok(None),
                        Answer::Outage => Err(io::Error::other("the user table is away")),
                    }
                };
                Box::pin(async move {
                    let refreshed = sessions.refresh(&text, &device, claims).await;
                    Outcome::Refreshed(refreshed.map_err(|error| error.kind()))
                })
            }
        };
        Self {
            call,
            node,
            future,
            family,
            place,
            came: None,
            first: None,
            last: None,
            expires_at: i64::MAX,
            issued_at: 0,
            has_failed: false,
            overtaken: 0,
            has_ended: false,
            listed: 0,
            has_rotated: false,
            mark: None,
            is_added: None,
            answered_at,
        }
    }

    /// Returns true if the app has been asked for claims, and has answered.
    pub(crate) fn is_asked(&self) -> bool {
        self.answered_at.get().is_some()
    }

    /// Returns true if the app has answered with claims.
    pub(crate) fn has_claims(&self) -> bool {
        let says_so = matches!(
            self.call,
            Call::Refresh {
                answer: Answer::Claims,
                ..
            }
        );
        says_so && self.is_asked()
    }

    /// Returns the reason for which this call may end the session of this number.
    pub(crate) fn may_end(&self, number: usize) -> EndReason {
        if let Call::LogoutEverywhere | Call::ChangePassword = self.call {
            return EndReason::LoggedOutEverywhere;
        }
        assert_eq!(number, self.family, "the session of another token is ended");
        match (self.call, self.first) {
            (Call::Logout(_), _) => EndReason::LoggedOut,
            (_, Some(Worth::Old)) => EndReason::Replayed,
            (
                Call::Refresh {
                    answer: Answer::Gone,
                    ..
                },
                Some(Worth::Newest | Worth::Recent),
            ) if self.is_asked() => EndReason::SubjectGone,
            (call, first) => panic!("a false revocation: {call:?} of a token that was {first:?}"),
        }
    }

    /// Returns true if its node knows that it is about to end this session.
    pub(crate) fn knows(&self, family: usize) -> bool {
        match self.call {
            Call::ChangePassword | Call::LogoutEverywhere => family < self.listed,
            _ => true,
        }
    }

    /// Returns true if it can end this session, or revoke its access tokens, before it is done.
    pub(crate) fn concerns(&self, family: usize) -> bool {
        match self.call {
            Call::ChangePassword | Call::LogoutEverywhere => true,
            Call::LogIn { .. } => false,
            Call::Logout(_) => family == self.family,
            Call::Refresh { answer, .. } => {
                let may_end = answer == Answer::Gone || self.first == Some(Worth::Old);
                may_end && family == self.family
            }
        }
    }

    /// Returns true if a clock that was ahead for a moment made the session look expired when the
    /// claims were there. Then even a good token gets no answer.
    pub(crate) fn was_early(&self) -> bool {
        let looked_expired = self.answered_at.get() >= Some(self.expires_at);
        looked_expired && self.last == Some(Worth::Newest)
    }
}
