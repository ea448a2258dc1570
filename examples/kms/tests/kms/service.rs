//! A stand-in for the four services: it checks what it is asked, signs with a key of its own, and fails on command.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::{IntoResponse, Response},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use countersign::{
    Algorithm, SigningKey,
    issue::{Signer, SignerError},
};
use crc::{CRC_32_ISCSI, Crc};
use kms::{AwsKeys, AwsKms, AzureKeyVault, Client, Credentials, GoogleKms, VaultTransit};
use p256::{
    ecdsa::signature::{Verifier, hazmat::PrehashSigner},
    pkcs8::{DecodePrivateKey, EncodePublicKey, LineEnding},
};
use rsa::{Pkcs1v15Sign, Pss};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

/// One of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Aws,
    Azure,
    Google,
    Vault,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Aws, Self::Azure, Self::Google, Self::Vault];

    /// Returns what the `kid` is.
    pub(crate) fn kid(self) -> &'static str {
        match self {
            Self::Aws => "1234abcd-12ab",
            Self::Azure => "9885aa55",
            Self::Google | Self::Vault => "login/2",
        }
    }
}

/// Its answers to a request for a signature, and to one for the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Good,
    /// This status, and an error as the services write it.
    Status(u16),
    /// Too many requests, as the service says that.
    Throttled(u32),
    /// The other form of an ECDSA signature: DER, or r and s.
    OtherForm,
    OtherVersion,
    /// No JSON.
    Garbage,
    /// JSON of another shape.
    OtherShape,
    /// A signature that is no base64.
    NoBase64,
    /// A byte is changed, and the checksum is not.
    Damaged,
    /// More than any answer has.
    Endless,
}

pub(crate) const SECRET: &str = "s.secret-of-this-app";
const GOOGLE: &str = "projects/p/locations/l/keyRings/r/cryptoKeys/login/cryptoKeyVersions/2";
const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab";

/// A service with one key, in two versions.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) kind: Kind,
    pub(crate) algorithm: Algorithm,
    key: Arc<Local>,
    public: Arc<SigningKey>,
    pem: String,
    state: Arc<Mutex<(Mode, u32)>>,
    address: String,
}

enum Local {
    Ec(p256::ecdsa::SigningKey),
    Rsa(Box<rsa::PrivateKey>),
}

impl Service {
    pub(crate) async fn start(kind: Kind, algorithm: Algorithm) -> Self {
        let key = SigningKey::generate(algorithm).unwrap();
        let pem = key.to_pkcs8_pem().unwrap();
        let local = match algorithm {
            Algorithm::ES256 => Local::Ec(p256::ecdsa::SigningKey::from_pkcs8_pem(&pem).unwrap()),
            _ => Local::Rsa(rsa::PrivateKey::from_pkcs8_pem(&pem).unwrap().into()),
        };
        let end = LineEnding::LF;
        let pem = match &local {
            Local::Ec(key) => key.verifying_key().to_public_key_pem(end),
            Local::Rsa(key) => key.to_public_key().to_public_key_pem(end),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = Self {
            kind,
            algorithm,
            key: Arc::new(local),
            public: Arc::new(key),
            pem: pem.unwrap(),
            state: Arc::new(Mutex::new((Mode::Good, 0))),
            address: format!("http://{}", listener.local_addr().unwrap()),
        };
        let app = Router::new().fallback(answer).with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        service
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.state.lock().unwrap().0 = mode;
    }

    /// Returns the number of requests since the last time.
    pub(crate) fn take_asked(&self) -> u32 {
        std::mem::take(&mut self.state.lock().unwrap().1)
    }

    /// Opens the key of the service, with its client.
    pub(crate) async fn open(&self) -> Result<Remote, SignerError> {
        self.open_as(SECRET, self.algorithm).await
    }

    pub(crate) async fn open_as(
        &self,
        secret: &str,
        algorithm: Algorithm,
    ) -> Result<Remote, SignerError> {
        let client = Client::new().unwrap();
        let address = &self.address;
        let token = Credentials::fixed(secret.to_owned());
        Ok(match self.kind {
            Kind::Aws => {
                let keys = AwsKeys {
                    access_key_id: "AKIDEXAMPLE".into(),
                    secret_access_key: secret.into(),
                    session_token: Some("session".into()),
                };
                let place = (&**address, "eu-west-1");
                let keys = Credentials::fixed(keys);
                Remote::Aws(AwsKms::open(client, place, "alias/login", algorithm, keys).await?)
            }
            Kind::Azure => {
                let key = ("login", "9885aa55");
                Remote::Azure(AzureKeyVault::open(client, address, key, algorithm, token).await?)
            }
            Kind::Google => {
                Remote::Google(GoogleKms::open(client, address, GOOGLE, algorithm, token).await?)
            }
            Kind::Vault => {
                let mount = format!("{address}/v1/transit");
                Remote::Vault(
                    VaultTransit::open(client, &mount, ("login", 2), algorithm, token).await?,
                )
            }
        })
    }

    /// Returns whether a signature is right, for ES256.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Local::Ec(key) = &*self.key else {
            panic!("it is for ES256");
        };
        let signature = p256::ecdsa::Signature::from_slice(signature);
        signature.is_ok_and(|signature| key.verifying_key().verify(message, &signature).is_ok())
    }

    /// Signs a digest: DER or r and s, as asked.
    fn sign(&self, digest: &[u8], in_der: bool) -> Vec<u8> {
        assert_eq!(digest.len(), 32, "a digest of SHA-256");
        let mut random = rsa::rand_core::UnwrapErr(getrandom::SysRng);
        match (&*self.key, self.algorithm) {
            (Local::Ec(key), _) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(digest).unwrap();
                match in_der {
                    true => signature.to_der().as_bytes().to_vec(),
                    false => signature.to_bytes().to_vec(),
                }
            }
            (Local::Rsa(key), Algorithm::PS256) => key
                .sign_with_rng(&mut random, Pss::<Sha256>::new(), digest)
                .unwrap(),
            (Local::Rsa(key), _) => key.sign(Pkcs1v15Sign::new::<Sha256>(), digest).unwrap(),
        }
    }
}

