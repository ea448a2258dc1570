//! Tests of API keys beside sessions, as the guide `api_keys` sets them up.

use actix_web::{App, rt::System, test as harness};
use axum::{Router, body::Body};
use countersign::MemoryStore;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{bed::sessions, guide};

const PEPPER: &[u8] = b"a pepper of the tests, 32 bytes or more";
const LOGIN: (&str, &str) = ("POST", "/session/login");
const CREATE: (&str, &str) = ("POST", "/session/api-keys");

/// An app: takes a method and a path, a bearer token and a body, and answers with status and text.
type Ask<'a> = &'a dyn Fn((&str, &str), &str, &Value) -> (u16, String);

/// Logs in, makes a key, uses it and ends it.
fn try_out(ask: Ask<'_>) {
    let parsed = |(_, text): (u16, String)| serde_json::from_str::<Value>(&text).unwrap();
    let login = parsed(ask(
        LOGIN,
        "",
        &json!({ "name": "ada", "password": "engine" }),
    ));
    let token = login["access_token"].as_str().unwrap();
    let made = parsed(ask(CREATE, token, &json!({ "label": "CI" })));
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());

    let orders = |credential: &str| ask(("GET", "/orders"), credential, &Value::Null);
    for credential in [token, key] {
        assert_eq!(orders(credential), (200, "ada".to_owned()));
    }
    // A key makes no keys, and ends none.
    assert_eq!(ask(CREATE, key, &json!({ "label": "CI" })).0, 401);
    let end = format!("/session/api-keys/{id}");
    assert_eq!(ask(("DELETE", &end), key, &Value::Null).0, 401);
    assert_eq!(ask(("DELETE", &end), token, &Value::Null).0, 204);
    assert_eq!(orders(key).0, 401);
    assert_eq!(orders(token).0, 200);
}

#[test]
fn a_user_of_the_app_on_axum_makes_a_key_and_ends_it() {
    let app = guide::api_keys::with_api_keys(sessions(), MemoryStore::new(), PEPPER).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    try_out(&|(method, path), token, body| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        runtime.block_on(answered(app.clone(), request))
    });
}

async fn answered(app: Router, request: Request<Body>) -> (u16, String) {
    let response = app.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn a_user_of_the_app_on_actix_web_makes_a_key_and_ends_it() {
    let (sessions, store) = (sessions(), MemoryStore::new());
    let system = System::new();
    try_out(&|(method, path), token, body| {
        let (sessions, store) = (sessions.clone(), store.clone());
        let app = guide::api_keys_actix::with_api_keys(sessions, store, PEPPER).unwrap();
        system.block_on(async {
            let app = harness::init_service(App::new().service(app)).await;
            let request = harness::TestRequest::with_uri(path)
                .method(method.parse().unwrap())
                .insert_header(("authorization", format!("Bearer {token}")))
                .insert_header(("content-type", "application/json"))
                .set_payload(body.to_string());
            match harness::try_call_service(&app, request.to_request()).await {
                Ok(response) => {
                    let status = response.status().as_u16();
                    let body = harness::read_body(response).await;
                    (status, String::from_utf8(body.to_vec()).unwrap())
                }
                Err(error) => (
                    error.as_response_error().status_code().as_u16(),
                    String::new(),
                ),
            }
        })
    });
}
