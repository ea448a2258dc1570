//! The routes on actix-web.

use std::{io, net::TcpListener};

use actix_web::{
    App, HttpResponse, HttpServer, Route,
    guard::{Any, Get, Head},
    http::header::CACHE_CONTROL,
    middleware::{DefaultHeaders, from_fn},
    web::{Data, resource, route},
};
use countersign_actix::{JwtAuth, Optional, Require, Token};
use demo::{
    Drain,
    actix::{accepted, body_in_time, closed_while_draining},
};

use crate::api::{Api, JSON};

pub(crate) fn serve(
    api: Api,
    listener: TcpListener,
    drain: Drain,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<impl Future<Output = io::Result<()>> + Send + 'static> {
    let draining = drain.clone();
    let server = HttpServer::new(move || {
        let users = || JwtAuth::new(api.users());
        let anybody = JwtAuth::new(api.anybody());
        let admins = Require::new(Api::admins());
        App::new()
            .service(
                resource("/v1/me")
                    .wrap(users())
                    .wrap(no_store())
                    .route(read().to(me)),
            )
            .service(
                resource("/v1/admin")
                    .wrap(users())
                    .wrap(no_store())
                    .route(read().to(admin).wrap(admins)),
            )
            .service(
                resource("/v1/feed")
                    .wrap(anybody)
                    .wrap(no_store())
                    .route(read().to(feed)),
            )
            .app_data(Data::new(draining.clone()))
            .wrap(from_fn(body_in_time))
            .wrap(from_fn(closed_while_draining))
    });
    let server = server
        .client_request_timeout(demo::HEAD_TIMEOUT)
        .keep_alive(demo::KEEP_ALIVE)
        .on_connect(accepted)
        .shutdown_timeout(demo::SHUTDOWN_GRACE.as_secs())
        .disable_signals()
        .listen(listener.try_clone()?)?;
    Ok(demo::actix::until(stop, drain, listener, server.run()))
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

/// Keeps what somebody may see out of caches: it may have come with a cookie, which caches do not
/// look at.
fn no_store() -> DefaultHeaders {
    DefaultHeaders::new().add((CACHE_CONTROL, "no-store"))
}

/// A route that answers GET, and HEAD too.
fn read() -> Route {
    route().guard(Any(Get()).or(Head()))
}
