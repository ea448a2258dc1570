//! A client of plain HTTP/1.0, which knows no chunks, and session routes to ask.

#![allow(clippy::unwrap_used, dead_code)] // helpers of tests can panic too, and not every test needs all

use std::{io, net::SocketAddr};

use countersign::{
    Issuer, MemoryStore, SessionRoutes, Sessions, SigningKey,
    session::{Identity, SignIn},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The answer to one request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Returns the first header of this name, given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Sends one request over a connection of its own. `head` has further lines of the head.
pub(crate) async fn send(server: SocketAddr, line: &str, head: &[&str], body: &str) -> Answer {
    let mut connection = TcpStream::connect(server).await.unwrap();
    let mut request = format!("{line} HTTP/1.0\r\nhost: {server}\r\n");
    for line in head {
        request += &format!("{line}\r\n");
    }
    request += &format!("content-length: {}\r\n\r\n{body}", body.len());
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Logs in at `/session/login`.
pub(crate) async fn log_in(server: SocketAddr, password: &str, head: &[&str]) -> Answer {
    log_in_at(server, "/session/login", password, head).await
}

/// Logs in at another path.
pub(crate) async fn log_in_at(
    server: SocketAddr,
    path: &str,
    password: &str,
    head: &[&str],
) -> Answer {
    let head = [&["content-type: application/json"], head].concat();
    let body = format!(r#"{{"email":"ada","password":"{password}"}}"#);
    send(server, &format!("POST {path}"), &head, &body).await
}

#[derive(serde::Deserialize)]
struct Login {
    email: String,
    password: String,
}

#[derive(serde::Serialize)]
struct User {
    role: &'static str,
}

async fn sign_in(question: SignIn<Login>) -> io::Result<Option<Identity<User>>> {
    let known = match question {
        SignIn::Credentials(login) => login.email == "ada" && login.password == "engine",
        SignIn::Refresh(session) => session.subject() == "ada",
    };
    Ok(known.then(|| Identity::new("ada", User { role: "admin" })))
}

/// Session routes at which `ada` logs in with `engine`.
pub(crate) fn session_routes() -> SessionRoutes {
    SessionRoutes::json(sessions(), sign_in)
}

fn sessions() -> Sessions {
    let key = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://id.example", key).audience("app");
    let issuer = issuer.build().unwrap();
    Sessions::builder(issuer, MemoryStore::new())
        .build()
        .unwrap()
}
