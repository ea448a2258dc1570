//! Tests of opaque tokens: credentials that are no JWT by their form, checked by the app.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod forms;
mod settings;
mod verdicts;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use countersign::{
    AuthError, Authenticator, OpaqueIdentity, OpaqueToken, OpaqueTokenError, OpaqueTokens,
    VerifiedToken, adapter::RequestHead, testing::TestIssuer,
};
use futures_executor::block_on;

/// A request of some headers.
struct Head {
    method: &'static str,
    headers: Vec<(&'static str, Vec<u8>)>,
}

impl Head {
    fn new<V: Into<Vec<u8>>>(headers: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name, value.into()));
        Self {
            method: "GET",
            headers: headers.collect(),
        }
    }

    fn bearer(token: &str) -> Self {
        Self::new([("authorization", format!("Bearer {token}"))])
    }

    fn and(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &'static str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        Some("orders.test")
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        for (own, value) in &self.headers {
            if *own == name {
                visit(value);
            }
        }
    }
}

/// A check that knows one key, and counts its questions.
#[derive(Clone, Default)]
struct Keys(Arc<AtomicUsize>);

const KEY: &str = "sk_ada";

impl Keys {
    fn prefixed(&self) -> OpaqueTokens {
        OpaqueTokens::prefixed("sk_", self.check()).name("api_key")
    }

    fn in_header(&self) -> OpaqueTokens {
        OpaqueTokens::in_header("X-API-Key", self.check()).name("api_key")
    }

    fn check(
        &self,
    ) -> impl Fn(OpaqueToken) -> std::future::Ready<Result<OpaqueIdentity, OpaqueTokenError>> + use<>
    {
        let asked = Arc::clone(&self.0);
        move |token| {
            asked.fetch_add(1, Ordering::Relaxed);
            std::future::ready(match token.as_str() {
                KEY => Ok(OpaqueIdentity::new("ada").scopes(["orders:read"])),
                _ => Err(OpaqueTokenError::unauthorized("no such key")),
            })
        }
    }

    /// Returns how often it was asked since the last question.
    fn asked(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn both(issuer: &TestIssuer, keys: &Keys) -> Authenticator {
    Authenticator::new(issuer.verifier())
        .opaque_tokens(keys.prefixed())
        .and_then(|authenticator| authenticator.opaque_tokens(keys.in_header()))
        .unwrap()
}

fn check(authenticator: &Authenticator, head: &Head) -> Result<Option<VerifiedToken>, AuthError> {
    block_on(authenticator.check(head))
}

/// Returns the subject, or the status and the reason of the refusal.
fn verdict(authenticator: &Authenticator, head: &Head) -> Result<String, (u16, &'static str)> {
    match check(authenticator, head) {
        Ok(token) => Ok(token.map_or_else(
            || "anonymous".to_owned(),
            |token| token.subject().unwrap_or_default().to_owned(),
        )),
        Err(error) => Err((error.kind().status(), error.reason())),
    }
}
