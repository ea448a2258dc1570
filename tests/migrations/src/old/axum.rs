//! The app before, as axum's JWT example has it: `jsonwebtoken`, and an extractor by hand.

use std::sync::LazyLock;

use axum::{
    Json, RequestPartsExt, Router,
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_extra::{
    TypedHeader,
    headers::{Authorization, authorization::Bearer},
};
use jsonwebtoken::{
    DecodingKey, EncodingKey, Header, Validation, decode, encode, errors::Error,
    get_current_timestamp as now,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::new(b"secret").expect("a secret"));

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Keys {
    fn new(secret: &[u8]) -> Result<Self, Error> {
        Ok(Self {
            encoding: EncodingKey::from_secret(secret)?,
            decoding: DecodingKey::from_secret(secret)?,
        })
    }
}

#[derive(Deserialize, Serialize)]
pub struct Claims {
    sub: String,
    company: String,
    exp: u64,
}

#[derive(Deserialize)]
pub struct Login {
    client_id: String,
    client_secret: String,
}

pub fn app() -> Router {
    Router::new()
        .route("/protected", get(protected))
        .route("/authorize", post(authorize))
}

pub async fn protected(claims: Claims) -> String {
    format!("{} of {}", claims.sub, claims.company)
}

pub async fn authorize(Json(login): Json<Login>) -> Result<Json<Value>, AuthError> {
    if login.client_id != "foo" || login.client_secret != "bar" {
        return Err(AuthError::WrongCredentials);
    }
    let claims = Claims {
        sub: "b@b.com".to_owned(),
        company: "ACME".to_owned(),
        exp: now() + 3_600,
    };
    let token = encode(&Header::default(), &claims, &KEYS.encoding)
        .map_err(|_| AuthError::TokenCreation)?;
    Ok(Json(
        json!({ "access_token": token, "token_type": "Bearer" }),
    ))
}

impl<S: Send + Sync> FromRequestParts<S> for Claims {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, AuthError> {
        let TypedHeader(Authorization(bearer)) = parts
            .extract::<TypedHeader<Authorization<Bearer>>>()
            .await
            .map_err(|_| AuthError::InvalidToken)?;
        let token = decode::<Claims>(bearer.token(), &KEYS.decoding, &Validation::default())
            .map_err(|_| AuthError::InvalidToken)?;
        Ok(token.claims)
    }
}

pub enum AuthError {
    InvalidToken,
    TokenCreation,
    WrongCredentials,
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::InvalidToken => (StatusCode::BAD_REQUEST, "Invalid token"),
            Self::TokenCreation => (StatusCode::INTERNAL_SERVER_ERROR, "Token creation error"),
            Self::WrongCredentials => (StatusCode::UNAUTHORIZED, "Wrong credentials"),
        };
        (status, Json(json!({ "error": message }))).into_response()
    }
}
