//! The four servers, and requests that they accept and refuse.

use std::{fs, process::Command, sync::LazyLock};

use countersign::{Clock, SigningKey, SystemClock, testing::sign_raw};
use countersign_tests::{
    Answer, Request,
    programs::Programs,
    server::{Body, Connection, Server},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// One of the programs on one of the frameworks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Api(&'static str),
    Login(&'static str),
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [
        Self::Api("axum"),
        Self::Api("actix"),
        Self::Login("axum"),
        Self::Login("actix"),
    ];

    pub(crate) fn framework(self) -> &'static str {
        match self {
            Self::Api(framework) | Self::Login(framework) => framework,
        }
    }
}

pub(crate) fn programs() -> &'static Programs {
    static BUILT: LazyLock<Programs> =
        LazyLock::new(|| Programs::build(&["login", "resource-server"]));
    &BUILT
}

/// The files of a server, and the key of its issuer.
pub(crate) struct Bed {
    kind: Kind,
    folder: TempDir,
    key: SigningKey,
}

impl Bed {
    pub(crate) fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::generate_ed25519().unwrap();
        let jwk = key.verifying_key().to_jwk().unwrap();
        let keys = format!(r#"{{"keys":[{jwk}]}}"#);
        fs::write(folder.path().join("keys.json"), keys).unwrap();
        let text = format!(
            "framework = {:?}\n[[issuers]]\nissuer = \"https://id.example\"\naudience = \"shop\"\n\
             keys = {{ jwks_file = \"keys.json\" }}\n",
            kind.framework()
        );
        fs::write(folder.path().join("api.toml"), text).unwrap();
        Self { kind, folder, key }
    }

    /// Returns the command that starts it, without `--drain` and `--listen`.
    pub(crate) fn command(&self) -> Command {
        self.wrapped(|command| command)
    }

    /// Returns it as the arguments of another command.
    pub(crate) fn wrapped(&self, wrap: impl FnOnce(Command) -> Command) -> Command {
        let mut command = match self.kind {
            Kind::Api(_) => wrap(programs().command("resource-server")),
            Kind::Login(framework) => wrap(programs().command(&format!("login-{framework}"))),
        };
        match self.kind {
            Kind::Api(_) => command
                .arg("--config")
                .arg(self.folder.path().join("api.toml")),
            Kind::Login(_) => command.args(["--store", "memory", "--ttl", "3600"]),
        };
        command.args(["--admin", "127.0.0.1:0"]);
        command
    }

    /// Returns a request that the server accepts.
    pub(crate) fn good(&self, server: &Server) -> Request {
        match self.kind {
            Kind::Api(_) => {
                let claims = json!({
                    "iss": "https://id.example",
                    "aud": "shop",
                    "sub": "ada",
                    "exp": SystemClock.now() + 300,
                });
                let header = r#"{"alg":"EdDSA","typ":"at+jwt"}"#;
                let token = sign_raw(&self.key, header, claims.to_string().as_bytes());
                Request::bearer(&token).target("/v1/me")
            }
            Kind::Login(_) => {
                let login = br#"{"email":"user@example.com","password":"password123"}"#;
                let request =
                    Request::post("/token/login").header("content-type", "application/json");
                let answer = server.send(&request, Body::Sized(login));
                let body: Value = serde_json::from_str(&answer.body).unwrap();
                let token = body["access_token"].as_str().unwrap();
                Request::bearer(token).target("/api/profile")
            }
        }
    }

    /// Returns requests that the server refuses, for several reasons.
    pub(crate) fn bad(&self) -> Vec<Request> {
        let path = match self.kind {
            Kind::Api(_) => "/v1/me",
            Kind::Login(_) => "/api/profile",
        };
        let claims = json!({ "iss": "https://id.example", "aud": "shop", "sub": "ada", "exp": 1 });
        let expired = sign_raw(
            &self.key,
            r#"{"alg":"EdDSA","typ":"at+jwt"}"#,
            claims.to_string().as_bytes(),
        );
        let tokens = ["a.b.c", "x", "eyJhbGciOiJub25lIn0.e30.", &expired];
        let requests = tokens.map(|token| Request::bearer(token).target(path));
        let mut requests = requests.to_vec();
        requests.push(Request::get().target(path));
        requests.push(
            Request::bearer("a.b.c")
                .target(path)
                .header("authorization", "Bearer x"),
        );
        requests
    }
}

/// Calls a route for the operator.
pub(crate) fn ask(server: &Server, path: &str) -> Answer {
    let address = server.announced("admin on http://").unwrap();
    let mut connection = Connection::open(address.parse().unwrap());
    connection.send(&Request::get().target(path), Body::None)
}

/// Returns a number in `/metrics`; 0 when it is not there.
pub(crate) fn metric(server: &Server, name: &str) -> u64 {
    let text = ask(server, "/metrics").body;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let value = lines.find_map(|rest| rest.trim().parse().ok());
    value.unwrap_or(0)
}
