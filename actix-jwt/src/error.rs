//! A refusal as an actix-web error.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderValue},
    },
};
use countersign::{AuthError, adapter::Challenge};

use crate::response::{GivesWay, complete};

/// The refusal of a request, as an actix-web error.
///
/// The extractors return it, and a handler may: `?` turns an [`AuthError`] into it, which logs the
/// refusal. Its response has the status, the challenge and a problem document (RFC 9457), and
/// carries the [`AuthError`] in its extensions. A
/// [response of the middleware's own](crate::JwtAuth::with_rejection_response) replaces it. For another
/// response in one handler, extract `Result<Claims<T>, Error>`.
///
/// # Examples
///
/// ```
/// use countersign::Policy;
/// use countersign_actix::{Error, Token};
///
/// async fn delete(Token(token): Token) -> Result<&'static str, Error> {
///     Policy::scope("orders:write").check(&token)?;
///     Ok("deleted")
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Error(
    /// It is logged already.
    pub(crate) AuthError,
);

impl Error {
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

    /// Adds `WWW-Authenticate` and `Retry-After` to a response of the app's own, and the [`AuthError`] to its
    /// extensions.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::fmt;
    ///
    /// use actix_web::{HttpResponse, ResponseError, http::StatusCode};
    /// use countersign_actix::Error;
    ///
    /// #[derive(Debug)]
    /// enum AppError {
    ///     Refused(Error),
    /// }
    ///
    /// impl fmt::Display for AppError {
    ///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    ///         let Self::Refused(refused) = self;
    ///         refused.fmt(f)
    ///     }
    /// }
    ///
    /// impl ResponseError for AppError {
    ///     fn status_code(&self) -> StatusCode {
    ///         let Self::Refused(refused) = self;
    ///         refused.status_code()
    ///     }
    ///
    ///     fn error_response(&self) -> HttpResponse {
    ///         let Self::Refused(refused) = self;
    ///         refused.complete(HttpResponse::build(self.status_code()).json(self.to_string()))
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn complete(&self, mut response: HttpResponse) -> HttpResponse {
        complete(&mut response, self.0.clone());
        response
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        // Core's statuses are all valid.
        StatusCode::from_u16(self.0.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let kind = self.0.kind();
        let mut response = HttpResponse::build(self.status_code()).body(kind.problem_json());
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
        complete(&mut response, self.0.clone());
        response.extensions_mut().insert(GivesWay);
        response
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Logs the refusal: the middleware's own are logged in core, a handler's and an extractor's here.
impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        countersign::adapter::log(&error);
        Self(error)
    }
}

impl From<Error> for AuthError {
    fn from(error: Error) -> Self {
        error.0
    }
}

// Checked at compile time.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static(Challenge::PROBLEM_JSON);
