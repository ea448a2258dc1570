//! Routes of axum.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, Uri, header::AUTHORIZATION},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
};
use countersign::{Authenticator, Verifier};
use countersign_tower::{Claims, JwtAuthLayer};

use super::{ANSWER, BARE, BY_HAND, Setup, service};
use crate::case;

/// Returns a route without authentication.
pub fn bare() -> Router {
    Router::new().route(BARE, get(answer))
}

/// Returns a route with the layer; the handler does not ask for the claims.
pub fn ours(path: &str, verifier: &Verifier) -> Router {
    let layer = JwtAuthLayer::new(verifier);
    Router::new().route(path, get(answer)).route_layer(layer)
}

/// Returns a route with the layer; the handler gets the claims.
pub fn ours_with_claims(path: &str, verifier: &Verifier) -> Router {
    let handler = async |Claims(claims): Claims<case::Claims>| greet(&claims);
    let layer = JwtAuthLayer::new(Authenticator::from(verifier).parse_as::<case::Claims>());
    Router::new().route(path, get(handler)).route_layer(layer)
}

/// Returns a route with `from_fn` and `jsonwebtoken`; the handler gets the claims.
pub fn by_hand(setup: &Arc<Setup>) -> Router {
    let handler = async |Extension(claims): Extension<Arc<case::Claims>>| greet(&claims);
    Router::new()
        .route(BY_HAND, get(handler))
        .route_layer(from_fn_with_state(Arc::clone(setup), check))
}

async fn check(
    State(setup): State<Arc<Setup>>,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let header = request.headers().get(AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok());
    let claims = setup.by_hand(header).ok_or(StatusCode::UNAUTHORIZED)?;
    request.extensions_mut().insert(claims);
    Ok(next.run(request).await)
}

async fn answer() -> &'static str {
    ANSWER
}

/// Uses the claims, so that reading them cannot be optimised away.
fn greet(claims: &case::Claims) -> &'static str {
    std::hint::black_box(claims);
    ANSWER
}

/// Calls this router, each time with a new request.
pub fn calls(
    mut router: Router,
    path: &'static str,
    authorization: Option<&str>,
) -> impl FnMut() -> Response {
    let requests = service::Requests::new(authorization);
    move || {
        let mut request = requests.make::<Body>();
        *request.uri_mut() = Uri::from_static(path);
        service::call(&mut router, request)
    }
}
