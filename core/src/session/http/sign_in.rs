//! The one function that an app passes.

use std::{error::Error, fmt, future::Future};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    future::BoxFuture,
    session::{Identity, Session, SessionError, SessionErrorKind},
};

/// What the app is asked: who is this, now?
///
/// The answer is an [`Identity`], or `None`: wrong credentials, or no such user any more.
///
/// Take the same time for an unknown name as for a wrong password: hash what you were given even so,
/// against a hash that nobody has. Else an answer tells who has an account.
#[derive(Clone)]
pub enum SignIn<L> {
    /// Somebody logs in, with the body of the request read as an `L`.
    Credentials(L),
    /// A session is refreshed. Look its [subject](Session::subject) up: rights may have changed, the
    /// account may be blocked. A changed password ends sessions by itself, where it was told by
    /// [`Sessions::password_changed`](crate::Sessions::password_changed).
    Refresh(Session),
}

/// Which it is. Credentials are never shown.
impl<L> fmt::Debug for SignIn<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials(_) => "Credentials",
            Self::Refresh(_) => "Refresh",
        })
    }
}

/// What the client sent for it.
pub(super) enum Question {
    Credentials(Vec<u8>),
    Refresh(Session),
}

/// Why there is no identity.
pub(super) enum NoIdentity {
    /// The body is no `L`.
    Unreadable,
    /// The claims cannot be written as JSON.
    Claims(serde_json::Error),
    /// A refresh was answered with another subject than that of the session.
    OtherSubject,
    /// The app cannot say.
    Unavailable(Box<dyn Error + Send + Sync>),
}

impl From<NoIdentity> for SessionError {
    fn from(none: NoIdentity) -> Self {
        let misconfigured = SessionErrorKind::Misconfigured;
        match none {
            NoIdentity::Claims(error) => Self::because(misconfigured, error),
            NoIdentity::OtherSubject => Self::because(
                misconfigured,
                "a refresh was answered with another subject than that of the session",
            ),
            NoIdentity::Unavailable(cause) => Self::because(SessionErrorKind::Unavailable, cause),
            NoIdentity::Unreadable => Self::because(misconfigured, "credentials were not read"),
        }
    }
}

/// The claims, as JSON text.
pub(super) type Answered = Result<Option<Identity<Box<RawValue>>>, NoIdentity>;

/// The app's function without its types.
pub(super) type Ask = dyn Fn(Question) -> BoxFuture<Answered> + Send + Sync;

pub(super) fn erase<F, Fut, L, C, E>(sign_in: F) -> Box<Ask>
where
    F: Fn(SignIn<L>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<Identity<C>>, E>> + Send + 'static,
    L: DeserializeOwned,
    C: Serialize,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    Box::new(move |asked| {
        let question = match asked {
            Question::Credentials(body) => match serde_json::from_slice(&body) {
                Ok(credentials) => SignIn::Credentials(credentials),
                Err(_) => return Box::pin(async { Err(NoIdentity::Unreadable) }),
            },
            Question::Refresh(session) => SignIn::Refresh(session),
        };
        let answer = sign_in(question);
        Box::pin(async move {
            let identity = answer
                .await
                .map_err(|error| NoIdentity::Unavailable(error.into()))?;
            let Some(identity) = identity else {
                return Ok(None);
            };
            let claims = serde_json::value::to_raw_value(identity.claims());
            let claims = claims.map_err(NoIdentity::Claims)?;
            Ok(Some(Identity::new(identity.subject(), claims)))
        })
    })
}
