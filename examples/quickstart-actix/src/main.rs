//! A login and a few protected routes with actix-web. Start it, and it says how to log in.

mod answers;
mod login_error;

use std::io;

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::StatusCode,
    middleware::from_fn,
    web::{Data, Json, JsonConfig, resource, to},
};
use countersign::Policy;
use countersign_actix::{Claims, JwtAuth, Require};
use demo::{Demo, Login, Options, User, actix::body_in_time};
use serde_json::json;

use crate::answers::{limit_headers, message, no_store, not_found, read, refused};
use crate::login_error::LoginError;

#[actix_web::main]
async fn main() -> io::Result<()> {
    let options = Options::from_args();
    let demo = Data::new(Demo::start_or_exit(&options));
    let auth = JwtAuth::new(demo.issuer().verifier()).with_rejection_response(refused);
    let admins = Require::new(Policy::role("admin")).with_rejection_response(refused);

    let state = demo.clone();
    let server = HttpServer::new(move || {
        let guarded = |path, route| {
            let guarded = resource::<&str>(path).wrap(auth.clone());
            guarded.wrap(no_store()).route(route)
        };
        let json = JsonConfig::default().limit(demo::MAX_BODY_BYTES);
        let app = App::new()
            .app_data(state.clone())
            .app_data(json.error_handler(|error, _| LoginError::from(error).into()))
            .service(guarded("/admin", read().to(admin).wrap(admins.clone())))
            .service(guarded("/profile", read().to(profile)))
            .service(guarded("/protected", read().to(protected)))
            .service(resource("/login").wrap(no_store()).post(log_in))
            .default_service(to(not_found));
        let app = match options.alg.is_symmetric() {
            true => app,
            false => app.service(resource("/.well-known/jwks.json").route(read().to(jwks))),
        };
        app.wrap(from_fn(body_in_time)).wrap(from_fn(limit_headers))
    });
    let server = server
        .client_request_timeout(demo::HEAD_TIMEOUT)
        .shutdown_timeout(demo::SHUTDOWN_GRACE.as_secs())
        .shutdown_signal(demo::asked_to_stop()?); // before anybody hears of this server
    let server = options.bound_or_exit(server.bind(options.listen));
    demo.announce(server.addrs()[0]); // `bind` was given one address
    server.run().await
}

async fn log_in(
    demo: Data<Demo>,
    request: HttpRequest,
    login: Json<Login>,
) -> Result<HttpResponse, LoginError> {
    let client = request.peer_addr().map(|client| client.ip());
    let user = demo.log_in(login.into_inner(), client).await?;
    let token = demo.issuer().issue(&user.ok_or(LoginError::Wrong)?)?;
    Ok(HttpResponse::Ok().json(json!({ "token": token.as_str() })))
}

async fn protected(Claims(user): Claims<User>) -> HttpResponse {
    let message = "You are authorized to access this resource";
    HttpResponse::Ok().json(json!({ "message": message, "userId": user.sub }))
}

async fn profile(Claims(user): Claims<User>) -> HttpResponse {
    HttpResponse::Ok().json(&*user)
}

async fn admin() -> HttpResponse {
    message(StatusCode::OK, "Welcome, admin")
}

async fn jwks(demo: Data<Demo>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(demo::JWK_SET)
        .body(demo.issuer().jwks())
}
