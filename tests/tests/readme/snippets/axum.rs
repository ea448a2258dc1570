//! Four lines protect a route with axum.

use axum::{Router, routing::get};
use countersign::{ConfigError, Key, Verifier};
use countersign_tower::{Claims, JwtAuthLayer};

#[derive(serde::Deserialize)]
struct User { sub: String, role: String }

async fn me(Claims(user): Claims<User>) -> String {
    format!("{} is {}", user.sub, user.role)
}

fn app(secret: &str) -> Result<Router, ConfigError> {
    let verifier = Verifier::builder(Key::hs256(secret)?)
        .issuer("https://id.example").audience("orders").build()?;
    Ok(Router::new().route("/me", get(me)).route_layer(JwtAuthLayer::new(verifier)))
}

#[tokio::test]
async fn it_lets_in_who_has_a_token() {
    use ::axum::{body::Body, http::Request};
    use countersign::{Issuer, SigningKey};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    let secret = "an example secret of 32 bytes or more";
    let issuer = Issuer::builder("https://id.example", SigningKey::hs256(secret).unwrap());
    let issuer = issuer.audience("orders").build().unwrap();
    let claims = serde_json::json!({ "sub": "ada", "role": "admin" });
    let token = issuer.issue(&claims).unwrap();
    let request = Request::get("/me").header("authorization", format!("Bearer {}", token.as_str()));
    let answer = app(secret).unwrap().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "ada is admin");

    let request = Request::get("/me").body(Body::empty()).unwrap();
    let answer = app(secret).unwrap().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 401);
}
