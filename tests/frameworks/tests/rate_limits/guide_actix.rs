//! What the guide shows for actix-web.

use actix_governor::governor::middleware::NoOpMiddleware;
use actix_governor::{Governor, GovernorConfig, GovernorConfigBuilder, PeerIpKeyExtractor};
use actix_web::{guard::fn_guard, web::ServiceConfig};
use countersign::SessionRoutes;
use countersign_actix::session_routes;

type Limits = GovernorConfig<PeerIpKeyExtractor, NoOpMiddleware>;

/// Make them outside of the closure of `HttpServer::new`: each worker would count for itself.
fn limits() -> Option<Limits> {
    // Ten logins from one address at once, then one every six seconds.
    GovernorConfigBuilder::default()
        .burst_size(10)
        .seconds_per_request(6)
        .finish() // `None` if a number is zero
}

/// For `App::configure`.
fn limited(app: &mut ServiceConfig, routes: SessionRoutes, limits: &Limits) {
    let is_login = fn_guard(|request| request.head().uri.path() == "/session/login");
    let logins = session_routes("/session", routes.clone()).guard(is_login);
    app.service(logins.wrap(Governor::new(limits)))
        .service(session_routes("/session", routes)); // refresh, logout and all others
}

pub(crate) fn limits_of_the_guide() -> Option<Limits> {
    limits()
}

pub(crate) fn configure(app: &mut ServiceConfig, routes: SessionRoutes, limits: &Limits) {
    limited(app, routes, limits);
}
