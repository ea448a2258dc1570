//! The code of the guide `kms`, as it stands there.

#![allow(dead_code)] // it would ask the real services

use std::error::Error;

use countersign::{Algorithm, SigningKey};
use hsm::{KeyName, Token};
use kms::{AwsKeys, AwsKms, AzureKeyVault, Client, Credentials, GoogleKms, VaultTransit};

async fn aws(keys: Credentials<AwsKeys>) -> Result<SigningKey, Box<dyn Error>> {
    let endpoint = ("https://kms.eu-west-1.amazonaws.com", "eu-west-1");
    let key = AwsKms::open(
        Client::new()?,
        endpoint,
        "alias/login",
        Algorithm::ES256,
        keys,
    )
    .await;
    let key = key.map_err(|error| error.cause().to_string())?;
    Ok(SigningKey::external(key).await?)
}

async fn google(tokens: Credentials<String>) -> Result<SigningKey, Box<dyn Error>> {
    let endpoint = "https://cloudkms.googleapis.com";
    let name = "projects/P/locations/L/keyRings/R/cryptoKeys/login/cryptoKeyVersions/2";
    let key = GoogleKms::open(Client::new()?, endpoint, name, Algorithm::ES256, tokens).await;
    let key = key.map_err(|error| error.cause().to_string())?;
    Ok(SigningKey::external(key).await?)
}

async fn azure(tokens: Credentials<String>) -> Result<SigningKey, Box<dyn Error>> {
    let vault = "https://NAME.vault.azure.net";
    let key = ("login", "9885aa558e8d448789683188f8c194b0");
    let key = AzureKeyVault::open(Client::new()?, vault, key, Algorithm::ES256, tokens).await;
    let key = key.map_err(|error| error.cause().to_string())?;
    Ok(SigningKey::external(key).await?)
}

async fn vault(tokens: Credentials<String>) -> Result<SigningKey, Box<dyn Error>> {
    let mount = "https://vault.example:8200/v1/transit";
    let key = VaultTransit::open(
        Client::new()?,
        mount,
        ("login", 2),
        Algorithm::ES256,
        tokens,
    )
    .await;
    let key = key.map_err(|error| error.cause().to_string())?;
    Ok(SigningKey::external(key).await?)
}

async fn hsm(pin: String) -> Result<SigningKey, Box<dyn Error>> {
    let module = "/usr/lib/softhsm/libsofthsm2.so";
    let token = Token::open(module, "countersign", pin, 4).await?;
    let key = token
        .key(KeyName::Label("login-1".into()), Algorithm::ES256)
        .await?;
    Ok(SigningKey::external(key).signatures_at_once(4).await?)
}

#[test]
fn the_guide_has_this_code() {
    let guide = include_str!("../../../../core/docs/guide/kms.md");
    let blocks: Vec<_> = guide.split("```rust,ignore\n").skip(1).collect();
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        let (code, _) = block.split_once("```").unwrap();
        assert!(include_str!("guide.rs").contains(code), "{code}");
    }
}
