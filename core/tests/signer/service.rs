//! A service that signs, as a KMS does: over a socket, with keys that it does not give away, in DER.
//!
//! A request and its answer are one line of JSON each, and a connection serves one request.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use countersign::{
    Algorithm, Key, SigningKey,
    issue::{ExternalKey, Signer, SignerError, SigningInput},
};
use rustls::{
    SignatureScheme,
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

pub(crate) struct Service(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    keys: Mutex<BTreeMap<String, Arc<dyn rustls::sign::SigningKey>>>,
    mode: Mutex<Mode>,
    asked: AtomicUsize,
    crowd: Mutex<Crowd>,
    changed: Condvar,
}

/// The requests that are in the service.
#[derive(Default)]
struct Crowd {
    present: usize,
    most: usize,
    /// The batches that were answered.
    batches: usize,
}

/// The behaviour of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The connection closes without an answer.
    Closes,
    /// As `Closes`, once.
    ClosesOnce,
    /// The service refuses.
    Denies,
    /// The answer is no line of JSON.
    Garbage,
    Good,
    /// There is never an answer.
    Hangs,
    /// Answers when so many requests are there.
    InBatches(usize),
    /// Another version of the key signs.
    OtherVersion(String),
    /// A byte stands behind the signature.
    TrailingByte,
    /// The last byte of the signature is missing.
    Truncates,
}

#[derive(Deserialize, Serialize)]
struct Request {
    version: String,
    scheme: u16,
    message: Vec<u8>,
}

#[derive(Deserialize, Serialize)]
enum Answer {
    Denied,
    Signature(Vec<u8>),
}

impl Service {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let inner = Arc::new(Inner {
            address: listener.local_addr().unwrap(),
            keys: Mutex::default(),
            mode: Mutex::new(Mode::Good),
            asked: AtomicUsize::new(0),
            crowd: Mutex::default(),
            changed: Condvar::new(),
        });
        let service = Arc::clone(&inner);
        thread::spawn(move || {
            for connection in listener.incoming() {
                let service = Arc::clone(&service);
                // A client that has gone away is none of its business.
                thread::spawn(move || service.serve(&connection.unwrap()));
            }
        });
        Self(inner)
    }

    /// Makes a new key, with this version as its id.
    pub(crate) fn key(&self, algorithm: Algorithm, version: &str) -> RemoteKey {
        let key = match algorithm.name().as_bytes() {
            // A new one takes long.
            [b'R' | b'P', ..] => {
                SigningKey::from_pem(algorithm, include_str!("../data/keys/rsa2048.pkcs8.pem"))
            }
            _ => SigningKey::generate(algorithm),
        }
        .unwrap();
        let der = PrivateKeyDer::from_pem_slice(key.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
        let mut keys = self.0.keys.lock().unwrap();
        keys.insert(version.to_owned(), any_supported_type(&der).unwrap());
        RemoteKey {
            address: self.0.address,
            version: version.to_owned(),
            public: key.verifying_key().with_id(version),
            form: Form::Jws,
            signs_with: None,
        }
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.0.mode.lock().unwrap() = mode;
        // Those who wait for others do so no longer.
        let mut crowd = self.0.crowd.lock().unwrap();
        crowd.present = 0;
        crowd.batches += 1;
        self.0.changed.notify_all();
    }

    /// Returns how often it was asked since the last time.
    pub(crate) fn take_asked(&self) -> usize {
        self.0.asked.swap(0, Ordering::SeqCst)
    }

    /// Returns the number of requests that wait for others.
    pub(crate) fn present(&self) -> usize {
        self.0.crowd.lock().unwrap().present
    }

    /// Returns the number of batches that were answered.
    pub(crate) fn batches(&self) -> usize {
        self.0.crowd.lock().unwrap().batches
    }

    /// Returns the most requests that it had at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.0.crowd.lock().unwrap().most
    }
}

