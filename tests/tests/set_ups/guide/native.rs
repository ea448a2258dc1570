//! Mobile shells and native apps.

use axum::{
    Router,
    http::{HeaderValue, Method, header},
    routing::get,
};
use countersign::{SessionRoutes, Sessions};
use countersign_tower::{JwtAuthLayer, session_routes};
use tower_http::cors::CorsLayer;

use crate::{me, sign_in}; // your own

/// The pages of Capacitor and Ionic on iOS, and of Capacitor on Android.
const SHELLS: [HeaderValue; 3] = [
    HeaderValue::from_static("capacitor://localhost"),
    HeaderValue::from_static("ionic://localhost"),
    HeaderValue::from_static("https://localhost"),
];

pub(crate) fn native(sessions: Sessions) -> Router {
    let api = sessions.verifier();
    let routes = SessionRoutes::json(sessions, sign_in);
    let cors = CorsLayer::new()
        .allow_origin(SHELLS) // without `allow_credentials`: there are no cookies
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]);
    Router::new()
        .route("/api/me", get(me).post(me))
        .route_layer(JwtAuthLayer::new(api))
        .nest_service("/session", session_routes(routes))
        .layer(cors)
}
