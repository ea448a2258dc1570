//! The app before: `openidconnect` logs users in, and the API takes the ID token.

use std::{error::Error, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use axum_extra::{
    TypedHeader,
    headers::{Authorization, authorization::Bearer},
};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreProviderMetadata},
    reqwest,
    url::Url,
};

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
            .set_pkce_verifier(pending.verifier)
            .request_async(&self.http)
            .await?;
        let id_token = tokens.id_token().ok_or("no ID token")?;
        id_token.claims(&self.oidc.id_token_verifier(), &pending.nonce)?;
        Ok(id_token.to_string())
    }
}

pub fn api(client: Client) -> Router {
    Router::new().route("/me", get(me)).with_state(client)
}

pub async fn me(
    State(client): State<Client>,
    TypedHeader(Authorization(bearer)): TypedHeader<Authorization<Bearer>>,
) -> Result<String, StatusCode> {
    let token: CoreIdToken = bearer
        .token()
        .parse()
        .map_err(|_| StatusCode::UNAUTHORIZED)?;
    let claims = token
        .claims(&client.oidc.id_token_verifier(), |_: Option<&Nonce>| Ok(()))
        .map_err(|_| StatusCode::UNAUTHORIZED)?;
    Ok(claims.subject().to_string())
}