impl Inner {
    fn serve(&self, connection: &TcpStream) -> Option<()> {
        let mut line = String::new();
        BufReader::new(connection).read_line(&mut line).ok()?;
        let request: Request = serde_json::from_str(&line).ok()?;
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mode = self.mode.lock().unwrap().clone();
        let version = match &mode {
            Mode::OtherVersion(other) => other,
            _ => &request.version,
        };
        let key = Arc::clone(self.keys.lock().unwrap().get(version)?);
        let signer = key.choose_scheme(&[SignatureScheme::from(request.scheme)])?;
        let mut signature = signer.sign(&request.message).ok()?;
        match mode {
            Mode::Closes => return None,
            Mode::ClosesOnce => {
                *self.mode.lock().unwrap() = Mode::Good;
                return None;
            }
            Mode::Denies => return send(connection, &Answer::Denied),
            Mode::Garbage => return (&*connection).write_all(b"<html>busy</html>\n").ok(),
            Mode::Hangs => {
                // Until the client gives up.
                BufReader::new(connection).read_line(&mut line).ok()?;
                return None;
            }
            Mode::InBatches(size) => self.wait_for(size),
            Mode::TrailingByte => signature.push(0),
            Mode::Truncates => drop(signature.pop()),
            Mode::Good | Mode::OtherVersion(_) => {}
        }
        send(connection, &Answer::Signature(signature))
    }

    /// Waits until so many requests are here.
    fn wait_for(&self, size: usize) {
        let mut crowd = self.crowd.lock().unwrap();
        if *self.mode.lock().unwrap() != Mode::InBatches(size) {
            return;
        }
        crowd.present += 1;
        crowd.most = crowd.most.max(crowd.present);
        let batch = crowd.batches;
        if crowd.present >= size {
            crowd.present = 0;
            crowd.batches += 1;
            self.changed.notify_all();
        }
        while crowd.batches == batch {
            crowd = self.changed.wait(crowd).unwrap();
        }
    }
}

fn send(mut connection: &TcpStream, answer: &Answer) -> Option<()> {
    let line = serde_json::to_string(answer).unwrap() + "\n";
    connection.write_all(line.as_bytes()).ok()
}

/// A version of a key in the service.
#[derive(Clone)]
pub(crate) struct RemoteKey {
    address: SocketAddr,
    version: String,
    pub(crate) public: Key,
    pub(crate) form: Form,
    /// The algorithm that the service uses, if it is another one than the key's.
    pub(crate) signs_with: Option<Algorithm>,
}

/// The form in which a client hands a signature on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    AsItComes,
    Jws,
}

impl RemoteKey {
    /// A key of which it is not known yet whether it signs.
    pub(crate) fn external(&self) -> ExternalKey<Self> {
        SigningKey::external(self.clone())
    }

    pub(crate) async fn signing_key(&self) -> SigningKey {
        self.external().await.unwrap()
    }
}

impl Signer for RemoteKey {
    fn public_key(&self) -> Key {
        self.public.clone()
    }

    async fn sign(&self, input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
        let request = Request {
            version: self.version.clone(),
            scheme: scheme(self.signs_with.unwrap_or(input.algorithm())).into(),
            message: input.message().to_vec(),
        };
        let mut connection = tokio::net::TcpStream::connect(self.address).await?;
        let line = serde_json::to_string(&request)? + "\n";
        connection.write_all(line.as_bytes()).await?;
        let mut line = String::new();
        tokio::io::BufReader::new(connection)
            .read_line(&mut line)
            .await?;
        match serde_json::from_str(&line)? {
            Answer::Denied => Err(SignerError::refused("the role may not use the key")),
            Answer::Signature(signature)
                if self.form == Form::Jws && input.algorithm().name().starts_with("ES") =>
            {
                input.signature_from_der(&signature)
            }
            Answer::Signature(signature) => Ok(signature),
        }
    }
}

fn scheme(algorithm: Algorithm) -> SignatureScheme {
    match algorithm {
        Algorithm::ES256 => SignatureScheme::ECDSA_NISTP256_SHA256,
        Algorithm::ES384 => SignatureScheme::ECDSA_NISTP384_SHA384,
        Algorithm::ES512 => SignatureScheme::ECDSA_NISTP521_SHA512,
        Algorithm::PS256 => SignatureScheme::RSA_PSS_SHA256,
        Algorithm::PS384 => SignatureScheme::RSA_PSS_SHA384,
        Algorithm::PS512 => SignatureScheme::RSA_PSS_SHA512,
        Algorithm::RS256 => SignatureScheme::RSA_PKCS1_SHA256,
        Algorithm::RS384 => SignatureScheme::RSA_PKCS1_SHA384,
        Algorithm::RS512 => SignatureScheme::RSA_PKCS1_SHA512,
        _ => SignatureScheme::ED25519,
    }
}

/// Every algorithm with a private key.
pub(crate) fn algorithms() -> impl Iterator<Item = Algorithm> {
    let all = Algorithm::ALL.iter().copied();
    all.filter(|algorithm| !algorithm.is_symmetric())
}
