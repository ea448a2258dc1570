//! A refusal as an actix-web error.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderValue},
    },
};
use countersign::{AuthError, Challenge};

use crate::response::add_challenge;

/// The refusal of a request, as an actix-web error.
///
/// The extractors return it, and a handler may: `?` turns an [`AuthError`] into it. Its response
/// has the status, the challenge and a problem document (RFC 9457), and carries the [`AuthError`]
/// in its extensions.
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
pub struct Error(AuthError);

impl Error {
    /// Why the request is refused.
    #[must_use]
    pub fn auth_error(&self) -> &AuthError {
        &self.0
    }

    /// Why the request is refused.
    #[must_use]
    pub fn into_auth_error(self) -> AuthError {
        self.0
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        status(self.0.kind().status())
    }

    fn error_response(&self) -> HttpResponse {
        let challenge = self.0.challenge();
        let mut response =
            HttpResponse::build(status(challenge.status())).body(challenge.problem_json());
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static(Challenge::PROBLEM_JSON);
        headers.insert(CONTENT_TYPE, media_type);
        add_challenge(headers, &challenge);
        response.extensions_mut().insert(self.0.clone());
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

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        Self(error)
    }
}

impl From<Error> for AuthError {
    fn from(error: Error) -> Self {
        error.0
    }
}

/// The core knows 400, 401, 403, 500 and 503.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
