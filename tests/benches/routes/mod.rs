//! The routes that the benchmarks of the adapters compare: bare, ours, and written by hand.

#![allow(dead_code, unreachable_pub)] // each benchmark uses a part of it

pub mod actix;
pub mod axum;
pub mod service;

use std::sync::Arc;

use countersign::{Algorithm, TokenCache, Verifier, VerifierBuilder};
use jsonwebtoken::decode;

use crate::case::{Case, Claims};

/// The paths of the routes, the same in both frameworks.
pub const BARE: &str = "/bare";
pub const BY_HAND: &str = "/by-hand";
pub const OURS: &str = "/ours";
pub const CACHED: &str = "/cached";

/// The answer of all routes.
pub const ANSWER: &str = "come in";

/// One algorithm, and the setup of both libraries for it.
pub struct Setup {
    pub case: Case,
    pub verifier: Verifier,
    /// The verifier with a cache.
    pub cached: Verifier,
}

impl Setup {
    pub fn new(algorithm: Algorithm) -> Arc<Self> {
        let case = Case::new(algorithm);
        let build = |verifier: VerifierBuilder| verifier.build().expect("complete settings");
        Arc::new(Self {
            verifier: build(case.verifier()),
            cached: build(case.verifier().cache(TokenCache::new())),
            case,
        })
    }

    /// Returns the value of `Authorization`.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.case.token)
    }

    /// Verifies as code written by hand would: the header, one scheme, `jsonwebtoken`.
    pub fn by_hand(&self, authorization: Option<&str>) -> Option<Arc<Claims>> {
        let token = authorization?.strip_prefix("Bearer ")?;
        let data = decode::<Claims>(token, &self.case.decoding, &self.case.validation);
        Some(Arc::new(data.ok()?.claims))
    }
}

/// The headers that a client sends besides its token.
pub const HEADERS: [(&str, &str); 3] = [
    ("host", "api.example"),
    ("user-agent", "example/1.0"),
    ("accept", "application/json"),
];
