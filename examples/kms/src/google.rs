//! Google Cloud KMS.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use countersign::{
    Algorithm, Key,
    issue::{Signer, SignerError, SigningInput},
};
use crc::{CRC_32_ISCSI, Crc};
use serde::Deserialize;
use serde_json::json;

use crate::{Client, Credentials, http::read};

/// A version of a key in Google Cloud KMS.
#[derive(Clone, Debug)]
pub struct GoogleKms {
    client: Client,
    /// With `/v1/` and the name of the version.
    url: String,
    name: String,
    credentials: Arc<Credentials<String>>,
    public: Key,
}

impl GoogleKms {
    /// Reads the public half of a version, which is named by
    /// `projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N`. Algorithms: ES256, ES384, PS256, RS256.
    ///
    /// The endpoint is `https://cloudkms.googleapis.com`. Credentials are access tokens for the scope
    /// `https://www.googleapis.com/auth/cloudkms`. The `kid` is `K/N`.
    ///
    /// # Errors
    ///
    /// The service cannot be asked, or the version is none that signs with this algorithm.
    pub async fn open(
        client: Client,
        endpoint: &str,
        name: &str,
        algorithm: Algorithm,
        credentials: Credentials<String>,
    ) -> Result<Self, SignerError> {
        let url = format!("{}/v1/{name}", endpoint.trim_end_matches('/'));
        let headers = [bearer(&credentials).await?];
        let answer = client
            .call(&format!("{url}/publicKey"), &headers, None)
            .await?;
        let public = read_public_key(&answer, name, algorithm)?;
        Ok(Self {
            client,
            url,
            name: name.to_owned(),
            credentials: credentials.into(),
            public,
        })
    }
}

impl Signer for GoogleKms {
    fn public_key(&self) -> Key {
        self.public.clone()
    }

    async fn sign(&self, input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
        let digest = input.digest()?;
        let hash = match digest.len() {
            32 => "sha256",
            _ => "sha384",
        };
        let request = json!({
            "digest": { hash: BASE64_STANDARD.encode(&digest) },
            "digestCrc32c": crc32c(&digest).to_string(), // an Int64Value is a text in JSON
        });
        let headers = [bearer(&self.credentials).await?];
        let url = format!("{}:asymmetricSign", self.url);
        let answer = self.client.call(&url, &headers, Some(request)).await?;
        read_signature(&answer, &self.name, input)
    }
}

async fn bearer(credentials: &Credentials<String>) -> Result<(&'static str, String), SignerError> {
    Ok((
        "authorization",
        format!("Bearer {}", credentials.get().await?),
    ))
}

fn crc32c(bytes: &[u8]) -> u32 {
    Crc::<u32>::new(&CRC_32_ISCSI).checksum(bytes)
}

/// Returns the beginning and the end of the names that an algorithm has: between them is the size of an RSA key.
fn names(algorithm: Algorithm) -> Result<(&'static str, &'static str), SignerError> {
    Ok(match algorithm {
        Algorithm::ES256 => ("EC_SIGN_P256_", "SHA256"),
        Algorithm::ES384 => ("EC_SIGN_P384_", "SHA384"),
        Algorithm::PS256 => ("RSA_SIGN_PSS_", "_SHA256"),
        Algorithm::RS256 => ("RSA_SIGN_PKCS1_", "_SHA256"),
        _ => {
            return Err(SignerError::refused(format!(
                "Google KMS has no name for {algorithm} here"
            )));
        }
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicKey {
    algorithm: String,
    name: String,
    pem: String,
    pem_crc32c: String,
}

/// Reads the answer to `publicKey`.
#[doc(hidden)]
pub fn read_public_key(
    answer: &[u8],
    name: &str,
    algorithm: Algorithm,
) -> Result<Key, SignerError> {
    let answer: PublicKey = read(answer)?;
    let (start, end) = names(algorithm)?;
    if !(answer.algorithm.starts_with(start) && answer.algorithm.ends_with(end)) {
        return Err(SignerError::refused(format!(
            "the key does not sign with {algorithm}"
        )));
    }
    if answer.name != name || answer.pem_crc32c != crc32c(answer.pem.as_bytes()).to_string() {
        return Err(SignerError::unavailable(
            "the public key is of another version, or was damaged",
        ));
    }
    let key = Key::from_pem(algorithm, answer.pem).map_err(SignerError::refused)?;
    let mut parts = name.rsplit('/');
    let (version, _, id) = (parts.next(), parts.next(), parts.next());
    Ok(key.with_id(format!(
        "{}/{}",
        id.unwrap_or_default(),
        version.unwrap_or_default()
    )))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signature {
    name: String,
    signature: String,
    signature_crc32c: String,
    verified_digest_crc32c: bool,
}

/// Reads the answer to `asymmetricSign`.
#[doc(hidden)]
pub fn read_signature(
    answer: &[u8],
    name: &str,
    input: SigningInput<'_>,
) -> Result<Vec<u8>, SignerError> {
    let answer: Signature = read(answer)?;
    if answer.name != name {
        return Err(SignerError::unavailable(
            "the signature is of another version",
        ));
    }
    let signature = BASE64_STANDARD.decode(answer.signature)?;
    let is_whole = answer.signature_crc32c == crc32c(&signature).to_string();
    if !is_whole || !answer.verified_digest_crc32c {
        return Err(SignerError::unavailable(
            "the digest or the signature was damaged on the way",
        ));
    }
    match input.algorithm() {
        Algorithm::ES256 | Algorithm::ES384 => input.signature_from_der(&signature),
        _ => Ok(signature),
    }
}
