//! The app after: `openidconnect` goes on to log users in, and the API takes the access token.

use std::{error::Error, sync::Arc};

use axum::{Router, routing::get};
use countersign::{ConfigError, Verifier};
use countersign_tower::{Claims, JwtAuthLayer};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata},
    reqwest,
    url::Url,
};
use serde::Deserialize;

pub const API: &str = "https://es256.orders.example";

type OidcClient = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

#[derive(Clone)]
pub struct Client {
    oidc: Arc<OidcClient>,
    http: reqwest::Client,
}

/// What is kept for a user who is at the provider.
pub struct Pending {
    pub state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

impl Client {
    pub async fn discover(provider: &str, redirect: &str) -> Result<Self, Box<dyn Error>> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let provider = IssuerUrl::new(provider.to_owned())?;
        let metadata = CoreProviderMetadata::discover_async(provider, &http).await?;
        let id = ClientId::new("web".to_owned());
        let secret = ClientSecret::new("secret".to_owned());
        let oidc = CoreClient::from_provider_metadata(metadata, id, Some(secret))
            .set_redirect_uri(RedirectUrl::new(redirect.to_owned())?);
        let oidc = Arc::new(oidc);
        Ok(Self { oidc, http })
    }

    pub fn start(&self) -> (Url, Pending) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = self
            .oidc
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("read".to_owned()))
            .add_extra_param("resource", API)
            .set_pkce_challenge(challenge)
            .url();
        let pending = Pending {
            state,
            nonce,
            verifier,
        };
        (url, pending)
    }

    pub async fn finish(&self, pending: Pending, code: &str) -> Result<String, Box<dyn Error>> {
        let tokens = self
            .oidc
            .exchange_code(AuthorizationCode::new(code.to_owned()))?
            .add_extra_param("resource", API)
            .set_pkce_verifier(pending.verifier)
            .request_async(&self.http)
            .await?;
        let id_token = tokens.id_token().ok_or("no ID token")?;
        id_token.claims(&self.oidc.id_token_verifier(), &pending.nonce)?;
        Ok(tokens.access_token().secret().clone())
    }
}

#[derive(Deserialize)]
pub struct User {
    sub: String,
}

pub async fn api(provider: &str) -> Result<Router, ConfigError> {
    let verifier = Verifier::discover(provider)
        .audience(API)
        .access_token_profile()
        .build()
        .await?;
    Ok(Router::new()
        .route("/me", get(me))
        .route_layer(JwtAuthLayer::new(verifier)))
}

pub async fn me(Claims(user): Claims<User>) -> String {
    user.sub.clone()
}
