//! The answer of the app about a user.

use std::fmt;

use serde::Serialize;

use super::reply::Reply;
use crate::session::{Identity, SessionError};

/// The answer to a [`SignIn`](crate::session::SignIn), for an app that has more to say than yes and no.
///
/// # Examples
///
/// A login with a second factor:
///
/// ```
/// use countersign::session::{Identity, LoginRefusal, SignIn, SignInOutcome};
///
/// #[derive(serde::Deserialize)]
/// struct Login {
///     email: String,
///     password: String,
///     code: Option<String>,
/// }
///
/// #[derive(serde::Serialize)]
/// struct User {}
///
/// # fn is_password(_: &Login) -> bool { true }
/// # fn is_code(code: &str) -> bool { code == "123456" }
/// async fn sign_in(question: SignIn<Login>) -> Result<SignInOutcome<User>, std::io::Error> {
///     let login = match question {
///         SignIn::Credentials(login) => login,
///         SignIn::Refresh(session) => {
///             return Ok(SignInOutcome::Identified(Identity::new(session.subject(), User {})));
///         }
///     };
///     if !is_password(&login) {
///         return Ok(SignInOutcome::Unknown);
///     }
///     Ok(match &login.code {
///         // The page asks for the code, and sends all three.
///         None => LoginRefusal::new(401, &serde_json::json!({ "error": "second_factor" })).into(),
///         Some(code) if is_code(code) => {
///             let ada = Identity::new(login.email, User {});
///             SignInOutcome::Identified(ada.acr("urn:example:aal2").amr(["pwd", "otp"]))
///         }
///         // It counts as a wrong password does.
///         Some(_) => SignInOutcome::Unknown,
///     })
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum SignInOutcome<C> {
    /// It is this user.
    Identified(Identity<C>),
    /// It may be somebody, and gets no session now: the answer says what is missing.
    ///
    /// At a refresh nothing changes: the session goes on, and its token stays good for the next try.
    Refused(LoginRefusal),
    /// The credentials are wrong, or there is no such user any more. At a refresh, that ends the session.
    Unknown,
}

impl<C> From<Identity<C>> for SignInOutcome<C> {
    fn from(identity: Identity<C>) -> Self {
        Self::Identified(identity)
    }
}

impl<C> From<LoginRefusal> for SignInOutcome<C> {
    fn from(refusal: LoginRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Shows the variant.
impl<C> fmt::Debug for SignInOutcome<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identified(_) => f.write_str("Identified"),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

/// A refusal in the app's words: a status from 400 to 499, and a JSON body.
///
/// It does not count as a failed login, unless it [says so](Self::counting_as_failure). Whoever gets an answer of its
/// own learns something about the account: give it only to those who have proven the password, or let it count.
///
/// `Debug` does not show the body.
#[derive(Clone)]
pub struct LoginRefusal {
    status: u16,
    /// A JSON text, or the reason why there is none.
    body: Result<String, String>,
    counts: bool,
}

impl LoginRefusal {
    /// The largest body: 16 KiB.
    pub const MAX_BODY_BYTES: usize = 16 << 10;

    /// Makes a refusal with this status and this body, anything that serialises as JSON.
    ///
    /// Another status, a body that cannot be written or that is larger than 16 KiB is answered with 500, and the log
    /// has the reason. 401 comes with `WWW-Authenticate: Bearer` (RFC 9110 section 15.5.2).
    #[must_use]
    pub fn new(status: u16, body: &(impl Serialize + ?Sized)) -> Self {
        Self {
            status,
            body: serde_json::to_string(body).map_err(|error| error.to_string()),
            counts: false,
        }
    }

    /// Lets it count as a failed login, like a wrong password: see
    /// [`LoginLimits`](crate::session::LoginLimits).
    #[must_use]
    pub fn counting_as_failure(mut self) -> Self {
        self.counts = true;
        self
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn counts(&self) -> bool {
        self.counts
    }

    pub(super) fn into_reply(self) -> Result<Reply, SessionError> {
        if !(400..=499).contains(&self.status) {
            return Err(SessionError::misconfigured(
                "the status of a `LoginRefusal` is not between 400 and 499",
            ));
        }
        let body = self.body.map_err(SessionError::misconfigured)?;
        if body.len() > Self::MAX_BODY_BYTES {
            return Err(SessionError::misconfigured(
                "the body of a `LoginRefusal` has more than 16 KiB",
            ));
        }
        let reply = Reply::text(self.status, "application/json", body).because("login_refused");
        Ok(match self.status {
            401 => reply.with("www-authenticate", "Bearer"),
            _ => reply,
        })
    }
}

impl fmt::Debug for LoginRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRefusal")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// An answer of `sign_in`: `Option<Identity<C>>` or [`SignInOutcome<C>`](SignInOutcome).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no answer of `sign_in`",
    note = "answer with an `Option<Identity<_>>` or a `SignInOutcome<_>`"
)]
pub trait SignInAnswer: sealed::IntoOutcome {}

impl<A: sealed::IntoOutcome> SignInAnswer for A {}

pub(super) mod sealed {
    use super::{Identity, Serialize, SignInOutcome};

    pub trait IntoOutcome {
        /// The claims.
        type Claims: Serialize;

        fn into_outcome(self) -> SignInOutcome<Self::Claims>;
    }

    impl<C: Serialize> IntoOutcome for Option<Identity<C>> {
        type Claims = C;

        fn into_outcome(self) -> SignInOutcome<C> {
            self.map_or(SignInOutcome::Unknown, SignInOutcome::Identified)
        }
    }

    impl<C: Serialize> IntoOutcome for SignInOutcome<C> {
        type Claims = C;

        fn into_outcome(self) -> SignInOutcome<C> {
            self
        }
    }
}
