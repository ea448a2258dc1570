//! Sessions, and their routes in both frameworks.

use std::io::Error;

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
}

#[derive(serde::Serialize)]
struct User {
    role: &'static str,
}

async fn check(login: Login) -> Result<Option<countersign::session::Identity<User>>, Error> {
    match login.password.as_str() {
        "correct horse" => find(&login.name).await,
        _ => Ok(None),
    }
}

async fn find(name: &str) -> Result<Option<countersign::session::Identity<User>>, Error> {
    Ok((name == "ada").then(|| countersign::session::Identity::new(name, User { role: "admin" })))
}

fn app(issuer: countersign::Issuer) -> Result<axum::Router, Box<dyn std::error::Error>> {
    use countersign::{AuthCookies, MemoryStore, SessionRoutes, Sessions, session::{Identity, SignIn}};

    async fn sign_in(question: SignIn<Login>) -> Result<Option<Identity<User>>, Error> {
        match question {
            SignIn::Credentials(login) => check(login).await,             // a login: is the password right?
            SignIn::Refresh(session) => find(session.subject()).await,    // a refresh: still a user, and with what rights?
        }
    }

    let sessions = Sessions::builder(issuer, MemoryStore::new()).build()?;
    let routes = SessionRoutes::cookies(sessions.clone(), AuthCookies::new(), sign_in)?;
    let verifier = sessions.verifier();                     // refuses the tokens of sessions that have ended
    let app = axum::Router::new().nest_service("/session", countersign_tower::session_routes(routes.clone()));
    let app_of_actix = actix_web::App::new().service(countersign_actix::session_routes("/session", routes));
    drop((verifier, app_of_actix));
    Ok(app)
}

#[tokio::test]
async fn somebody_logs_in_and_gets_cookies() {
    use axum::{body::Body, http::Request};
    use countersign::{Issuer, SigningKey};
    use tower::ServiceExt;

    let key = SigningKey::generate_ed25519().unwrap();
    let issuer = Issuer::builder("https://id.example", key).audience("orders");
    let app = app(issuer.build().unwrap()).unwrap();
    for (password, status, cookies) in [("correct horse", 200, true), ("battery", 401, false)] {
        let login = serde_json::json!({ "name": "ada", "password": password }).to_string();
        let request = Request::post("/session/login").header("content-type", "application/json");
        let answer = app.clone().oneshot(request.body(Body::from(login)).unwrap()).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().contains_key("set-cookie"), cookies);
    }
}
