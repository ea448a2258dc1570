//! The app with axum.

use axum::{
    Router,
    routing::{delete, get},
};
use countersign::{Authenticator, Policy};
use countersign_tower::{Claims, JwtAuthLayer, RequireLayer};

use crate::User;

/// Orders: `GET /orders` needs the scope `orders:read`, `DELETE /orders/all` the role `admin`.
pub fn app(authenticator: impl Into<Authenticator>) -> Router {
    let readers = RequireLayer::new(Policy::scope("orders:read"));
    let admins = RequireLayer::new(Policy::role("admin"));
    Router::new()
        .route("/orders", get(list).route_layer(readers))
        .route("/orders/all", delete(erase).route_layer(admins))
        .route_layer(JwtAuthLayer::new(authenticator))
}

async fn list(Claims(user): Claims<User>) -> String {
    format!("the orders of {}", user.sub)
}

async fn erase() -> &'static str {
    "no orders any more"
}
