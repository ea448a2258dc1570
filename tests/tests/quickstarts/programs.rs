//! The two programs: building and starting them, logging in.

use std::{process::Command, sync::LazyLock};

use countersign_tests::{
    Answer, Request,
    programs::Programs,
    server::{Body, Server},
};
use serde_json::{Value, json};

pub(crate) const PROGRAMS: [&str; 2] = ["quickstart-axum", "quickstart-actix"];
pub(crate) const SECRET: &str = "an example secret of 32 bytes or more";
pub(crate) const USER: &str = "user@example.com";
pub(crate) const ADMIN: &str = "admin@example.com";
pub(crate) const PASSWORD: &str = "password123";

/// Both servers, with the same secret.
pub(crate) struct Pair(pub(crate) [Server; 2]);

impl Pair {
    pub(crate) fn start() -> Self {
        Self(PROGRAMS.map(|program| Server::start(command(program).env("JWT_SECRET", SECRET))))
    }

    /// Sends a request to both, and checks that the answers are equal.
    #[track_caller]
    pub(crate) fn send(&self, request: &Request, body: Body<'_>) -> Answer {
        let [axum, actix] = self.0.each_ref().map(|server| server.send(request, body));
        assert_eq!(axum, actix, "axum and actix-web");
        axum
    }

    /// Returns a token that both accept.
    pub(crate) fn token(&self, email: &str) -> String {
        log_in(&self.0[0], email)
    }
}

#[track_caller]
pub(crate) fn log_in(server: &Server, email: &str) -> String {
    let answer = server.send(&json_login(), Body::Sized(&credentials(email, PASSWORD)));
    assert_eq!(answer.status, 200, "{answer:?}");
    let media_type = answer.content_type.as_deref();
    assert_eq!(media_type, Some("application/json"));
    body(&answer)["token"].as_str().unwrap().to_owned()
}

pub(crate) fn json_login() -> Request {
    let request = Request::get().method("POST").target("/login");
    request.header("content-type", "application/json")
}

pub(crate) fn credentials(email: &str, password: &str) -> Vec<u8> {
    let login = json!({ "email": email, "password": password });
    login.to_string().into_bytes()
}

/// Returns an HS256 token with a wrong signature of the right length.
pub(crate) fn forge(token: &str, n: usize) -> String {
    let (signed, _) = token.rsplit_once('.').unwrap();
    format!("{signed}.{n:A>42}A")
}

pub(crate) fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

pub(crate) fn command(program: &str) -> Command {
    static BUILT: LazyLock<Programs> = LazyLock::new(|| Programs::build(&PROGRAMS));
    BUILT.command(program)
}
