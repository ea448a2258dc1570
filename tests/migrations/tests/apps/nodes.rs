//! The nodes of an app that issues its own tokens.

use std::rc::Rc;

use actix_web::{
    http::header::AUTHORIZATION,
    test::TestRequest,
    web::{Data, ServiceConfig},
};
use axum::{
    Router,
    routing::{get, post},
};
use countersign::{Issuer, Issuers};
use countersign_migrations::{new, old};
use countersign_tower::JwtAuthLayer;
use serde_json::json;

use crate::wire::{self, Answer};

/// A node, of either framework, before or after.
pub enum Node {
    Actix(Rc<dyn Fn(&mut ServiceConfig)>),
    Axum(Router),
}

impl Node {
    pub fn old_axum() -> Self {
        Self::Axum(old::axum::app())
    }

    pub fn new_axum(issuers: Issuers, issuer: Issuer) -> Self {
        Self::Axum(new::axum::app(issuers, issuer))
    }

    /// The new routes, with the login of the old app.
    pub fn new_axum_with_the_old_login(issuers: Issuers) -> Self {
        let app = Router::new()
            .route("/protected", get(new::axum::protected))
            .route_layer(JwtAuthLayer::new(issuers))
            .route("/authorize", post(old::axum::authorize));
        Self::Axum(app)
    }

    pub fn old_actix(secret: &[u8]) -> Self {
        let keys = Data::new(old::actix::Keys::new(secret).unwrap());
        Self::Actix(Rc::new(move |config| {
            old::actix::routes(config, keys.clone());
        }))
    }

    pub fn new_actix(issuers: Issuers, issuer: Issuer) -> Self {
        let issuer = Data::new(issuer);
        Self::Actix(Rc::new(move |config| {
            new::actix::routes(config, issuers.clone(), issuer.clone());
        }))
    }

    /// Logs the only user in, and returns the token.
    pub async fn log_in(&self) -> String {
        let answer = match self {
            Self::Axum(app) => {
                let body = json!({ "client_id": "foo", "client_secret": "bar" });
                wire::post(app.clone(), "/authorize", &body).await
            }
            Self::Actix(routes) => {
                let body = json!({ "name": "ada", "password": "1815" });
                let request = TestRequest::post().uri("/login").set_json(body);
                wire::actix(&**routes, request).await
            }
        };
        answer.token()
    }

    /// Asks for the protected route.
    pub async fn visit(&self, token: Option<&str>) -> Answer {
        match self {
            Self::Axum(app) => wire::get(app.clone(), "/protected", token).await,
            Self::Actix(routes) => {
                let mut request = TestRequest::get().uri("/me");
                if let Some(token) = token {
                    request = request.append_header((AUTHORIZATION, format!("Bearer {token}")));
                }
                wire::actix(&**routes, request).await
            }
        }
    }
}
