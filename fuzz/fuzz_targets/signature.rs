//! The answer of a service that signs: an ECDSA signature in DER, and one that was altered on its way.

#![no_main]

use std::sync::{LazyLock, Mutex};

use arbitrary::{Arbitrary, Unstructured};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{
    Algorithm, Issuer, Key, SigningKey,
    issue::{Signer, SignerError, SigningInput},
};
use libfuzzer_sys::{Corpus, fuzz_target};
use p256::ecdsa::{self, signature::Signer as _};
use tokio::runtime::{Builder, Runtime};

fuzz_target!(|data: &[u8]| -> Corpus {
    for (algorithm, length) in [
        (Algorithm::ES256, 32),
        (Algorithm::ES384, 48),
        (Algorithm::ES512, 66),
    ] {
        check_der(algorithm, length, data);
    }
    let Ok(change) = Change::arbitrary(&mut Unstructured::new(data)) else {
        return Corpus::Keep;
    };
    check_changed(change);
    Corpus::Keep
});

/// Checks DER against our own reading of it, and that it has one text for each signature.
fn check_der(algorithm: Algorithm, length: usize, der: &[u8]) {
    let read = SigningInput::new(algorithm, b"")
        .signature_from_der(der)
        .ok();
    assert_eq!(read, read_der(der, length), "{algorithm}");
    if let Some(signature) = read {
        assert_eq!(signature.len(), 2 * length);
        let (r, s) = signature.split_at(length);
        assert_eq!(write_der(r, s), der);
    }
}

/// Reads a sequence of two positive numbers by the letter of X.690.
fn read_der(der: &[u8], length: usize) -> Option<Vec<u8>> {
    let (declared, content) = match der {
        [0x30, short @ 0..=0x7f, rest @ ..] => (*short, rest),
        [0x30, 0x81, long @ 0x80..=0xff, rest @ ..] => (*long, rest),
        _ => return None,
    };
    if usize::from(declared) != content.len() {
        return None;
    }
    let (r, rest) = read_number(content, length)?;
    let (s, rest) = read_number(rest, length)?;
    rest.is_empty().then(|| [r, s].concat())
}

fn read_number(der: &[u8], length: usize) -> Option<(Vec<u8>, &[u8])> {
    let (declared, rest) = match der {
        [2, short @ 1..=0x7f, rest @ ..] => (usize::from(*short), rest),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(declared)?;
    let digits = match content {
        [1..=0x7f, ..] => content,
        [0, 0x80..=0xff, ..] => &content[1..],
        _ => return None,
    };
    let zeros = length.checked_sub(digits.len())?;
    Some(([&vec![0; zeros], digits].concat(), rest))
}

fn write_der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let numbers = [write_number(r), write_number(s)].concat();
    let length = u8::try_from(numbers.len()).expect("a short one");
    match length {
        0..=0x7f => [&[0x30, length], &numbers[..]].concat(),
        _ => [&[0x30, 0x81, length], &numbers[..]].concat(),
    }
}

fn write_number(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = &number[zeros..];
    let sign: &[u8] = if digits[0] >= 0x80 { &[0] } else { &[] };
    let length = u8::try_from(sign.len() + digits.len()).expect("a short one");
    [&[2, length], sign, digits].concat()
}

/// What happens to an answer on its way.
#[derive(Arbitrary, Clone, Debug, Default)]
struct Change {
    is_in_der: bool,
    is_read_as_der: bool,
    flips: Vec<(u8, u8)>,
    cut: u8,
    added: Vec<u8>,
}

impl Change {
    fn of(&self, mut answer: Vec<u8>) -> Vec<u8> {
        for (place, mask) in &self.flips {
            let place = usize::from(*place) % answer.len();
            answer[place] ^= mask;
        }
        answer.truncate(answer.len().saturating_sub(self.cut.into()));
        answer.extend_from_slice(&self.added);
        answer
    }
}

/// A service with one key, which alters its answers.
struct Service {
    key: ecdsa::SigningKey,
    public: Key,
}

static CHANGE: Mutex<Option<Change>> = Mutex::new(None);
/// The good signature, and the answer.
static ANSWER: Mutex<(Vec<u8>, Option<Vec<u8>>)> = Mutex::new((Vec::new(), None));

impl Signer for Service {
    fn public_key(&self) -> Key {
        self.public.clone()
    }

    async fn sign(&self, input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
        let signature: ecdsa::Signature = self.key.sign(input.message());
        let good = signature.to_bytes().to_vec();
        let change = CHANGE.lock().expect("one thread").clone();
        let Some(change) = change else {
            return Ok(good);
        };
        let answer = change.of(match change.is_in_der {
            true => signature.to_der().as_bytes().to_vec(),
            false => good.clone(),
        });
        let answer = match change.is_read_as_der {
            true => input.signature_from_der(&answer),
            false => Ok(answer),
        };
        *ANSWER.lock().expect("one thread") = (good, answer.as_ref().ok().cloned());
        answer
    }
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime")
});

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    let key = ecdsa::SigningKey::from_slice(&[7; 32]).expect("a scalar");
    let point = key.verifying_key().to_sec1_bytes();
    let [x, y] = [&point[1..33], &point[33..]].map(|number| URL_SAFE_NO_PAD.encode(number));
    let jwk = serde_json::json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let service = Service {
        key,
        public: Key::from_jwk(&jwk.to_string()).expect("a point"),
    };
    let key = RUNTIME.block_on(async { SigningKey::external(service).await });
    let issuer = Issuer::builder("https://id.example", key.expect("a key that signs"));
    issuer.audience("fuzz").build().expect("an issuer")
});

/// Checks that a token leaves exactly when its answer is the signature.
fn check_changed(change: Change) {
    let issuer = LazyLock::force(&ISSUER);
    *CHANGE.lock().expect("one thread") = Some(change);
    let token = RUNTIME.block_on(issuer.issue_async(&serde_json::json!({ "sub": "ada" })));
    let (good, answer) = ANSWER.lock().expect("one thread").clone();
    match token {
        Ok(token) => {
            assert_eq!(answer.as_ref(), Some(&good));
            assert!(issuer.verifier().verify_now(token.as_str()).is_ok());
        }
        Err(error) => {
            assert!(error.is_unavailable());
            assert_ne!(answer.as_ref(), Some(&good));
        }
    }
}
