//! Requests to the login example.

use countersign_tests::Request;
use serde_json::json;

use crate::account::Session;

pub(crate) fn login(email: &str, password: &str) -> Request {
    let body = json!({ "email": email, "password": password }).to_string();
    Request::post("/token/login").json(body)
}

pub(crate) fn refresh(token: &str) -> Request {
    let body = json!({ "refresh_token": token }).to_string();
    Request::post("/token/refresh").json(body)
}

pub(crate) fn log_out(token: &str) -> Request {
    let body = json!({ "refresh_token": token }).to_string();
    Request::post("/token/logout").json(body)
}

pub(crate) fn api(path: &str, session: &Session) -> Request {
    Request::bearer(&session.access).target(path)
}
