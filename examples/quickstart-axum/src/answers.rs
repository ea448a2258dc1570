//! Answers that are not the point of a route: all of them `{"message": ..}`.

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header::CACHE_CONTROL},
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

/// A path that leads nowhere.
pub(crate) async fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "Not found")
}

/// Keeps an answer out of caches: there is a token in it (RFC 6749 section 5.1), or what somebody may
/// see.
pub(crate) async fn no_store(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
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
