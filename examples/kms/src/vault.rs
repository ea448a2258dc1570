//! HashiCorp Vault: the transit engine. OpenBao has it, too.

use std::{collections::HashMap, sync::Arc};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use countersign::{
    Algorithm, Key,
    issue::{Signer, SignerError, SigningInput},
};
use serde::Deserialize;
use serde_json::json;

use crate::{Client, Credentials, http::read};

/// A version of a key in Vault's transit engine.
#[derive(Clone, Debug)]
pub struct VaultTransit {
    client: Client,
    /// With `/v1/` and the mount.
    url: String,
    name: String,
    version: u32,
    credentials: Arc<Credentials<String>>,
    public: Key,
}

impl VaultTransit {
    /// Reads the public half of a version of a key. Algorithms: ES256, ES384, PS256, RS256.
    ///
    /// The mount is an address with a path: `https://vault.example:8200/v1/transit`, or that of an agent on this machine. Credentials are
    /// tokens of Vault. The `kid` is `NAME/VERSION`.
    ///
    /// # Errors
    ///
    /// The service cannot be asked, or the version is none of this algorithm.
    pub async fn open(
        client: Client,
        mount: &str,
        (name, version): (&str, u32),
        algorithm: Algorithm,
        credentials: Credentials<String>,
    ) -> Result<Self, SignerError> {
        let url = mount.trim_end_matches('/').to_owned();
        let headers = headers(&credentials).await?;
        let answer = client
            .call(&format!("{url}/keys/{name}"), &headers, None)
            .await?;
        let public = read_public_key(&answer, (name, version), algorithm)?;
        Ok(Self {
            client,
            url,
            name: name.to_owned(),
            version,
            credentials: credentials.into(),
            public,
        })
    }
}

impl Signer for VaultTransit {
    fn public_key(&self) -> Key {
        self.public.clone()
    }

    async fn sign(&self, input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
        let digest = input.digest()?;
        let padding = match input.algorithm() {
            Algorithm::PS256 => "pss",
            _ => "pkcs1v15", // for RSA only
        };
        let request = json!({
            "input": BASE64_STANDARD.encode(&digest),
            "prehashed": true,
            "hash_algorithm": format!("sha2-{}", 8 * digest.len()),
            "key_version": self.version,
            "marshaling_algorithm": "jws",
            "signature_algorithm": padding,
            "salt_length": "hash", // for PSS only
        });
        let headers = headers(&self.credentials).await?;
        let url = format!("{}/sign/{}", self.url, self.name);
        let answer = self.client.call(&url, &headers, Some(request)).await?;
        read_signature(&answer, self.version)
    }
}

async fn headers(
    credentials: &Credentials<String>,
) -> Result<[(&'static str, String); 2], SignerError> {
    // An agent takes no request without the second one.
    Ok([
        ("x-vault-token", credentials.get().await?),
        ("x-vault-request", "true".to_owned()),
    ])
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct PublicKeys {
    keys: HashMap<u32, PublicKey>,
}

#[derive(Deserialize)]
struct PublicKey {
    public_key: String,
}

/// Reads the answer with a key and its versions.
#[doc(hidden)]
pub fn read_public_key(
    answer: &[u8],
    (name, version): (&str, u32),
    algorithm: Algorithm,
) -> Result<Key, SignerError> {
    let mut answer: Answer<PublicKeys> = read(answer)?;
    let key = answer.data.keys.remove(&version);
    let key =
        key.ok_or_else(|| SignerError::refused(format!("{name} has no version {version}")))?;
    let key = Key::from_pem(algorithm, key.public_key).map_err(SignerError::refused)?;
    Ok(key.with_id(format!("{name}/{version}")))
}

#[derive(Deserialize)]
struct Signature {
    signature: String,
}

/// Reads the answer with a signature: `vault:vN:`, and base64url as a JWS has it.
#[doc(hidden)]
pub fn read_signature(answer: &[u8], version: u32) -> Result<Vec<u8>, SignerError> {
    let answer: Answer<Signature> = read(answer)?;
    let signature = answer
        .data
        .signature
        .strip_prefix(&format!("vault:v{version}:"));
    let signature =
        signature.ok_or_else(|| SignerError::unavailable("the signature is of another version"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.decode(signature)?)
}
