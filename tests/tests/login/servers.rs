//! Both login servers, and requests to them.

use std::{process::Command, sync::LazyLock};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign_tests::{
    Answer, Request,
    programs::Programs,
    server::{Body, Connection, Server},
};
use serde_json::{Value, json};

pub(crate) const PROGRAMS: [&str; 2] = ["login-axum", "login-actix"];
pub(crate) const SECRET: &str = "an example secret of 32 bytes or more";

pub(crate) fn command(program: &str) -> Command {
    static BUILT: LazyLock<Programs> = LazyLock::new(|| Programs::build(&["login"]));
    let mut command = BUILT.command(program);
    command.args(["--drain", "0"]);
    command
}

/// Starts a server with a store in memory.
pub(crate) fn start(program: &str) -> Server {
    Server::start(command(program).args(["--store", "memory"]))
}

/// Sends a JSON body.
pub(crate) fn post(server: &Server, path: &str, body: &Value) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    server.send(&request, Body::Sized(body.to_string().as_bytes()))
}

pub(crate) fn log_in(server: &Server) -> Pair {
    let login = json!({ "email": "user@example.com", "password": "password123" });
    Pair::of(&post(server, "/token/login", &login))
}

pub(crate) fn refresh(server: &Server, token: &str) -> Answer {
    post(server, "/token/refresh", &json!({ "refresh_token": token }))
}

pub(crate) fn profile(server: &Server, access: &str) -> Answer {
    get(server, "/api/profile", access)
}

/// Calls a route for the operator, of a server that was started with `--admin`.
pub(crate) fn ask(server: &Server, path: &str) -> Answer {
    let address = server.announced("admin on http://").unwrap();
    let mut connection = Connection::open(address.parse().unwrap());
    connection.send(&Request::get().target(path), Body::None)
}

pub(crate) fn readiness(server: &Server) -> Answer {
    let answer = ask(server, "/readyz");
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["ready"], answer.status == 200, "{answer:?}");
    answer
}

/// Calls a protected route.
pub(crate) fn get(server: &Server, path: &str, access: &str) -> Answer {
    server.send(&Request::bearer(access).target(path), Body::None)
}

pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Pair {
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    /// Returns the claims of the access token.
    pub(crate) fn claims(&self) -> Value {
        let payload = self.access.split('.').nth(1).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    }
}
