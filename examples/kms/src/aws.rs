//! AWS KMS.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use countersign::{
    Algorithm, Clock, Key, SystemClock,
    issue::{Signer, SignerError, SigningInput},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Client, Credentials,
    http::read,
    sigv4::{AwsKeys, authorization, date},
};

/// A key in AWS KMS. It has no versions: a rotation is a new key.
#[derive(Clone, Debug)]
pub struct AwsKms {
    service: Service,
    /// The ARN that an alias led to, so that an alias that is moved changes nothing.
    arn: String,
    public: Key,
}

#[derive(Clone, Debug)]
struct Service {
    client: Client,
    endpoint: String,
    region: String,
    credentials: Arc<Credentials<AwsKeys>>,
}

impl AwsKms {
    /// Reads the public half of a key, which is named by its id, ARN or alias. Algorithms: ES256, ES384, PS256, RS256.
    ///
    /// The endpoint is `https://kms.REGION.amazonaws.com`, or that of your VPC. The `kid` is the key's id, without the account.
    ///
    /// # Errors
    ///
    /// The service cannot be asked, or the key is none that signs with this algorithm.
    pub async fn open(
        client: Client,
        (endpoint, region): (&str, &str),
        key: &str,
        algorithm: Algorithm,
        credentials: Credentials<AwsKeys>,
    ) -> Result<Self, SignerError> {
        let service = Service {
            client,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            region: region.to_owned(),
            credentials: credentials.into(),
        };
        let answer = service
            .call("GetPublicKey", &json!({ "KeyId": key }))
            .await?;
        let (arn, public) = read_public_key(&answer, algorithm)?;
        Ok(Self {
            service,
            arn,
            public,
        })
    }
}

impl Signer for AwsKms {
    fn public_key(&self) -> Key {
        self.public.clone()
    }

    async fn sign(&self, input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
        let request = json!({
            "KeyId": self.arn,
            "Message": BASE64_STANDARD.encode(input.digest()?),
            "MessageType": "DIGEST", // a message may have 4,096 bytes, and a token more
            "SigningAlgorithm": name(input.algorithm())?,
        });
        let answer = self.service.call("Sign", &request).await?;
        read_signature(&answer, &self.arn, input)
    }
}

impl Service {
    async fn call(&self, operation: &str, body: &Value) -> Result<Vec<u8>, SignerError> {
        let keys = self.credentials.get().await?;
        let body = body.to_string();
        let (_, host) = self
            .endpoint
            .split_once("://")
            .unwrap_or(("", &self.endpoint));
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("host", host.to_owned()),
            ("x-amz-date", date(SystemClock.now())),
        ];
        if let Some(token) = &keys.session_token {
            headers.push(("x-amz-security-token", token.clone()));
        }
        headers.push(("x-amz-target", format!("TrentService.{operation}")));
        let signed: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let scope = (&*self.region, "kms");
        let authorization = authorization(&keys, scope, &headers[2].1, &signed, body.as_bytes());
        headers.push(("authorization", authorization));
        let url = format!("{}/", self.endpoint);
        self.client.send(&url, &headers, Some(body)).await
    }
}

/// Returns the service's name of an algorithm. Its PSS has a salt as long as the hash.
fn name(algorithm: Algorithm) -> Result<&'static str, SignerError> {
    Ok(match algorithm {
        Algorithm::ES256 => "ECDSA_SHA_256",
        Algorithm::ES384 => "ECDSA_SHA_384",
        Algorithm::PS256 => "RSASSA_PSS_SHA_256",
        Algorithm::RS256 => "RSASSA_PKCS1_V1_5_SHA_256",
        _ => {
            return Err(SignerError::refused(format!(
                "AWS KMS has no name for {algorithm} here"
            )));
        }
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublicKey {
    key_id: String,
    key_usage: String,
    public_key: String,
    signing_algorithms: Vec<String>,
}

/// Reads the answer to `GetPublicKey`: the ARN, and the key.
#[doc(hidden)]
pub fn read_public_key(answer: &[u8], algorithm: Algorithm) -> Result<(String, Key), SignerError> {
    let answer: PublicKey = read(answer)?;
    let name = name(algorithm)?;
    if answer.key_usage != "SIGN_VERIFY" || !answer.signing_algorithms.iter().any(|one| one == name)
    {
        return Err(SignerError::refused(format!(
            "the key does not sign with {algorithm}"
        )));
    }
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        answer.public_key
    );
    let key = Key::from_pem(algorithm, pem).map_err(SignerError::refused)?;
    let id = answer
        .key_id
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    Ok((answer.key_id, key.with_id(id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Signature {
    key_id: String,
    signature: String,
}

/// Reads the answer to `Sign`.
#[doc(hidden)]
pub fn read_signature(
    answer: &[u8],
    arn: &str,
    input: SigningInput<'_>,
) -> Result<Vec<u8>, SignerError> {
    let answer: Signature = read(answer)?;
    if answer.key_id != arn {
        return Err(SignerError::unavailable("the signature is of another key"));
    }
    let signature = BASE64_STANDARD.decode(answer.signature)?;
    match input.algorithm() {
        Algorithm::ES256 | Algorithm::ES384 => input.signature_from_der(&signature),
        _ => Ok(signature),
    }
}
