//! The app with actix-web.

use actix_web::web::{ServiceConfig, delete, get, scope};
use countersign::{Authenticator, Policy};
use countersign_actix::{Claims, JwtAuth, Require};

use crate::User;

/// Orders: `GET /orders` needs the scope `orders:read`, `DELETE /orders/all` the role `admin`.
///
/// For [`App::configure`](actix_web::App::configure), in `main` as in a test.
pub fn app(authenticator: impl Into<Authenticator>) -> impl FnOnce(&mut ServiceConfig) {
    let readers = Require::new(Policy::scope("orders:read"));
    let admins = Require::new(Policy::role("admin"));
    let orders = scope("/orders")
        .wrap(JwtAuth::new(authenticator))
        .route("", get().to(list).wrap(readers))
        .route("/all", delete().to(erase).wrap(admins));
    |config| {
        config.service(orders);
    }
}

async fn list(Claims(user): Claims<User>) -> String {
    format!("the orders of {}", user.sub)
}

async fn erase() -> &'static str {
    "no orders any more"
}
