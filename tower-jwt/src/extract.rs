//! Extractors for axum.

use std::{error::Error, fmt, ops::Deref, sync::Arc};

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use countersign::{AuthError, VerifiedToken};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{
    extensions,
    response::{DefaultResponseForAuthError, refuse},
};

/// Extracts the claims of the verified token as a `T`.
///
/// The route must be inside a [`JwtAuthLayer`](crate::JwtAuthLayer). Several extractors of one `T`
/// in one request read the payload once.
///
/// `Option<Claims<T>>` is `None` for an anonymous request that an
/// [optional](countersign::Authenticator::optional) layer has let through. A bad token never comes
/// this far.
///
/// # Errors
///
/// [`ClaimsRejection`]: 401 for an anonymous request; 500 and a log line when the route has no
/// layer, or the claims do not fit `T`. Those two are the developer's mistakes.
///
/// # Examples
///
/// ```
/// use countersign_tower::Claims;
///
/// #[derive(serde::Deserialize)]
/// struct User {
///     sub: String,
///     role: String,
/// }
///
/// async fn me(Claims(user): Claims<User>) -> String {
///     format!("{}, {}", user.sub, user.role)
/// }
///
/// async fn greeting(user: Option<Claims<User>>) -> String {
///     match user {
///         Some(user) => format!("Hello {}", user.sub),
///         None => "Hello stranger".to_owned(),
///     }
/// }
/// # let _: axum::Router = axum::Router::new()
/// #     .route("/me", axum::routing::get(me))
/// #     .route("/", axum::routing::get(greeting));
/// ```
pub struct Claims<T>(pub Arc<T>);

impl<T> Claims<T>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    fn read(token: &VerifiedToken) -> Result<Self, ClaimsRejection> {
        Ok(Self(token.claims()?))
    }
}

impl<S, T> FromRequestParts<S> for Claims<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send + Sync + 'static,
{
    type Rejection = ClaimsRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ClaimsRejection> {
        Self::read(extensions::token(&parts.extensions)?)
    }
}

impl<S, T> OptionalFromRequestParts<S> for Claims<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send + Sync + 'static,
{
    type Rejection = ClaimsRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ClaimsRejection> {
        extensions::optional_token(&parts.extensions)?
            .map(Self::read)
            .transpose()
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

impl<T: fmt::Debug> fmt::Debug for Claims<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claims").field(&self.0).finish()
    }
}

/// Extracts the verified token itself.
///
/// For what [`Claims`] does not tell: the scopes, the expiry, the header. The same rules hold.
///
/// # Errors
///
/// [`ClaimsRejection`]: 401 for an anonymous request; 500 and a log line when the route has no
/// layer.
///
/// # Examples
///
/// ```
/// use countersign_tower::Token;
///
/// async fn seconds_left(Token(token): Token) -> String {
///     format!("{:?}", token.remaining())
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(seconds_left));
/// ```
#[derive(Clone, Debug)]
pub struct Token(pub VerifiedToken);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = ClaimsRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ClaimsRejection> {
        Ok(Self(extensions::token(&parts.extensions)?.clone()))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Token {
    type Rejection = ClaimsRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ClaimsRejection> {
        let token = extensions::optional_token(&parts.extensions)?;
        Ok(token.cloned().map(Self))
    }
}

impl Deref for Token {
    type Target = VerifiedToken;

    fn deref(&self) -> &VerifiedToken {
        &self.0
    }
}

/// Why [`Claims`] or [`Token`] could not be extracted, or why a handler refuses.
///
/// As a response it is what the layer answers by default: status, challenge, problem document, and
/// the [`AuthError`] in the extensions. For another answer, extract
/// `Result<Claims<T>, ClaimsRejection>`.
///
/// In a handler, `?` turns an [`AuthError`] into it. That logs the refusal.
///
/// # Examples
///
/// ```
/// use countersign::Policy;
/// use countersign_tower::{ClaimsRejection, Token};
///
/// async fn erase(Token(token): Token) -> Result<&'static str, ClaimsRejection> {
///     Policy::scope("orders:write").check(&token)?;
///     Ok("erased")
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::delete(erase));
/// ```
///
/// ```
/// use axum::response::{IntoResponse, Response};
/// use countersign_tower::{Claims, ClaimsRejection};
/// # #[derive(serde::Deserialize)]
/// # struct User { sub: String }
///
/// async fn me(user: Result<Claims<User>, ClaimsRejection>) -> Response {
///     match user {
///         Ok(user) => user.sub.clone().into_response(),
///         Err(refused) => refused.auth_error().to_string().into_response(),
///     }
/// }
/// # let _: axum::Router = axum::Router::new().route("/me", axum::routing::get(me));
/// ```
#[derive(Clone, Debug)]
pub struct ClaimsRejection(AuthError);

impl ClaimsRejection {
    /// What happened.
    #[must_use]
    pub fn auth_error(&self) -> &AuthError {
        &self.0
    }

    /// What happened, to keep.
    #[must_use]
    pub fn into_auth_error(self) -> AuthError {
        self.0
    }
}

/// Logs the refusal: the layer's own are logged in the core, these are logged here.
impl From<AuthError> for ClaimsRejection {
    fn from(error: AuthError) -> Self {
        countersign::adapter::log(&error);
        Self(error)
    }
}

impl fmt::Display for ClaimsRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for ClaimsRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl IntoResponse for ClaimsRejection {
    fn into_response(self) -> Response {
        refuse(&DefaultResponseForAuthError, self.0)
    }
}

/// A [`Reply`](countersign::adapter::Reply) as the answer of a handler of your own.
///
/// # Examples
///
/// ```
/// use countersign::{adapter::Reply, session::TokenPair};
/// use countersign_tower::SessionReply;
///
/// fn answer(pair: &TokenPair) -> SessionReply {
///     SessionReply(Reply::from(pair))
/// }
/// ```
#[cfg(feature = "sessions")]
#[derive(Clone, Debug)]
pub struct SessionReply(pub countersign::adapter::Reply);

#[cfg(feature = "sessions")]
impl IntoResponse for SessionReply {
    fn into_response(self) -> Response {
        crate::session_routes::response(self.0).into_response()
    }
}
