//! Tokens of an identity provider. None is asked here.

#[allow(dead_code, unused_variables)] // the same name twice, for two ways to the same
async fn with_a_provider() -> Result<countersign::Verifier, countersign::ConfigError> {
    use countersign::{Provider, Verifier};

    let verifier = Verifier::discover("https://id.example").audience("orders").build().await?;

    // Or a preset, which knows where this provider's tokens carry roles and scopes:
    let provider = Provider::keycloak("https://sso.example", "shop")?;
    let verifier = Verifier::discover(provider).audience("orders").build().await?;
    Ok(verifier)
}
