//! The deployments of the guides `migrating` and `from_jsonwebtoken`.

use std::time::Duration;

use countersign::{ConfigError, Issuer, Issuers, Key, SigningKey, SigningKeys, Verifier};

use crate::new::openidconnect::API;

const NAME: &str = "https://id.example";

/// The old tokens: by the old secret, for anybody, from anybody.
pub fn old_verifier(old: Key) -> Result<Verifier, ConfigError> {
    Verifier::builder(old)
        .any_issuer()
        .any_audience()
        .accept_numeric_subject()
        .leeway(Duration::from_secs(60)) // the default of `jsonwebtoken`
        .build()
}

/// Deployments 1 and 2.
pub fn both(new: &Issuer, old: Key) -> Result<Issuers, ConfigError> {
    Issuers::new([new.verifier()])?.with_fallback(old_verifier(old)?)
}

/// Makes the issuer of deployment 1.
pub fn old_issuer(secret: &[u8]) -> Result<Issuer, ConfigError> {
    Issuer::builder("old", SigningKey::hs256(secret)?)
        .without_audience()
        .numeric_subjects()
        .build()
}

/// Makes the issuer of deployments 2 and 3. The key is published, or shared, from deployment 1 on.
pub fn new_issuer(keys: SigningKeys) -> Result<Issuer, ConfigError> {
    Issuer::builder(NAME, keys).audience("orders").build()
}

/// Deployment 3.
pub fn strict(new: &Issuer) -> Issuers {
    new.verifier().into()
}

/// From ID tokens to access tokens: an API that takes both.
pub async fn id_or_access_tokens(provider: &str, client: &str) -> Result<Verifier, ConfigError> {
    Verifier::discover(provider)
        .audience(API)
        .audience(client)
        .build()
        .await
}
