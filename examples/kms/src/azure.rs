//! Azure Key Vault, and Managed HSM.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::{
    Algorithm, Key,
    issue::{Signer, SignerError, SigningInput},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Client, Credentials, http::read};

/// A version of a key in Azure Key Vault.
#[derive(Clone, Debug)]
pub struct AzureKeyVault {
    client: Client,
    vault: String,
    /// `/keys/NAME/VERSION`
    path: String,
    credentials: Arc<Credentials<String>>,
    public: Key,
}

const VERSION: &str = "api-version=7.4";

impl AzureKeyVault {
    /// Reads the public half of a version of a key. Algorithms: ES256, ES384, ES512, PS256, RS256.
    ///
    /// The vault is `https://NAME.vault.azure.net`. Credentials are access tokens for the scope `https://vault.azure.net/.default`. The
    /// `kid` is the version.
    ///
    /// # Errors
    ///
    /// The service cannot be asked, or the version is none of this algorithm.
    pub async fn open(
        client: Client,
        vault: &str,
        (name, version): (&str, &str),
        algorithm: Algorithm,
        credentials: Credentials<String>,
    ) -> Result<Self, SignerError> {
        let vault = vault.trim_end_matches('/').to_owned();
        let path = format!("/keys/{name}/{version}");
        let headers = [bearer(&credentials).await?];
        let url = format!("{vault}{path}?{VERSION}");
        let answer = client.call(&url, &headers, None).await?;
        let public = read_public_key(&answer, &path, algorithm)?;
        Ok(Self {
            client,
            vault,
            path,
            credentials: credentials.into(),
            public,
        })
    }
}

impl Signer for AzureKeyVault {
    fn public_key(&self) -> Key {
        self.public.clone()
    }

    async fn sign(&self, input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
        let request = json!({
            "alg": input.algorithm().name(), // the names of JWA
            "value": BASE64_URL_SAFE_NO_PAD.encode(input.digest()?),
        });
        let headers = [bearer(&self.credentials).await?];
        let url = format!("{}{}/sign?{VERSION}", self.vault, self.path);
        let answer = self.client.call(&url, &headers, Some(request)).await?;
        read_signature(&answer, &self.path)
    }
}

async fn bearer(credentials: &Credentials<String>) -> Result<(&'static str, String), SignerError> {
    Ok((
        "authorization",
        format!("Bearer {}", credentials.get().await?),
    ))
}

#[derive(Deserialize)]
struct PublicKey {
    key: Map<String, Value>,
}

/// Reads the answer with a key: a JWK whose type can end in `-HSM`.
#[doc(hidden)]
pub fn read_public_key(
    answer: &[u8],
    path: &str,
    algorithm: Algorithm,
) -> Result<Key, SignerError> {
    let PublicKey { key } = read(answer)?;
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    if !text("kid").ends_with(path) {
        return Err(SignerError::unavailable("the key is of another version"));
    }
    let can_sign = |all: &Vec<Value>| all.iter().any(|one| one == "sign");
    if !key
        .get("key_ops")
        .and_then(Value::as_array)
        .is_some_and(can_sign)
    {
        return Err(SignerError::refused("the key may not sign"));
    }
    let mut jwk = json!({ "kty": text("kty").trim_end_matches("-HSM") });
    for name in ["crv", "x", "y", "n", "e"] {
        if let Some(value) = key.get(name) {
            jwk[name] = value.clone();
        }
    }
    let jwk = jwk.to_string();
    let key = Key::from_jwk_with(&jwk, algorithm).map_err(SignerError::refused)?;
    Ok(key.with_id(path.rsplit('/').next().unwrap_or_default()))
}

#[derive(Deserialize)]
struct Signature {
    kid: String,
    value: String,
}

/// Reads the answer with a signature: of ECDSA, it has r and s side by side.
#[doc(hidden)]
pub fn read_signature(answer: &[u8], path: &str) -> Result<Vec<u8>, SignerError> {
    let answer: Signature = read(answer)?;
    if !answer.kid.ends_with(path) {
        return Err(SignerError::unavailable(
            "the signature is of another version",
        ));
    }
    Ok(BASE64_URL_SAFE_NO_PAD.decode(answer.value)?)
}
