//! The real OpenID provider: npm `oidc-provider`, controlled over a second port.

use std::{
    env,
    io::{Write, stderr},
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use countersign::Algorithm;
use countersign_tests::{
    Request,
    server::{Body, Connection, Server},
};
use serde_json::Value;

/// The algorithms with which the provider signs.
pub(crate) const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];

/// The subject of its tokens: the client that asks for them.
pub(crate) const CLIENT: &str = "client";

/// Returns the service that a token is for. Its host names the algorithm.
pub(crate) fn audience(algorithm: Algorithm) -> String {
    resource(algorithm, "api.example")
}

/// A running provider, in a process of its own.
pub(crate) struct Provider {
    server: Server,
    control: SocketAddr,
}

/// A token, and its lifetime.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) lifetime: Duration,
}

impl Provider {
    /// Starts a provider, if it is installed.
    pub(crate) fn start(what: &str) -> Option<Self> {
        let Some(folder) = env::var_os("COUNTERSIGN_OIDC").map(PathBuf::from) else {
            let _ = writeln!(stderr(), "left out: {what}: COUNTERSIGN_OIDC is not set");
            return None;
        };
        let node = env::var_os("COUNTERSIGN_NODE").unwrap_or_else(|| "node".into());
        let server = Server::start(Command::new(node).arg(folder.join("provider.mjs")));
        let line = server.line();
        let control = line
            .as_deref()
            .and_then(|line| line.strip_prefix("controlled on http://")?.parse().ok());
        let control = control.expect("the provider says where it is steered");
        Some(Self { server, control })
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.server.address())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Sends it one of the commands of `provider.mjs`.
    pub(crate) fn order(&self, command: &str) -> Value {
        let request = Request::post(&format!("/{command}"));
        let answer = Connection::open(self.control).send(&request, Body::None);
        assert_eq!(answer.status, 200, "{command}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Returns the number of fetches of the keys.
    pub(crate) fn fetches(&self) -> u64 {
        self.order("fetches")["keys"].as_u64().unwrap()
    }

    /// Returns a token for [`audience`] of this algorithm.
    pub(crate) fn token(&self, algorithm: Algorithm) -> Token {
        self.token_for(&audience(algorithm))
    }

    /// Returns a token for a resource whose host begins with the name of an algorithm (RFC 8707).
    pub(crate) fn token_for(&self, resource: &str) -> Token {
        let form = format!("grant_type=client_credentials&scope=read&resource={resource}");
        let basic = STANDARD.encode(format!("{CLIENT}:secret"));
        let request = Request::post("/token")
            .header("authorization", format!("Basic {basic}"))
            .header("content-type", "application/x-www-form-urlencoded");
        let answer = self.server.send(&request, Body::Sized(form.as_bytes()));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        Token {
            text: body["access_token"].as_str().unwrap().to_owned(),
            lifetime: Duration::from_secs(body["expires_in"].as_u64().unwrap()),
        }
    }
}

/// Returns a resource of this provider.
pub(crate) fn resource(algorithm: Algorithm, domain: &str) -> String {
    format!("https://{}.{domain}", algorithm.name().to_lowercase())
}
