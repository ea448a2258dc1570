//! A login and a few protected routes with actix-web. Start it, and it says how to log in.

mod answers;

use std::io;

use actix_web::{
    App, Error, HttpResponse, HttpServer,
    http::StatusCode,
    middleware::from_fn,
    web::{Data, Json, JsonConfig, block, resource},
};
use countersign::Policy;
use countersign_actix::{Claims, JwtAuth, Require};
use demo::{Demo, Login, Options, User};
use serde_json::json;

use crate::answers::{internal, limit_headers, message, read, refused, unreadable, wrong_login};

#[actix_web::main]
async fn main() -> io::Result<()> {
    let options = Options::from_args();
    let demo = Data::new(Demo::start_or_exit(&options));
    let auth = JwtAuth::new(demo.issuer().verifier()).with_rejection_response(refused);
    let admins = Require::new(Policy::role("admin")).with_rejection_response(refused);

    let state = demo.clone();
    let server = HttpServer::new(move || {
        let guarded = |path, route| resource::<&str>(path).wrap(auth.clone()).route(route);
        let app = App::new()
            .app_data(state.clone())
            .app_data(JsonConfig::default().limit(demo::MAX_BODY_BYTES))
            .service(guarded("/admin", read().to(admin).wrap(admins.clone())))
            .service(guarded("/profile", read().to(profile)))
            .service(guarded("/protected", read().to(protected)))
            .service(resource("/login").post(log_in));
        let app = match options.alg.is_symmetric() {
            true => app,
            false => app.service(resource("/.well-known/jwks.json").route(read().to(jwks))),
        };
        app.wrap(from_fn(limit_headers))
    });
    let server = server.bind(options.listen)?;
    // `bind` was given one address, so there is a first one.
    demo.announce(server.addrs()[0]);
    server.run().await
}

async fn log_in(
    demo: Data<Demo>,
    login: Result<Json<Login>, Error>,
) -> Result<HttpResponse, Error> {
    let Json(login) = login.map_err(|error| unreadable(&error))?;
    let logging_in = demo.clone();
    let user = block(move || logging_in.log_in(&login.email, &login.password)).await;
    let user = user.map_err(internal)?.ok_or_else(wrong_login)?;
    let token = demo.issuer().issue(&user).map_err(internal)?;
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
