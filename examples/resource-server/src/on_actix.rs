//! The routes on actix-web.

use std::{io, net::TcpListener};

use actix_web::{
    App, HttpResponse, HttpServer, Route,
    guard::{Any, Get, Head},
    http::StatusCode,
    web::{Data, resource, route},
};
use countersign_actix::{JwtAuth, Optional, Require, Token};

use crate::api::{Api, JSON, METRICS};

pub(crate) async fn serve(
    api: Api,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let server = HttpServer::new(move || {
        let users = || JwtAuth::new(api.users());
        let anybody = JwtAuth::new(api.anybody());
        let admins = Require::new(Api::admins());
        App::new()
            .app_data(Data::new(api.clone()))
            .service(resource("/v1/me").wrap(users()).route(read().to(me)))
            .service(
                resource("/v1/admin")
                    .wrap(users())
                    .route(read().to(admin).wrap(admins)),
            )
            .service(resource("/v1/feed").wrap(anybody).route(read().to(feed)))
            .service(resource("/healthz").route(read().to(healthy)))
            .service(resource("/readyz").route(read().to(readiness)))
            .service(resource("/metrics").route(read().to(metrics)))
    });
    server
        .client_request_timeout(demo::HEAD_TIMEOUT)
        .shutdown_timeout(demo::SHUTDOWN_GRACE.as_secs())
        .shutdown_signal(stop)
        .listen(listener)?
        .run()
        .await
}

async fn me(Token(token): Token) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(JSON)
        .body(token.payload().to_owned())
}

async fn admin() -> &'static str {
    "Welcome, admin"
}

async fn feed(Optional(token): Optional<Token>) -> String {
    Api::greeting(token.as_deref())
}

async fn healthy() -> &'static str {
    "ok"
}

async fn readiness(api: Data<Api>) -> HttpResponse {
    let readiness = api.readiness();
    let status = StatusCode::from_u16(readiness.status());
    HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .content_type(JSON)
        .body(readiness.json())
}

async fn metrics(api: Data<Api>) -> HttpResponse {
    HttpResponse::Ok().content_type(METRICS).body(api.metrics())
}

/// A route that answers GET, and HEAD too.
fn read() -> Route {
    route().guard(Any(Get()).or(Head()))
}
