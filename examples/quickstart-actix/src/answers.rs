//! Answers that are not the point of a route: all of them `{"message": ..}`.

use actix_web::{
    Error, HttpResponse, Route,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::{InternalError, JsonPayloadError},
    guard::{Any, Get, Head},
    http::StatusCode,
    middleware::Next,
    web::route,
};
use countersign::AuthError;
use serde_json::json;

/// A status and a message.
pub(crate) fn message(status: StatusCode, text: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "message": text }))
}

/// A request without a good token. The middleware adds the challenge.
pub(crate) fn refused(error: &AuthError) -> HttpResponse {
    let status = StatusCode::from_u16(error.kind().status());
    message(
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        demo::refusal(error),
    )
}

/// A login that cannot be read.
pub(crate) fn unreadable(error: &Error) -> Error {
    let status = match error.as_error() {
        Some(JsonPayloadError::ContentType) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        // It is JSON, only not what a login looks like.
        Some(JsonPayloadError::Deserialize(error)) if error.is_data() => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        _ => error.as_response_error().status_code(),
    };
    fail(status, demo::unreadable(status.as_u16()))
}

/// A login that is wrong. It does not say whether the address or the password is.
pub(crate) fn wrong_login() -> Error {
    fail(StatusCode::UNAUTHORIZED, "Invalid email or password")
}

/// Our own trouble. The client need not know which.
pub(crate) fn internal(error: impl std::error::Error) -> Error {
    eprintln!("error: {error}");
    fail(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong")
}

/// Refuses requests whose headers are larger than any browser or client here would send.
pub(crate) async fn limit_headers<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let size: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if size > demo::MAX_HEADER_BYTES {
        return Err(fail(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The headers are too large: send at most 16 KiB",
        ));
    }
    next.call(request).await
}

/// A route that answers GET, and HEAD too.
pub(crate) fn read() -> Route {
    route().guard(Any(Get()).or(Head()))
}

fn fail(status: StatusCode, text: &'static str) -> Error {
    InternalError::from_response(text, message(status, text)).into()
}
