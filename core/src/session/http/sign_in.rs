//! The function that an app passes: it knows its users.

use std::{error::Error, fmt, future::Future, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::reply::{Refusal, unreadable_login};
use crate::{
    future::BoxFuture,
    jose::json,
    session::{Identity, Session, SessionError},
};

/// The question to the app: who is this, now?
///
/// The answer is an [`Identity`], or `None`: wrong credentials, or no such user any more.
///
/// Take the same time for an unknown name as for a wrong password: hash the password even so,
/// against a hash that nobody has. Otherwise an answer reveals who has an account.
#[derive(Clone)]
pub enum SignIn<L> {
    /// Somebody logs in, with the body of the request read as an `L`.
    Credentials(L),
    /// A session is refreshed. Look its [subject](Session::subject) up: rights may have changed, the
    /// account may be blocked. A changed password ends sessions by itself, if the app calls
    /// [`Sessions::password_changed`](crate::Sessions::password_changed).
    Refresh(Session),
}

/// Shows the variant, and never credentials.
impl<L> fmt::Debug for SignIn<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials(_) => "Credentials",
            Self::Refresh(_) => "Refresh",
        })
    }
}

/// The user, with the claims as JSON text.
pub(super) type Answered = Result<Option<Identity<Box<RawValue>>>, Refusal>;

/// The app's function without its types, for a body that is not read yet.
pub(super) type Ask = dyn Fn(SignIn<Vec<u8>>) -> BoxFuture<Answered> + Send + Sync;

pub(super) fn erase<F, Fut, L, C, E>(sign_in: F) -> Arc<Ask>
where
    F: Fn(SignIn<L>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<Identity<C>>, E>> + Send + 'static,
    L: DeserializeOwned,
    C: Serialize,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    Arc::new(move |question| {
        let question = match question {
            SignIn::Credentials(body) => match read(&body) {
                Some(credentials) => SignIn::Credentials(credentials),
                None => return Box::pin(async { Err(unreadable_login().into()) }),
            },
            SignIn::Refresh(session) => SignIn::Refresh(session),
        };
        let answer = sign_in(question);
        Box::pin(async move {
            let Some(identity) = answer.await.map_err(SessionError::unavailable)? else {
                return Ok(None);
            };
            let claims = serde_json::value::to_raw_value(identity.claims());
            let claims = claims.map_err(SessionError::misconfigured)?;
            Ok(Some(Identity::new(identity.subject(), claims)))
        })
    })
}

/// Reads the body of a login.
///
/// It has one meaning: no name twice, and none that `serde_json` keeps for itself. Under those, an app's
/// `Value` would read JSON texts in texts, to any depth.
fn read<L: DeserializeOwned>(body: &[u8]) -> Option<L> {
    json::check(json::text(body)?).ok()?;
    serde_json::from_slice(body).ok()
}
