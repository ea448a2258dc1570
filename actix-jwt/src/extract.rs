//! Extractors: the claims, or the token itself, as an argument of a handler of actix-web.

use std::{
    fmt,
    future::{Ready, ready},
    ops::Deref,
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use countersign::{AuthError, VerifiedToken};
use serde::de::DeserializeOwned;

use crate::{error::Error, extensions};

/// The claims of the request's token, read as a `T`.
///
/// 1. An anonymous request is refused (401).
/// 2. Claims that do not fit `T` are the developer's mistake: 500 and a line in the log.
/// 3. So is a route that [`JwtAuth`](crate::JwtAuth) does not cover: never 401, never a pass.
///
/// Several extractors of one `T` in a request read the payload once.
///
/// For an optional token, ask for [`Optional<Claims<T>>`](Optional), not for
/// `Option<Claims<T>>`.
///
/// # Examples
///
/// ```
/// use countersign_actix::Claims;
///
/// #[derive(serde::Deserialize)]
/// struct User {
///     sub: String,
/// }
///
/// async fn me(Claims(user): Claims<User>) -> String {
///     user.sub.clone()
/// }
/// ```
#[derive(Debug)]
pub struct Claims<T>(
    /// The claims, shared with the token they were read from.
    pub Arc<T>,
);

impl<T> Claims<T>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    fn read(token: &VerifiedToken) -> Result<Self, AuthError> {
        token.claims().map(Self)
    }
}

impl<T> FromRequest for Claims<T>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        extracted(extensions::token(&extensions).and_then(Self::read))
    }
}

impl<T> Clone for Claims<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Claims<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The request's token, verified.
///
/// For a handler that needs the registered claims, or several views of the payload. It is refused
/// by the rules of [`Claims`], and [`Optional<Token>`](Optional) is for routes where it is optional.
///
/// # Examples
///
/// ```
/// use countersign_actix::Token;
///
/// async fn session(Token(token): Token) -> String {
///     format!("{} more seconds", token.remaining().unwrap_or(0))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Token(
    /// The token. Cheap to clone.
    pub VerifiedToken,
);

impl FromRequest for Token {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        extracted(extensions::token(&extensions).map(|token| Self(token.clone())))
    }
}

impl Deref for Token {
    type Target = VerifiedToken;

    fn deref(&self) -> &VerifiedToken {
        &self.0
    }
}

/// The principal of the request: what [`Authenticator::principal`](countersign::Authenticator::principal) has found for its token.
///
/// It is refused by the rules of [`Claims`]. Where no principal was asked for, or one of another type, that is the
/// developer's mistake: 500 and a line in the log.
///
/// [`Optional<Principal<P>>`](Optional) is for routes where a token is optional.
///
/// # Examples
///
/// ```
/// use countersign_actix::Principal;
///
/// struct User {
///     name: String,
/// }
///
/// async fn me(user: Principal<User>) -> String {
///     user.name.clone()
/// }
/// ```
pub struct Principal<P>(
    /// The principal, shared with the token.
    pub Arc<P>,
);

impl<P: Send + Sync + 'static> FromRequest for Principal<P> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        extracted(extensions::token(&extensions).and_then(|token| token.principal().map(Self)))
    }
}

impl<P> Clone for Principal<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> Deref for Principal<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

impl<P: fmt::Debug> fmt::Debug for Principal<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Principal").field(&self.0).finish()
    }
}

/// [`Claims`], a [`Token`] or a [`Principal`] where a token is optional: absent is `None`, wrong is refused.
///
/// 1. An anonymous request, which only
///    [`Authenticator::optional`](countersign::Authenticator::optional) lets through, is `None`.
/// 2. Everything else is as without `Optional`: claims that do not fit, and a route without
///    [`JwtAuth`](crate::JwtAuth), are 500.
///
/// actix-web itself implements its extractor trait for `Option<E>`, and turns *every* error into
/// `None`. With `Option<Claims<T>>`, the second rule would be lost: a user with a good token would
/// be taken for an anonymous one, and only the log would tell. Nobody gains rights by it, but use
/// this type instead.
///
/// # Examples
///
/// ```
/// use countersign_actix::{Claims, Optional};
///
/// #[derive(serde::Deserialize)]
/// struct User {
///     name: String,
/// }
///
/// async fn hello(Optional(user): Optional<Claims<User>>) -> String {
///     match user {
///         Some(user) => format!("Hello, {}", user.name),
///         None => "Hello, stranger".to_owned(),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Optional<E>(
    /// The inner extractor; `None` for an anonymous request.
    pub Option<E>,
);

impl<T> FromRequest for Optional<Claims<T>>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let token = extensions::optional_token(&extensions);
        extracted(token.and_then(|token| Ok(Self(token.map(Claims::read).transpose()?))))
    }
}

impl FromRequest for Optional<Token> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let token = extensions::optional_token(&extensions);
        extracted(token.map(|token| Self(token.cloned().map(Token))))
    }
}

impl<P: Send + Sync + 'static> FromRequest for Optional<Principal<P>> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let token = extensions::optional_token(&extensions);
        extracted(token.and_then(|token| {
            let principal = token.map(VerifiedToken::principal).transpose()?;
            Ok(Self(principal.map(Principal)))
        }))
    }
}

/// Answers at once. The conversion logs the refusal.
fn extracted<E>(result: Result<E, AuthError>) -> Ready<Result<E, Error>> {
    ready(result.map_err(Error::from))
}
