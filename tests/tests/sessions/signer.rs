//! Tests of session routes whose access tokens a key elsewhere signs.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use countersign::{
    Algorithm, AuthCookies, Issuer, Key, MemoryStore, SessionRoutes, Sessions, SigningKey,
    issue::{Signer, SignerError, SigningInput},
    session::{Identity, SignIn},
};
use countersign_tests::{Entry, Request, sessions::Exchange, sessions::MOUNT};
use rustls::{
    SignatureScheme,
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::bed::{credentials, csrf, post};

/// A service with one key, and what it does now.
#[derive(Clone)]
struct Kms {
    key: Arc<dyn rustls::sign::SigningKey>,
    public: Key,
    state: Arc<AtomicU8>,
}

const GOOD: u8 = 0;
const AWAY: u8 = 1;
const DENIES: u8 = 2;
const WRONG: u8 = 3;

impl Kms {
    fn new() -> Self {
        let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
        let pem = key.to_pkcs8_pem().unwrap();
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        Self {
            key: any_supported_type(&der).unwrap(),
            public: key.verifying_key(),
            state: Arc::default(),
        }
    }

    fn set(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }
}

impl Signer for Kms {
    fn public_key(&self) -> Key {
        self.public.clone()
    }

    async fn sign(&self, input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
        let message = match self.state.load(Ordering::SeqCst) {
            AWAY => return Err(std::io::Error::other("secret.internal:8200 refuses").into()),
            DENIES => return Err(SignerError::refused("secret.internal: not this role")),
            WRONG => b"another message",
            _ => input.message(),
        };
        let signer = self.key.choose_scheme(&[SignatureScheme::ED25519]);
        Ok(signer.unwrap().sign(message)?)
    }
}

/// An app whose one user is Ada.
struct App {
    kms: Kms,
    json: SessionRoutes,
    cookies: SessionRoutes,
}

impl App {
    fn new(runtime: &Runtime) -> Self {
        let kms = Kms::new();
        let key = SigningKey::external(kms.clone()).into_future();
        let issuer = Issuer::builder("https://id.example", runtime.block_on(key).unwrap());
        let issuer = issuer.audience("app").build().unwrap();
        let sessions = Sessions::builder(issuer, MemoryStore::new())
            .build()
            .unwrap();
        let cookies = AuthCookies::new();
        let json = SessionRoutes::json(sessions.clone(), sign_in);
        let cookies = SessionRoutes::cookies_at(MOUNT, sessions, cookies, sign_in).unwrap();
        Self {
            kms,
            json,
            cookies: cookies.csrf(csrf()),
        }
    }
}

async fn sign_in(question: SignIn<Value>) -> Result<Option<Identity<Value>>, std::io::Error> {
    let is_ada = match question {
        SignIn::Credentials(login) => login["password"] == "engine",
        SignIn::Refresh(_) => true,
    };
    Ok(is_ada.then(|| Identity::new("ada", json!({}))))
}

fn log_in() -> Request {
    post("/login").json(credentials("ada"))
}

fn refresh(token: &str) -> Request {
    post("/refresh").json(json!({ "refresh_token": token }).to_string())
}

fn token_of(answer: &Exchange) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

/// Checks an outage: the client may come again, and learns nothing about the service.
#[track_caller]
fn is_outage(answer: &Exchange) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    assert!(answer.cookies().is_empty(), "no cookie is touched");
    assert!(!answer.body.contains("secret.internal"));
}

fn each(test: impl Fn(&App, Entry)) {
    let runtime = Runtime::new().unwrap();
    for entry in Entry::ALL {
        let app = App::new(&runtime);
        let _tokio = runtime.enter();
        test(&app, entry);
    }
}

#[test]
fn an_outage_of_the_signer_is_503_and_costs_nobody_the_session() {
    each(|app, entry| {
        let mut token = token_of(&entry.call(&app.json, &log_in()));
        for state in [AWAY, WRONG] {
            app.kms.set(state);
            for _ in 0..3 {
                is_outage(&entry.call(&app.json, &refresh(&token)));
                is_outage(&entry.call(&app.json, &log_in()));
                is_outage(&entry.call(&app.cookies, &log_in()));
            }
            app.kms.set(GOOD);
            let next = token_of(&entry.call(&app.json, &refresh(&token)));
            assert_ne!(next, token);
            token = next;
        }
    });
}

#[test]
fn an_outage_of_the_signer_is_no_failed_login() {
    each(|app, entry| {
        app.kms.set(AWAY);
        // Ten failures close the account.
        for _ in 0..20 {
            is_outage(&entry.call(&app.json, &log_in()));
        }
        app.kms.set(GOOD);
        token_of(&entry.call(&app.json, &log_in()));
    });
}

#[test]
fn a_signer_that_refuses_is_our_own_trouble() {
    each(|app, entry| {
        let token = token_of(&entry.call(&app.json, &log_in()));
        app.kms.set(DENIES);
        for request in [log_in(), refresh(&token)] {
            let answer = entry.call(&app.json, &request);
            assert_eq!(answer.status, 500, "{}", answer.body);
            assert_eq!(answer.json()["error"], "server_error");
            assert_eq!(answer.header("retry-after"), None);
            assert!(!answer.body.contains("secret.internal"));
        }
        app.kms.set(GOOD);
        token_of(&entry.call(&app.json, &refresh(&token)));
    });
}
