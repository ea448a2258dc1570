//! Four lines protect a route with actix-web.

use actix_web::{App, HttpServer, get};
use countersign::{Key, Verifier};
use countersign_actix::{Claims, JwtAuth};

#[get("/me")]
async fn me(Claims(user): Claims<User>) -> String {
    format!("{} is {}", user.sub, user.role)
}

async fn serve(secret: &str) -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::builder(Key::hs256(secret)?)
        .issuer("https://id.example").audience("orders").build()?;
    let app = move || App::new().wrap(JwtAuth::new(verifier.clone())).service(me);
    Ok(HttpServer::new(app).bind("127.0.0.1:3000")?.run().await?)
}

#[derive(serde::Deserialize)]
struct User { sub: String, role: String }

/// A weak secret, so that nothing is served here.
#[actix_web::test]
async fn a_weak_secret_is_refused_before_anything_is_served() {
    assert!(serve("secret").await.unwrap_err().to_string().contains("weak key"));
}
