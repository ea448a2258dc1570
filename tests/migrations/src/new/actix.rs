//! The app after. See `old/actix.rs`.

use actix_web::{
    Error, HttpResponse,
    error::{ErrorInternalServerError, ErrorUnauthorized},
    web::{self, Data, Json, ServiceConfig},
};
use countersign::{ConfigError, Issuer, Issuers, SigningKeys};
use countersign_actix::{Claims, JwtAuth};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize, Serialize)]
struct User {
    sub: String,
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

pub fn issuer(keys: SigningKeys) -> Result<Issuer, ConfigError> {
    Issuer::builder("https://id.example", keys)
        .audience("orders")
        .build()
}

pub fn routes(config: &mut ServiceConfig, issuers: Issuers, issuer: Data<Issuer>) {
    config
        .app_data(issuer)
        .route("/login", web::post().to(login))
        .service(web::resource("/me").wrap(JwtAuth::new(issuers)).get(me));
}

async fn me(Claims(user): Claims<User>) -> String {
    format!("user {}", user.sub)
}

async fn login(issuer: Data<Issuer>, login: Json<Login>) -> Result<HttpResponse, Error> {
    if login.name != "ada" || login.password != "1815" {
        return Err(ErrorUnauthorized("wrong name or password"));
    }
    let user = User {
        sub: "42".to_owned(),
    };
    let token = issuer.issue(&user).map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().json(json!({ "access_token": token.as_str() })))
}