/// Any of the four signers.
pub(crate) enum Remote {
    Aws(AwsKms),
    Azure(AzureKeyVault),
    Google(GoogleKms),
    Vault(VaultTransit),
}

impl Signer for Remote {
    fn public_key(&self) -> countersign::Key {
        match self {
            Self::Aws(key) => key.public_key(),
            Self::Azure(key) => key.public_key(),
            Self::Google(key) => key.public_key(),
            Self::Vault(key) => key.public_key(),
        }
    }

    async fn sign(
        &self,
        input: countersign::issue::SigningInput<'_>,
    ) -> Result<Vec<u8>, SignerError> {
        match self {
            Self::Aws(key) => key.sign(input).await,
            Self::Azure(key) => key.sign(input).await,
            Self::Google(key) => key.sign(input).await,
            Self::Vault(key) => key.sign(input).await,
        }
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Aws(key) => key.fmt(f),
            Self::Azure(key) => key.fmt(f),
            Self::Google(key) => key.fmt(f),
            Self::Vault(key) => key.fmt(f),
        }
    }
}

async fn answer(
    State(service): State<Service>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mode = {
        let mut state = service.state.lock().unwrap();
        state.1 += 1;
        match state.0 {
            Mode::Throttled(0) => Mode::Good,
            Mode::Throttled(left) => {
                state.0 = Mode::Throttled(left - 1);
                Mode::Throttled(left)
            }
            mode => mode,
        }
    };
    let headers: HashMap<String, String> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body: Value = match method {
        Method::POST => serde_json::from_slice(&body).unwrap(),
        _ => Value::Null,
    };
    let refused = (403, json!({ "error": "it knows nobody of this name" }));
    let (status, answer) = match mode {
        Mode::Status(status) => (
            status,
            json!({ "error": { "message": "as told\nby the test" } }),
        ),
        Mode::Throttled(_) if service.kind == Kind::Aws => {
            let kind = "com.amazonaws.kms#ThrottlingException";
            (400, json!({ "__type": kind, "message": "Rate exceeded" }))
        }
        Mode::Throttled(_) => (429, json!({ "errors": ["too many"] })),
        Mode::Garbage => return "<html>".into_response(),
        Mode::Endless => return " ".repeat(1 << 20).into_response(),
        Mode::OtherShape => (
            200,
            json!({ "data": [], "key": 1, "KeyId": {}, "name": null }),
        ),
        _ => match service.kind {
            Kind::Aws => aws(&service, mode, &uri, &headers, &body).unwrap_or(refused),
            Kind::Azure => azure(&service, mode, &uri, &headers, &body).unwrap_or(refused),
            Kind::Google => google(&service, mode, &uri, &headers, &body).unwrap_or(refused),
            Kind::Vault => vault(&service, mode, &uri, &headers, &body).unwrap_or(refused),
        },
    };
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    (status, answer.to_string()).into_response()
}

