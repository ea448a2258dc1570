//! The question to the app about a user.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::{request::OwnedHead, session::Session};

/// The question to the app: who is this, now?
///
/// The answer is an [`Identity`](crate::session::Identity), or `None`: wrong credentials, or no such user any more. An
/// app that has more to say answers with a [`SignInOutcome`](crate::session::SignInOutcome).
///
/// Take the same time for an unknown name as for a wrong password: hash the password even so,
/// against a hash that nobody has. Otherwise an answer reveals who has an account.
#[derive(Clone)]
pub enum SignIn<L> {
    /// Somebody logs in, with the body of the request read as an `L`: a type of yours, or a [`LoginRequest`] around
    /// it, which also has the head of the request.
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

/// A login with the head of its request: for a tenant by host, or a check of the address.
///
/// # Examples
///
/// ```
/// use countersign::{
///     adapter::RequestHead,
///     session::{Identity, LoginRequest, SignIn},
/// };
///
/// #[derive(serde::Deserialize)]
/// struct Login {
///     email: String,
///     password: String,
/// }
///
/// async fn sign_in(
///     question: SignIn<LoginRequest<Login>>,
/// ) -> Result<Option<Identity<()>>, std::io::Error> {
///     match question {
///         SignIn::Credentials(LoginRequest { login, head, .. }) => {
///             let (host, peer) = (head.header("host"), head.peer());
///             // Ask the database of that tenant for `login.email`.
/// #           let _ = (host, peer, login.email, login.password);
///             Ok(None)
///         }
///         SignIn::Refresh(_) => Ok(None),
///     }
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct LoginRequest<L> {
    /// The body.
    pub login: L,
    /// The head: method, path, headers, and the address at the other end of the connection.
    pub head: OwnedHead,
}

/// Shows no credentials.
impl<L> fmt::Debug for LoginRequest<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRequest")
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

/// The argument of [`SignIn::Credentials`]: any type that serde can read from JSON, or a [`LoginRequest`] of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from the body of a login",
    note = "derive `serde::Deserialize` for it"
)]
pub trait LoginBody: sealed::Join {}

impl<L: sealed::Join> LoginBody for L {}

pub(super) mod sealed {
    use super::{DeserializeOwned, LoginRequest, OwnedHead};

    /// Makes the argument of the body and the head.
    pub trait Join {
        /// The type of the body.
        type Login: DeserializeOwned;

        fn join(login: Self::Login, head: OwnedHead) -> Self;
    }

    impl<L: DeserializeOwned> Join for L {
        type Login = L;

        fn join(login: L, _: OwnedHead) -> L {
            login
        }
    }

    impl<L: DeserializeOwned> Join for LoginRequest<L> {
        type Login = L;

        fn join(login: L, head: OwnedHead) -> Self {
            Self { login, head }
        }
    }
}
