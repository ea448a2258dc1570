//! Extractors: the claims, or the token itself, as an argument of a handler.

use std::{
    future::{Ready, ready},
    ops::Deref,
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use countersign::{AuthError, VerifiedToken};
use serde::de::DeserializeOwned;

use crate::{error::Error, extensions};

/// The claims of the request's token, read as a `T`.
///
/// 1. An anonymous request is refused (401).
/// 2. Claims that do not fit `T` are the developer's mistake: 500 and a line in the log.
/// 3. So is a route that [`JwtAuth`](crate::JwtAuth) does not cover: never 401, never a pass.
///
/// Where a token is optional, ask for [`Optional<Claims<T>>`](Optional), not for
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

impl<T> FromRequest for Claims<T>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extracted(extensions::token(request).and_then(|token| token.claims().map(Self)))
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
/// by the rules of [`Claims`].
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
        extracted(extensions::token(request).map(Self))
    }
}

impl Deref for Token {
    type Target = VerifiedToken;

    fn deref(&self) -> &VerifiedToken {
        &self.0
    }
}

/// [`Claims`] or a [`Token`] where a token is optional: absent is `None`, wrong is refused.
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
    /// What was asked for; `None` for an anonymous request.
    pub Option<E>,
);

impl<T> FromRequest for Optional<Claims<T>>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extracted(extensions::optional_token(request).and_then(|token| {
            let claims = token.map(|token| token.claims()).transpose()?;
            Ok(Self(claims.map(Claims)))
        }))
    }
}

impl FromRequest for Optional<Token> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extracted(extensions::optional_token(request).map(|token| Self(token.map(Token))))
    }
}

/// At once. The error logs itself as it is made.
fn extracted<E>(result: Result<E, AuthError>) -> Ready<Result<E, Error>> {
    ready(result.map_err(Error::from))
}
