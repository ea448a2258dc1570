//! A proof of possession (DPoP) in a request with a token that is bound to its key, and the URL that it names. Input: the value of the header;
//! or, as two lines, the JSON of its header and its payload, which are signed, with `@jwk` for the key and `@ath` for the hash of the token; or
//! `url`, a URL and a path, each behind a space.

#![no_main]

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{
    AuthErrorKind, Authenticator, SigningKey,
    adapter::RequestHead,
    fuzzing::is_url_of,
    proof::{Dpop, MemoryReplayStore},
    testing::sign_raw,
};
use countersign_fuzz::tokens::{GOOD, HEADER, NOW, Rules, sign};
use futures_executor::block_on;
use libfuzzer_sys::fuzz_target;
use p256::{
    ecdsa::{Signature, VerifyingKey, signature::Verifier as _},
    pkcs8::DecodePublicKey,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

const BASE: &str = "https://api.test/base";
const PATH: &str = "/v1/me";
const PRIVATE: &str = include_str!("../../core/tests/data/keys/p256.pkcs8.pem");
const PUBLIC: &str = include_str!("../../core/tests/data/keys/p256.spki.pem");

fuzz_target!(|data: &[u8]| {
    if let Some(words) = data.strip_prefix(b"url ") {
        return check_url(words);
    }
    let mut lines = data.split(|byte| *byte == b'\n');
    match (lines.next(), lines.next(), lines.next()) {
        (Some(value), None, None) => check(value),
        (Some(header), Some(payload), None) => {
            let (Ok(header), Ok(payload)) =
                (std::str::from_utf8(header), std::str::from_utf8(payload))
            else {
                return;
            };
            let header = header.replace("@jwk", &CLIENT.jwk);
            let payload = payload.replace("@ath", &CLIENT.token_hash);
            check(sign_raw(&CLIENT.key, &header, payload.as_bytes()).as_bytes());
        }
        _ => {}
    }
});

/// Checks a URL and a path: of one request only if they name the same once all is decoded.
fn check_url(words: &[u8]) {
    let Some((htu, path)) = std::str::from_utf8(words)
        .ok()
        .and_then(|words| words.split_once(' '))
    else {
        return;
    };
    if is_url_of(BASE, htu, path) {
        assert!(is_same(htu, path), "{htu:?} for {path:?}");
    }
}

/// Checks the value of a header.
fn check(value: &[u8]) {
    let dpop = Dpop::builder()
        .external_url(BASE)
        .replay(MemoryReplayStore::new())
        .build()
        .expect("the settings are good");
    let authenticator = Authenticator::new(Rules::usual().verifier).dpop(dpop);
    let head = Head { value };
    match block_on(authenticator.check(&head)) {
        Ok(token) => {
            assert!(token.expect("there is one").proven_key().is_some());
            assert!(is_good(value).is_some(), "a bad proof was accepted");
            let again = block_on(authenticator.check(&head)).map_err(|error| error.kind());
            assert_eq!(again.err(), Some(AuthErrorKind::ProofReplayed));
        }
        Err(error) => assert_eq!(error.kind(), AuthErrorKind::InvalidProof),
    }
}

/// Reads a proof carelessly; `None` if it is not one of the client for this request.
fn is_good(value: &[u8]) -> Option<()> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let (signed, signature) = text.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let read = |part: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let (header, payload) = (read(header)?, read(payload)?);
    let own: Value = serde_json::from_str(&CLIENT.jwk).expect("a JWK");
    let jwk = &header["jwk"];
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    CLIENT
        .public
        .verify(signed.as_bytes(), &signature)
        .ok()
        .filter(|()| header["typ"] == "dpop+jwt" && header["alg"] == "ES256")
        .filter(|()| header.get("crit").is_none() && jwk.get("d").is_none())
        .filter(|()| {
            ["kty", "crv", "x", "y"]
                .iter()
                .all(|name| jwk[name] == own[name])
        })
        .filter(|()| payload["jti"].as_str().is_some_and(|id| !id.is_empty()))
        .filter(|()| payload["htm"] == "GET" && payload["ath"] == *CLIENT.token_hash)
        .filter(|()| {
            payload["htu"]
                .as_str()
                .is_some_and(|htu| is_same(htu, PATH))
        })
        .filter(|()| {
            let age = payload["iat"].as_f64().map(|at| NOW as f64 - at);
            // A fraction of a second may be left out.
            age.is_some_and(|age| (-31.0..=61.0).contains(&age))
        })
}

/// Returns whether the `url` crate reads it as the URL of this path.
fn is_same(htu: &str, path: &str) -> bool {
    let Ok(url) = Url::parse(htu) else {
        return false;
    };
    let base = Url::parse(BASE).expect("a URL");
    url.origin() == base.origin()
        && url.username().is_empty()
        && decoded(url.path()) == decoded(&format!("{}{path}", base.path()))
}

fn decoded(path: &str) -> Vec<u8> {
    let mut parts = path.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match byte {
            Some(byte) => {
                decoded.push(byte);
                decoded.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                decoded.push(b'%');
                decoded.extend_from_slice(part.as_bytes());
            }
        }
    }
    decoded
}

/// The client, and its token.
struct Client {
    key: SigningKey,
    public: VerifyingKey,
    jwk: String,
    token: String,
    token_hash: String,
}

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let public = VerifyingKey::from_public_key_pem(PUBLIC).expect("a key");
    let point = public.to_sec1_point(false);
    let [x, y] = [point.x(), point.y()]
        .map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate.expect("not compressed")));
    let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let thumbprint = hash(&jwk);
    let payload = format!(r#"{GOOD},"cnf":{{"jkt":"{thumbprint}"}}}}"#);
    let token = sign(HEADER, payload.as_bytes());
    Client {
        key: SigningKey::es256_pem(PRIVATE).expect("a key"),
        public,
        token_hash: hash(&token),
        jwk,
        token,
    }
});

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

struct Head<'d> {
    value: &'d [u8],
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        PATH
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        static AUTHORIZATION: LazyLock<String> = LazyLock::new(|| format!("DPoP {}", CLIENT.token));
        match name {
            "authorization" => visit(AUTHORIZATION.as_bytes()),
            "dpop" => visit(self.value),
            _ => {}
        }
    }
}
