//! API keys beside sessions, with axum.

use axum::{Router, routing::get};
use countersign::{
    Authenticator, ConfigError, MemoryStore, SessionRoutes, Sessions, session::ApiKeys,
};
use countersign_tower::{JwtAuthLayer, session_routes};

use crate::{me as orders, sign_in}; // your own

pub(crate) fn with_api_keys(
    sessions: Sessions,
    store: MemoryStore,
    pepper: &[u8],
) -> Result<Router, ConfigError> {
    let keys = ApiKeys::builder(store, pepper).build()?;
    let authenticator = Authenticator::new(sessions.verifier()).opaque_tokens(&keys)?;
    let routes = SessionRoutes::json(sessions, sign_in).api_keys(keys);
    let app = Router::new()
        .route("/orders", get(orders))
        .layer(JwtAuthLayer::new(authenticator))
        .nest_service("/session", session_routes(routes));
    Ok(app)
}
