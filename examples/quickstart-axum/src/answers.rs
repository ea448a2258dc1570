//! Answers that are not the point of a route: all of them `{"message": ..}`.

use std::error::Error;

use axum::{
    Json,
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use countersign::AuthError;
use serde_json::json;

/// A status and a message.
pub(crate) fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "message": text }))).into_response()
}

/// A request without a good token. The layer adds the challenge.
pub(crate) fn refused(error: &AuthError) -> Response {
    let status = StatusCode::from_u16(error.kind().status());
    message(
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        demo::refusal(error),
    )
}

/// A login that cannot be read.
pub(crate) fn unreadable(status: StatusCode) -> Response {
    message(status, demo::unreadable(status.as_u16()))
}

/// A login that is wrong. It does not say whether the address or the password is.
pub(crate) fn wrong_login() -> Response {
    message(StatusCode::UNAUTHORIZED, "Invalid email or password")
}

/// Our own trouble. The client need not know which.
pub(crate) fn internal(error: impl Error) -> Response {
    eprintln!("error: {error}");
    message(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong")
}

/// Refuses requests whose headers are larger than any browser or client here would send.
pub(crate) async fn limit_headers(request: Request, next: Next) -> Response {
    let size: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if size > demo::MAX_HEADER_BYTES {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return message(status, "The headers are too large: send at most 16 KiB");
    }
    next.run(request).await
}
