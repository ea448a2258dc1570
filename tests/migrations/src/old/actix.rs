//! The app before: `actix-web-httpauth` and `jsonwebtoken`.

use actix_web::{
    Error, HttpMessage, HttpResponse,
    dev::ServiceRequest,
    error::{ErrorInternalServerError, ErrorUnauthorized},
    web::{self, Data, Json, ReqData, ServiceConfig},
};
use actix_web_httpauth::{
    extractors::{
        AuthenticationError,
        bearer::{BearerAuth, Config},
    },
    middleware::HttpAuthentication,
};
use jsonwebtoken::{
    DecodingKey, EncodingKey, Header, Validation, decode, encode, errors,
    get_current_timestamp as now,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Keys {
    pub fn new(secret: &[u8]) -> Result<Self, errors::Error> {
        Ok(Self {
            encoding: EncodingKey::from_secret(secret)?,
            decoding: DecodingKey::from_secret(secret)?,
        })
    }
}

#[derive(Clone, Deserialize, Serialize)]
struct Claims {
    sub: i64,
    exp: u64,
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

pub fn routes(config: &mut ServiceConfig, keys: Data<Keys>) {
    config
        .app_data(keys)
        .route("/login", web::post().to(login))
        .service(
            web::resource("/me")
                .wrap(HttpAuthentication::bearer(validator))
                .get(me),
        );
}

async fn me(claims: ReqData<Claims>) -> String {
    format!("user {}", claims.sub)
}

async fn login(keys: Data<Keys>, login: Json<Login>) -> Result<HttpResponse, Error> {
    if login.name != "ada" || login.password != "1815" {
        return Err(ErrorUnauthorized("wrong name or password"));
    }
    let claims = Claims {
        sub: 42,
        exp: now() + 3_600,
    };
    let token =
        encode(&Header::default(), &claims, &keys.encoding).map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().json(json!({ "access_token": token })))
}

async fn validator(
    request: ServiceRequest,
    bearer: BearerAuth,
) -> Result<ServiceRequest, (Error, ServiceRequest)> {
    let keys = request
        .app_data::<Data<Keys>>()
        .expect("it is set in `routes`");
    match decode::<Claims>(bearer.token(), &keys.decoding, &Validation::default()) {
        Ok(token) => {
            request.extensions_mut().insert(token.claims);
            Ok(request)
        }
        Err(_) => {
            let config = request.app_data::<Config>().cloned().unwrap_or_default();
            Err((AuthenticationError::from(config).into(), request))
        }
    }
}
