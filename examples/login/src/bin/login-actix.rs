//! The login server on actix-web.

use std::{future::ready, io};

use actix_web::{
    App as Server, HttpRequest, HttpResponse, HttpServer,
    http::header::{CACHE_CONTROL, COOKIE},
    middleware::{DefaultHeaders, from_fn},
    web::{Data, get, resource, scope},
};
use countersign_actix::{Claims, JwtAuth, Require, session_routes};
use demo::{User, actix::body_in_time};
use login::{App, Asset, Options};
use serde_json::json;

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::from_args();
    demo::start_logging();
    let app = App::start(&options)
        .await
        .unwrap_or_else(|line| demo::exit(line));

    let server = HttpServer::new(move || {
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
            .wrap(from_fn(body_in_time))
            .wrap(secured(&app))
    });
    let server = server
        .client_request_timeout(demo::HEAD_TIMEOUT)
        .shutdown_timeout(demo::SHUTDOWN_GRACE.as_secs())
        .shutdown_signal(demo::asked_to_stop()?); // before anybody hears of this server
    let server = demo::bound_or_exit(options.listen, server.bind(options.listen));
    App::announce(server.addrs()[0]); // `bind` was given one address
    server.run().await
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
