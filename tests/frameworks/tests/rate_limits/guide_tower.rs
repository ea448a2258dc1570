//! What the guide shows for axum.

use std::time::Duration;

use axum::Router;
use countersign::SessionRoutes;
use countersign_tower::session_routes;
use tower_governor::{GovernorLayer, governor::GovernorConfigBuilder};

fn limited(routes: SessionRoutes) -> Option<Router> {
    // Ten logins from one address at once, then one every six seconds.
    let limits = GovernorConfigBuilder::default()
        .burst_size(10)
        .per_second(6)
        .finish()?; // `None` if a number is zero
    let limiter = limits.limiter().clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(60)).await;
            limiter.retain_recent(); // forgets who has not come for a while
        }
    });
    let session = session_routes(routes);
    let session = Router::new()
        .route_service("/login", session.clone())
        .route_layer(GovernorLayer::new(limits))
        .fallback_service(session); // refresh, logout and all others
    Some(Router::new().nest_service("/session", session))
}

pub(crate) fn app(routes: SessionRoutes) -> Option<Router> {
    limited(routes)
}
