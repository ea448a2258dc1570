//! The login server on actix-web.

use std::{future::ready, io};

use actix_web::{
    App as Server, HttpRequest, HttpResponse, HttpServer,
    http::header::{CACHE_CONTROL, COOKIE},
    middleware::{DefaultHeaders, from_fn},
    web::{Data, get, resource, scope},
};
use countersign_actix::{Claims, JwtAuth, Require, session_routes};
use demo::{
    Drain, Metrics, User,
    actix::{accepted, body_in_time, closed_while_draining},
};
use login::{App, Asset, Options};
use serde_json::json;

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::from_args().await;
    let _log = demo::start_logging(options.log_format).unwrap_or_else(|line| demo::exit(line));
    let metrics = Metrics::install().unwrap_or_else(|line| demo::exit(line));
    let app = App::start(&options)
        .await
        .unwrap_or_else(|line| demo::exit(line));
    let drain = Drain::on_signals(options.draining())?; // before anybody hears of this server

    let (own, draining) = (app.clone(), drain.clone());
    let server = HttpServer::new(move || {
        let app = &own;
        let api = scope("/api")
            .wrap(JwtAuth::new(app.api()))
            .wrap(no_store())
            .service(
                resource("/admin")
                    .wrap(Require::new(App::admins()))
                    .get(admin),
            )
            .route("/profile", get().to(profile))
            .route("/token", get().to(token))
            .service(
                resource("/vault")
                    .wrap(Require::new(App::second_factor()))
                    .get(vault),
            );
        let mut server = Server::new().app_data(Data::new(app.clone())).service(api);
        for (path, routes) in app.mounts() {
            server = server.service(session_routes(path, routes));
        }
        for asset in app.assets() {
            let (path, asset) = (asset.path, asset.clone());
            server = server.route(path, get().to(move || ready(served(&asset))));
        }
        server
            .route("/.well-known/jwks.json", get().to(jwks))
            .app_data(Data::new(draining.clone()))
            .wrap(from_fn(body_in_time))
            .wrap(from_fn(closed_while_draining))
            .wrap(secured(app))
    });
    let server = server
        .client_request_timeout(demo::HEAD_TIMEOUT)
        .keep_alive(demo::KEEP_ALIVE)
        .on_connect(accepted)
        .shutdown_timeout(demo::SHUTDOWN_GRACE.as_secs())
        .disable_signals();
    let listener = demo::bound_or_exit("--listen", options.listen, demo::bind(options.listen));
    let server = server.listen(listener.try_clone()?)?;
    app.manage(&options, metrics, &drain)?;
    App::announce(listener.local_addr()?);
    demo::actix::until(drain.stopped(), drain, listener, server.run()).await
}

async fn profile(Claims(user): Claims<User>) -> HttpResponse {
    HttpResponse::Ok().json(&*user)
}

async fn admin() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "message": "Welcome, admin" }))
}

async fn token(request: HttpRequest) -> HttpResponse {
    let cookies = request
        .headers()
        .get(COOKIE)
        .and_then(|value| value.to_str().ok());
    match cookies.and_then(login::token_in_cookies) {
        Some(token) => HttpResponse::Ok().json(json!({ "token": token })),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn vault() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "message": "The vault is open" }))
}

async fn jwks(app: Data<App>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(demo::JWK_SET)
        .body(app.jwks())
}

fn served(asset: &Asset) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(asset.media_type)
        .body(asset.text.clone())
}

/// Keeps what somebody may see out of caches: it came with a cookie, which caches do not look at.
fn no_store() -> DefaultHeaders {
    DefaultHeaders::new().add((CACHE_CONTROL, "no-store"))
}

fn secured(app: &App) -> DefaultHeaders {
    app.security_headers()
        .fold(DefaultHeaders::new(), DefaultHeaders::add)
}
