//! Answers that are not the point of a route: all of them `{"message": ..}`.

use actix_web::{
    Error, HttpResponse, Route,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    guard::{Any, Get, Head},
    http::{StatusCode, header::CACHE_CONTROL},
    middleware::{DefaultHeaders, Next},
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

/// A path that leads nowhere.
pub(crate) async fn not_found() -> HttpResponse {
    message(StatusCode::NOT_FOUND, "Not found")
}

/// Keeps an answer out of caches: there is a token in it (RFC 6749 section 5.1), or what somebody may
/// see.
pub(crate) fn no_store() -> DefaultHeaders {
    DefaultHeaders::new().add((CACHE_CONTROL, "no-store"))
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
        let text = "The headers are too large: send at most 16 KiB";
        let answer = message(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text);
        return Err(InternalError::from_response(text, answer).into());
    }
    next.call(request).await
}

/// A route that answers GET, and HEAD too.
pub(crate) fn read() -> Route {
    route().guard(Any(Get()).or(Head()))
}
