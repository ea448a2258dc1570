//! Extractors: the claims, or the token itself, as an argument of a handler of axum.

use std::{convert::Infallible, error::Error, fmt, ops::Deref, sync::Arc};

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, IntoResponseParts, Response, ResponseParts},
};
use countersign::{AuthError, VerifiedToken};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use crate::{
    extensions,
    response::{DefaultResponseForAuthError, complete, refuse},
};

/// The claims of the request's token, read as a `T`.
///
/// 1. An anonymous request is refused (401).
/// 2. Claims that do not fit `T` are the developer's mistake: 500 and a line in the log.
/// 3. So is a route that [`JwtAuthLayer`](crate::JwtAuthLayer) does not cover: never 401, never a
///    pass.
///
/// Several extractors of one `T` in a request read the payload once.
///
/// For an optional token, ask for `Option<Claims<T>>`. It is `None` for an anonymous request,
/// which only [`Authenticator::optional`](countersign::Authenticator::optional) lets through;
/// everything else is refused by these rules.
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
pub struct Claims<T>(
    /// The claims, shared with the token they were read from.
    pub Arc<T>,
);

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

/// The request's token, verified.
///
/// For a handler that needs the registered claims, or several views of the payload. It is refused
/// by the rules of [`Claims`], and `Option<Token>` is for routes where it is optional.
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
pub struct Token(
    /// The token. Cheap to clone.
    pub VerifiedToken,
);

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

/// The principal of the request: what [`Authenticator::principal`](countersign::Authenticator::principal) has found for its token.
///
/// It is refused by the rules of [`Claims`]. Where no principal was asked for, or one of another type, that is the
/// developer's mistake: 500 and a line in the log.
///
/// For an optional token, ask for `Option<Principal<P>>`.
///
/// # Examples
///
/// ```
/// use countersign_tower::Principal;
///
/// struct User {
///     name: String,
/// }
///
/// async fn me(user: Principal<User>) -> String {
///     user.name.clone()
/// }
/// # let _: axum::Router = axum::Router::new().route("/me", axum::routing::get(me));
/// ```
pub struct Principal<P>(
    /// The principal, shared with the token.
    pub Arc<P>,
);

impl<S, P> FromRequestParts<S> for Principal<P>
where
    S: Send + Sync,
    P: Send + Sync + 'static,
{
    type Rejection = ClaimsRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ClaimsRejection> {
        Ok(Self(extensions::token(&parts.extensions)?.principal()?))
    }
}

impl<S, P> OptionalFromRequestParts<S> for Principal<P>
where
    S: Send + Sync,
    P: Send + Sync + 'static,
{
    type Rejection = ClaimsRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ClaimsRejection> {
        let token = extensions::optional_token(&parts.extensions)?;
        Ok(token.map(VerifiedToken::principal).transpose()?.map(Self))
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

/// The refusal of a request, as an axum rejection.
///
/// The extractors return it, and a handler may: `?` turns an [`AuthError`] into it, which logs the
/// refusal. Its response has the status, the challenge and a problem document (RFC 9457), and
/// carries the [`AuthError`] in its extensions. A
/// [response of the layer's own](crate::JwtAuthLayer::with_rejection_response) replaces it. For another
/// response in one handler, extract `Result<Claims<T>, ClaimsRejection>`.
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
pub struct ClaimsRejection(
    /// It is logged already.
    AuthError,
);

impl ClaimsRejection {
    /// Returns why the request is refused.
    #[must_use]
    pub fn auth_error(&self) -> &AuthError {
        &self.0
    }

    /// Unwraps why the request is refused.
    #[must_use]
    pub fn into_auth_error(self) -> AuthError {
        self.0
    }

    /// Returns the status of the response: 401, 403, 500 or 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        // Core's statuses are all valid.
        StatusCode::from_u16(self.0.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Adds `WWW-Authenticate` and `Retry-After` to a response of the app's own, and the [`AuthError`] to its
/// extensions.
///
/// # Examples
///
/// ```
/// use axum::{Json, response::{IntoResponse, Response}};
/// use countersign_tower::ClaimsRejection;
///
/// enum AppError {
///     Refused(ClaimsRejection),
/// }
///
/// impl IntoResponse for AppError {
///     fn into_response(self) -> Response {
///         match self {
///             Self::Refused(refused) => {
///                 let body = Json(refused.auth_error().to_string());
///                 (refused.status(), refused, body).into_response()
///             }
///         }
///     }
/// }
/// ```
impl IntoResponseParts for ClaimsRejection {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let mut response = Response::new(());
        complete(&mut response, self.0);
        let (added, ()) = response.into_parts();
        parts.headers_mut().extend(added.headers);
        parts.extensions_mut().extend(added.extensions);
        Ok(parts)
    }
}

/// Logs the refusal: the layer's own are logged in core, a handler's and an extractor's here.
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
