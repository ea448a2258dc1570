//! A provider that fails on command, and a verifier that takes its keys from there.

use axum::Router;
use countersign::{
    RemoteKeys, Verifier,
    testing::{JwksServer, TestIssuer},
};
use countersign_tower::JwtAuthLayer;
use http::{Request, Response, StatusCode};
use tower::ServiceExt;

/// A provider, and a source of keys that has just started.
pub(crate) struct Bed {
    pub(crate) server: JwksServer,
    pub(crate) keys: RemoteKeys,
    pub(crate) verifier: Verifier,
    issuer: TestIssuer,
}

impl Bed {
    /// Starts a provider, and a source of its keys on the runtime of the caller.
    pub(crate) fn start() -> Self {
        Self::on(JwksServer::start())
    }

    /// Starts a source of the keys of this provider.
    pub(crate) fn on(server: JwksServer) -> Self {
        let issuer = TestIssuer::new();
        let keys = RemoteKeys::discover(server.issuer()).build().unwrap();
        let verifier = Verifier::builder(keys.clone())
            .issuer(server.issuer())
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .build();
        Self {
            verifier: verifier.unwrap(),
            server,
            keys,
            issuer,
        }
    }

    /// Returns a good token, signed with the provider's newest key.
    pub(crate) fn token(&self) -> String {
        let token = self.issuer.token().issuer(&self.server.issuer());
        token.signed_by(&self.server.key())
    }

    /// Returns such a token, naming another key.
    pub(crate) fn token_naming(&self, id: &str) -> String {
        let token = self.issuer.token().issuer(&self.server.issuer());
        token.header("kid", id).signed_by(&self.server.key())
    }

    /// Returns a route behind axum's layer.
    pub(crate) fn axum(&self) -> Router {
        Router::new()
            .fallback(async || StatusCode::OK)
            .layer(JwtAuthLayer::new(self.verifier.clone()))
    }

    /// Returns the number of fetches of the keys.
    pub(crate) fn fetches(&self) -> usize {
        self.server.requests(JwksServer::JWKS)
    }
}

/// Sends a request with this token to axum.
pub(crate) async fn answer(app: &Router, token: &str) -> Response<axum::body::Body> {
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    let request = request.body(axum::body::Body::empty()).unwrap();
    let Ok(response) = app.clone().oneshot(request).await;
    response
}

/// Sends a request with this token to axum, and returns the status.
pub(crate) async fn status(app: &Router, token: &str) -> u16 {
    answer(app, token).await.status().as_u16()
}