type Answer = Option<(u16, Value)>;
type Headers = HashMap<String, String>;

fn is_bearer(headers: &Headers) -> bool {
    headers.get("authorization") == Some(&format!("Bearer {SECRET}"))
}

fn text(signature: &[u8], mode: Mode, engine: &impl Engine) -> String {
    match mode {
        Mode::NoBase64 => "!".to_owned() + &engine.encode(signature),
        Mode::Damaged => {
            let mut signature = signature.to_vec();
            signature[20] ^= 1;
            engine.encode(signature)
        }
        _ => engine.encode(signature),
    }
}

fn bytes(body: &Value, engine: &impl Engine) -> Vec<u8> {
    engine.decode(body.as_str().unwrap()).unwrap()
}

fn aws(service: &Service, mode: Mode, uri: &Uri, headers: &Headers, body: &Value) -> Answer {
    assert_eq!(uri.path(), "/");
    assert_eq!(headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(headers["x-amz-security-token"], "session");
    let names = [
        "content-type",
        "host",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-target",
    ];
    let signed: Vec<_> = names.iter().map(|name| (*name, &*headers[*name])).collect();
    let keys = AwsKeys {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: SECRET.into(),
        session_token: None,
    };
    let date = &headers["x-amz-date"];
    let scope = ("eu-west-1", "kms");
    let expected = kms::authorization(&keys, scope, date, &signed, body.to_string().as_bytes());
    if headers["authorization"] != expected {
        return None;
    }
    let name = match service.algorithm {
        Algorithm::ES256 => "ECDSA_SHA_256",
        Algorithm::PS256 => "RSASSA_PSS_SHA_256",
        _ => "RSASSA_PKCS1_V1_5_SHA_256",
    };
    let arn = match mode {
        Mode::OtherVersion => "arn:aws:kms:eu-west-1:111122223333:key/other",
        _ => ARN,
    };
    let answer = match &*headers["x-amz-target"] {
        "TrentService.GetPublicKey" => {
            assert_eq!(body["KeyId"], "alias/login");
            let pem = &service.pem;
            let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            json!({
                "KeyId": arn,
                "KeyUsage": "SIGN_VERIFY",
                "KeySpec": "as it is",
                "PublicKey": lines,
                "SigningAlgorithms": [name, "ANOTHER"],
            })
        }
        "TrentService.Sign" => {
            assert_eq!(body["KeyId"], ARN, "not the alias, which can be moved");
            assert_eq!(body["MessageType"], "DIGEST");
            assert_eq!(body["SigningAlgorithm"], name);
            let signature = service.sign(
                &bytes(&body["Message"], &BASE64_STANDARD),
                mode != Mode::OtherForm,
            );
            json!({
                "KeyId": arn,
                "Signature": text(&signature, mode, &BASE64_STANDARD),
                "SigningAlgorithm": name,
            })
        }
        other => panic!("{other}"),
    };
    Some((200, answer))
}

fn azure(service: &Service, mode: Mode, uri: &Uri, headers: &Headers, body: &Value) -> Answer {
    is_bearer(headers).then_some(())?;
    assert_eq!(uri.query(), Some("api-version=7.4"));
    let version = match mode {
        Mode::OtherVersion => "00000000",
        _ => "9885aa55",
    };
    let kid = format!("https://myvault.vault.azure.net/keys/login/{version}");
    let answer = match uri.path() {
        "/keys/login/9885aa55" => {
            let jwk = service.public.verifying_key().to_jwk().unwrap();
            let mut jwk: Value = serde_json::from_str(&jwk).unwrap();
            jwk["kid"] = kid.into();
            jwk["kty"] = format!("{}-HSM", jwk["kty"].as_str().unwrap()).into();
            jwk["key_ops"] = json!(["sign", "verify"]);
            for name in ["alg", "use"] {
                jwk.as_object_mut().unwrap().remove(name);
            }
            json!({ "key": jwk, "attributes": { "enabled": true } })
        }
        "/keys/login/9885aa55/sign" => {
            assert_eq!(body["alg"], service.algorithm.name());
            let digest = bytes(&body["value"], &BASE64_URL_SAFE_NO_PAD);
            let signature = service.sign(&digest, mode == Mode::OtherForm);
            json!({ "kid": kid, "value": text(&signature, mode, &BASE64_URL_SAFE_NO_PAD) })
        }
        other => panic!("{other}"),
    };
    Some((200, answer))
}

fn google(service: &Service, mode: Mode, uri: &Uri, headers: &Headers, body: &Value) -> Answer {
    is_bearer(headers).then_some(())?;
    let crc32c = |bytes: &[u8]| Crc::<u32>::new(&CRC_32_ISCSI).checksum(bytes).to_string();
    let name = match mode {
        Mode::OtherVersion => GOOGLE.replace("Versions/2", "Versions/3"),
        _ => GOOGLE.to_owned(),
    };
    let path = uri.path().strip_prefix(&format!("/v1/{GOOGLE}")).unwrap();
    let answer = match path {
        "/publicKey" => {
            let pem = &service.pem;
            let checksum = match mode {
                Mode::Damaged => "0".to_owned(),
                _ => crc32c(pem.as_bytes()),
            };
            let algorithm = match service.algorithm {
                Algorithm::ES256 => "EC_SIGN_P256_SHA256",
                Algorithm::PS256 => "RSA_SIGN_PSS_2048_SHA256",
                _ => "RSA_SIGN_PKCS1_2048_SHA256",
            };
            json!({ "pem": pem, "algorithm": algorithm, "pemCrc32c": checksum, "name": name, "protectionLevel": "HSM" })
        }
        ":asymmetricSign" => {
            let digest = bytes(&body["digest"]["sha256"], &BASE64_STANDARD);
            assert_eq!(body["digestCrc32c"], crc32c(&digest));
            let signature = service.sign(&digest, mode != Mode::OtherForm);
            json!({
                "signature": text(&signature, mode, &BASE64_STANDARD),
                "signatureCrc32c": crc32c(&signature),
                "verifiedDigestCrc32c": true,
                "name": name,
            })
        }
        other => panic!("{other}"),
    };
    Some((200, answer))
}

fn vault(service: &Service, mode: Mode, uri: &Uri, headers: &Headers, body: &Value) -> Answer {
    if headers.get("x-vault-token").map(String::as_str) != Some(SECRET) {
        return None;
    }
    assert_eq!(headers["x-vault-request"], "true");
    let answer = match uri.path() {
        "/v1/transit/keys/login" => {
            let own = &service.pem;
            let version = if mode == Mode::OtherVersion { "3" } else { "2" };
            json!({ "data": {
                "type": "as it is",
                "latest_version": 2,
                "keys": { "1": { "public_key": "that of another one" }, version: { "public_key": own, "name": "P-256" } },
            } })
        }
        "/v1/transit/sign/login" => {
            assert_eq!(body["prehashed"], true);
            assert_eq!(body["hash_algorithm"], "sha2-256");
            assert_eq!(body["key_version"], 2);
            assert_eq!(body["marshaling_algorithm"], "jws");
            assert_eq!(body["salt_length"], "hash");
            let padding = if service.algorithm == Algorithm::PS256 {
                "pss"
            } else {
                "pkcs1v15"
            };
            assert_eq!(body["signature_algorithm"], padding);
            let digest = bytes(&body["input"], &BASE64_STANDARD);
            let signature = match mode {
                Mode::OtherForm => text(&service.sign(&digest, true), mode, &BASE64_STANDARD),
                _ => text(&service.sign(&digest, false), mode, &BASE64_URL_SAFE_NO_PAD),
            };
            let version = if mode == Mode::OtherVersion { 1 } else { 2 };
            json!({ "data": { "signature": format!("vault:v{version}:{signature}"), "key_version": version } })
        }
        other => panic!("{other}"),
    };
    Some((200, answer))
}
