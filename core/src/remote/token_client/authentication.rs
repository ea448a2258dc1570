//! The ways in which a client proves to a token endpoint who it is.

use std::{fmt, io, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::{
    error::TokenError,
    form::{Form, encoded},
};
use crate::jose::{SigningKey, base64url, crypto};

/// How a [`TokenClient`](crate::remote::TokenClient) proves to the token endpoint who it is. `Debug` shows no secret.
///
/// | by | method in the metadata of the server |
/// |---|---|
/// | [`client_secret_basic`](Self::client_secret_basic): the one that every server knows | `client_secret_basic` |
/// | [`client_secret_post`](Self::client_secret_post) | `client_secret_post` |
/// | [`private_key_jwt`](Self::private_key_jwt): no secret leaves the process | `private_key_jwt` |
/// | [`client_assertion`](Self::client_assertion): a token of the platform, such as a Kubernetes service account's | `private_key_jwt` |
///
/// # Examples
///
/// ```
/// use std::fs;
/// use countersign::{SigningKey, remote::ClientAuthentication};
///
/// let by_key = ClientAuthentication::private_key_jwt("orders", SigningKey::generate_es256()?);
/// let by_platform = ClientAuthentication::client_assertion("orders", || {
///     fs::read_to_string("/var/run/secrets/tokens/id")
/// });
/// # drop((by_key, by_platform));
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ClientAuthentication {
    pub(super) client_id: String,
    method: Method,
}

#[derive(Clone)]
enum Method {
    Assertion(Arc<dyn Fn() -> io::Result<String> + Send + Sync>),
    PrivateKey(Box<SigningKey>),
    SecretBasic(Zeroizing<String>),
    SecretPost(Zeroizing<String>),
}

impl ClientAuthentication {
    /// By a secret in the header `Authorization` (RFC 6749 section 2.3.1).
    pub fn client_secret_basic(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::new(
            client_id,
            Method::SecretBasic(Zeroizing::new(secret.into())),
        )
    }

    /// By a secret in the form (RFC 6749 section 2.3.1), for servers that know nothing else.
    pub fn client_secret_post(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::new(client_id, Method::SecretPost(Zeroizing::new(secret.into())))
    }

    /// By a JWT that this key signs for each request (RFC 7523 section 2.2), for the URL of the token endpoint and for a minute. The server
    /// knows the public key, by the `kid` of [`SigningKey::id`].
    pub fn private_key_jwt(client_id: impl Into<String>, key: SigningKey) -> Self {
        Self::new(client_id, Method::PrivateKey(Box::new(key)))
    }

    /// By a JWT that somebody else has signed (RFC 7523 section 2.2). The function is asked before each request, in a thread that may
    /// block; white space around the text does not count. The text of its errors must not contain a secret.
    pub fn client_assertion(
        client_id: impl Into<String>,
        assertion: impl Fn() -> io::Result<String> + Send + Sync + 'static,
    ) -> Self {
        Self::new(client_id, Method::Assertion(Arc::new(assertion)))
    }

    fn new(client_id: impl Into<String>, method: Method) -> Self {
        Self {
            client_id: client_id.into(),
            method,
        }
    }

    /// Adds the proof to a form for this endpoint, at a time in seconds since 1970. Returns the value of the header `Authorization`,
    /// if there is one.
    pub(super) async fn prove(
        &self,
        form: &mut Form,
        endpoint: &str,
        now: i64,
    ) -> Result<Option<Zeroizing<String>>, TokenError> {
        let assertion = match &self.method {
            Method::SecretBasic(secret) => return Ok(Some(self.basic(secret))),
            Method::SecretPost(secret) => {
                form.push("client_id", &self.client_id);
                form.push("client_secret", secret);
                return Ok(None);
            }
            Method::PrivateKey(key) => self.sign(key, endpoint, now).await?,
            Method::Assertion(assertion) => {
                let assertion = Arc::clone(assertion);
                let text = spawn_blocking(move || assertion().map(Zeroizing::new)).await;
                text.map_err(TokenError::unavailable)?
                    .map_err(TokenError::unavailable)?
            }
        };
        form.push("client_id", &self.client_id);
        form.push("client_assertion_type", ASSERTION_TYPE);
        form.push("client_assertion", assertion.trim_ascii());
        Ok(None)
    }

    fn basic(&self, secret: &str) -> Zeroizing<String> {
        let (id, secret) = (encoded(&self.client_id), encoded(secret));
        let pair = Zeroizing::new(format!("{}:{}", *id, *secret));
        Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
    }

    async fn sign(
        &self,
        key: &SigningKey,
        endpoint: &str,
        now: i64,
    ) -> Result<Zeroizing<String>, TokenError> {
        #[derive(Serialize)]
        struct Header<'a> {
            alg: &'a str,
            typ: &'a str,
            kid: &'a str,
        }
        #[derive(Serialize)]
        struct Assertion<'a> {
            iss: &'a str,
            sub: &'a str,
            aud: &'a str,
            jti: String,
            iat: i64,
            exp: i64,
        }

        let mut id = [0; 16];
        crypto::random(&mut id).map_err(TokenError::unavailable)?;
        let header = Header {
            alg: key.algorithm().name(),
            typ: "JWT",
            kid: key.id(),
        };
        let assertion = Assertion {
            iss: &self.client_id,
            sub: &self.client_id,
            aud: endpoint,
            jti: base64url::encode(id),
            iat: now,
            exp: now.saturating_add(ASSERTION_LIFETIME),
        };
        let parts = [serde_json::to_vec(&header), serde_json::to_vec(&assertion)];
        let [header, assertion] = parts.map(|part| part.map(base64url::encode));
        let mut text = header.map_err(TokenError::unavailable)?;
        text.push('.');
        text.push_str(&assertion.map_err(TokenError::unavailable)?);
        let signature = signature(key, text.as_bytes()).await?;
        text.push('.');
        text.push_str(&base64url::encode(signature));
        Ok(Zeroizing::new(text))
    }
}

/// Signs, wherever the key is.
#[cfg_attr(not(feature = "signer"), allow(clippy::unused_async))]
async fn signature(key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, TokenError> {
    #[cfg(feature = "signer")]
    if let Some(signer) = key.remote_signer() {
        return signer
            .sign(message)
            .await
            .map_err(|_| TokenError::unavailable("the signer of the key gave no signature"));
    }
    let mut signature = Vec::new();
    key.sign(message, &mut signature)
        .map_err(TokenError::unavailable)?;
    Ok(signature)
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = match &self.method {
            Method::Assertion(_) => "client_assertion",
            Method::PrivateKey(_) => "private_key_jwt",
            Method::SecretBasic(_) => "client_secret_basic",
            Method::SecretPost(_) => "client_secret_post",
        };
        f.debug_struct("ClientAuthentication")
            .field("client_id", &self.client_id)
            .field("method", &method)
            .finish_non_exhaustive()
    }
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Seconds.
const ASSERTION_LIFETIME: i64 = 60;
