//! Tests of tokens that are bound to a key or a certificate, and of what senders prove.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod certificates;
mod nonces;
mod proofs;
mod replay;
mod sessions;
mod settings;
mod vectors;

use std::time::Duration;

use countersign::{
    AuthError, Authenticator, VerifiedToken,
    adapter::RequestHead,
    proof::{ClientCertificate, Dpop, DpopBuilder, MemoryReplayStore, ProofMode},
    testing::{ProofKey, TestIssuer},
};
use futures_executor::block_on;

const URL: &str = "https://api.test/v1/me";

/// A request.
#[derive(Clone)]
struct Head {
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    certificate: Option<ClientCertificate>,
}

impl Head {
    fn new() -> Self {
        Self {
            method: "GET",
            path: "/v1/me",
            headers: Vec::new(),
            certificate: None,
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn dpop(token: &str, proof: impl Into<String>) -> Self {
        Self::new()
            .with("authorization", format!("DPoP {token}"))
            .with("dpop", proof)
    }

    fn bearer(token: &str) -> Self {
        Self::new().with("authorization", format!("Bearer {token}"))
    }
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        self.path
    }

    fn query(&self) -> Option<&str> {
        Some("page=2")
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        for (own, value) in &self.headers {
            if *own == name {
                visit(value.as_bytes());
            }
        }
    }

    fn client_certificate(&self) -> Option<ClientCertificate> {
        self.certificate
    }
}

/// An issuer, and a client of it.
struct World {
    issuer: TestIssuer,
    client: ProofKey,
}

impl World {
    fn new() -> Self {
        let issuer = TestIssuer::new();
        let client = ProofKey::new(issuer.clock());
        Self { issuer, client }
    }

    /// A token that is bound to the client.
    fn token(&self) -> String {
        self.issuer.token().claim("cnf", self.client.cnf()).sign()
    }

    fn authenticator(&self) -> Authenticator {
        self.authenticator_with(|dpop| dpop)
    }

    fn authenticator_with(
        &self,
        settings: impl FnOnce(DpopBuilder) -> DpopBuilder,
    ) -> Authenticator {
        let dpop = Dpop::builder()
            .external_url("https://api.test")
            .replay(MemoryReplayStore::new());
        Authenticator::new(self.issuer.verifier()).dpop(settings(dpop).build().unwrap())
    }

    fn now(&self) -> i64 {
        use countersign::Clock;
        self.issuer.clock().now()
    }

    fn pass(&self, seconds: u64) {
        self.issuer.clock().advance(Duration::from_secs(seconds));
    }
}

fn check(authenticator: &Authenticator, head: &Head) -> Result<VerifiedToken, AuthError> {
    block_on(authenticator.check(head)).map(Option::unwrap)
}

fn reason(authenticator: &Authenticator, head: &Head) -> &'static str {
    check(authenticator, head).map_or_else(|error| error.reason(), |_| "accepted")
}

/// Returns what an error says to the one who runs the service.
fn cause(error: &AuthError) -> String {
    std::error::Error::source(error).map_or_else(String::new, ToString::to_string)
}

fn allowed(dpop: DpopBuilder) -> DpopBuilder {
    dpop.mode(ProofMode::Allowed)
}
