//! One request to an app, without a socket.

use actix_web::{
    App, body,
    dev::Service,
    test::{TestRequest, init_service},
    web::ServiceConfig,
};
use axum::http::{Request, header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// An answer, as far as users see it.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn ok(body: &str) -> Self {
        Self {
            status: 200,
            body: body.to_owned(),
        }
    }

    /// Returns the token in the answer to a login.
    pub fn token(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }
}

/// Sends `GET` with a token to a router of any version of axum.
pub async fn get<S, B>(app: S, path: &str, token: Option<&str>) -> Answer
where
    S: tower::Service<Request<String>, Response = axum::http::Response<B>>,
    S::Error: std::fmt::Debug,
    B: BodyExt<Error: std::fmt::Debug>,
{
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    send(app, request.body(String::new()).unwrap()).await
}

/// Sends `POST` with a body of JSON.
pub async fn post<S, B>(app: S, path: &str, body: &Value) -> Answer
where
    S: tower::Service<Request<String>, Response = axum::http::Response<B>>,
    S::Error: std::fmt::Debug,
    B: BodyExt<Error: std::fmt::Debug>,
{
    let request = Request::post(path).header("content-type", "application/json");
    send(app, request.body(body.to_string()).unwrap()).await
}

async fn send<S, B>(app: S, request: Request<String>) -> Answer
where
    S: tower::Service<Request<String>, Response = axum::http::Response<B>>,
    S::Error: std::fmt::Debug,
    B: BodyExt<Error: std::fmt::Debug>,
{
    let response = app.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer { status, body }
}

/// Sends a request to routes of actix-web.
pub async fn actix(routes: impl FnOnce(&mut ServiceConfig), request: TestRequest) -> Answer {
    let app = init_service(App::new().configure(routes)).await;
    let response = match app.call(request.to_request()).await {
        Ok(response) => response.into_parts().1,
        Err(error) => error.error_response(),
    };
    let status = response.status().as_u16();
    let body = body::to_bytes(response.into_body()).await;
    let body = String::from_utf8(body.ok().unwrap().to_vec()).unwrap();
    Answer { status, body }
}

/// Returns the claims of a token, unchecked.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
