//! `actix-governor` in front of the session routes on actix-web.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use actix_governor::{Governor, GovernorConfigBuilder, KeyExtractor, SimpleKeyExtractionError};
use actix_web::{
    App, HttpServer,
    dev::ServiceRequest,
    rt,
    web::{self, ServiceConfig},
};
use countersign_actix::session_routes;

use crate::{
    check_limits, check_proxied, common,
    guide_actix::{configure, limits_of_the_guide},
};

/// The address that your proxy writes into `X-Real-IP`, over whatever the client has sent.
#[derive(Clone)]
struct RealIp;

impl KeyExtractor for RealIp {
    type Key = IpAddr;
    type KeyExtractionError = SimpleKeyExtractionError<&'static str>;

    fn extract(&self, request: &ServiceRequest) -> Result<IpAddr, Self::KeyExtractionError> {
        let value = request.headers().get("x-real-ip");
        let address = value.and_then(|value| value.to_str().ok()?.parse().ok());
        address.ok_or(SimpleKeyExtractionError::new("the proxy is missing"))
    }
}

/// Serves these routes on two threads, and another route.
fn serve(configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = listener.local_addr().unwrap();
    let app = move || {
        App::new()
            .configure(configure.clone())
            .route("/", web::get().to(async || "hello"))
    };
    let serving = HttpServer::new(app).workers(2).disable_signals();
    rt::spawn(serving.listen(listener).unwrap().run());
    server
}

#[actix_web::test]
async fn logins_are_limited_and_nothing_else() {
    let (routes, limits) = (common::session_routes(), limits_of_the_guide().unwrap());
    let server = serve(move |app| configure(app, routes.clone(), &limits));
    check_limits(server, "Too many requests").await;
}

#[actix_web::test]
async fn behind_a_proxy_the_address_is_the_one_that_the_proxy_sets() {
    let limits = GovernorConfigBuilder::default()
        .key_extractor(RealIp)
        .burst_size(10)
        .seconds_per_request(6)
        .finish();
    let (routes, limits) = (common::session_routes(), limits.unwrap());
    let server = serve(move |app| {
        let session = session_routes("/session", routes.clone());
        app.service(session.wrap(Governor::new(&limits)));
    });
    check_proxied(server).await;
}
