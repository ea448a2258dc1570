//! Tests of shared secrets.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use countersign::{Algorithm, ConfigError, Key, KeySet, SigningKey, keys::Secret};
use tracing::{Event, Level, Metadata, Subscriber, span};

use super::refusal;

fn secret(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect()
}

const WHAT_TO_DO: &str = ": `openssl rand -base64 48` makes one, and `Key::weak_hs256_secret` verifies what an old \
                          HS256 one has signed";

#[test]
fn a_secret_is_as_long_as_the_hash() {
    for (least, algorithm) in [
        (32, Algorithm::HS256),
        (48, Algorithm::HS384),
        (64, Algorithm::HS512),
    ] {
        let key = |length| Key::from_secret(algorithm, secret(length));
        let signing_key = |length| SigningKey::from_secret(algorithm, secret(length));
        for enough in [least, least + 1, 200] {
            assert_eq!(key(enough).unwrap().algorithm(), algorithm);
            assert_eq!(signing_key(enough).unwrap().algorithm(), algorithm);
        }
        let short = least - 1;
        let expected = format!(
            "weak key: an {algorithm} secret needs at least {least} bytes, this one has {short}{WHAT_TO_DO}"
        );
        assert_eq!(refusal(key(short)), expected);
        assert_eq!(refusal(signing_key(short)), expected);
        assert!(key(0).is_err());
    }
    assert_eq!(
        Key::hs256(secret(32)).unwrap().algorithm(),
        Algorithm::HS256
    );
}

#[test]
fn an_algorithm_without_a_secret_takes_none() {
    for algorithm in Algorithm::ALL {
        let is_symmetric = algorithm.is_symmetric();
        let key = Key::from_secret(*algorithm, secret(64));
        assert_eq!(key.is_ok(), is_symmetric, "{algorithm}");
        let key = SigningKey::from_secret(*algorithm, secret(64));
        assert_eq!(key.is_ok(), is_symmetric, "{algorithm}");
    }
}

#[test]
fn one_byte_repeated_is_no_secret() {
    for byte in [0, b'x'] {
        assert_eq!(
            refusal(Key::hs256([byte; 32])),
            "weak key: the secret is one byte repeated"
        );
    }
    let mut almost = [0; 32];
    almost[0] = 1;
    assert!(Key::hs256(almost).is_ok());
}

#[test]
fn a_weak_secret_verifies_by_its_name_only() {
    // The well-known example of the debugger at jwt.io; its secret says 256 bits, and has 152.
    const SECRET: &str = "your-256-bit-secret";
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
    assert!(matches!(Key::hs256(SECRET), Err(ConfigError::WeakKey(_))));
    assert!(SigningKey::hs256(SECRET).is_err());
    let key = Key::weak_hs256_secret(SECRET).unwrap();
    assert!(key.is_weak());
    assert_eq!(key.algorithm(), Algorithm::HS256);
    assert_eq!((key.thumbprint(), key.to_jwk()), (None, None));
    let verify = |key: Key| KeySet::new([key]).verify_signature_only(token);
    assert!(verify(key.with_id("old")).is_ok());
    assert!(verify(Key::weak_hs256_secret("your-256-bit-secreT").unwrap()).is_err());
}

#[test]
fn a_weak_secret_is_still_a_secret() {
    for bad in ["", "a", "aaaaaa"] {
        assert!(
            matches!(Key::weak_hs256_secret(bad), Err(ConfigError::WeakKey(_))),
            "{bad}"
        );
    }
    for published in ["-----BEGIN PUBLIC KEY-----", r#"{"kty":"RSA"}"#] {
        assert!(matches!(
            Key::weak_hs256_secret(published),
            Err(ConfigError::InvalidKey(_))
        ));
    }
    assert!(Key::weak_hs256_secret("ab").is_ok());
}

#[test]
fn a_good_secret_is_not_weak_by_whatever_name() {
    for (length, is_weak) in [(31, true), (32, false), (64, false)] {
        let key = Key::weak_hs256_secret(secret(length)).unwrap();
        assert_eq!(key.is_weak(), is_weak, "{length}");
    }
    assert!(!Key::hs256(secret(32)).unwrap().is_weak());
    assert!(Key::weak_hs256_secret([7; 32]).is_err());
}

#[test]
fn a_line_feed_at_the_end_is_named() {
    for (text, counted) in [
        ("secret", "6"),
        ("secret ", "7"),
        ("secret\n", "7, the line feed at its end included"),
        ("secret\r\n", "8, the line feed at its end included"),
    ] {
        assert_eq!(
            refusal(Key::hs256(text)),
            format!(
                "weak key: an HS256 secret needs at least 32 bytes, this one has {counted}{WHAT_TO_DO}"
            )
        );
    }
}

#[test]
fn a_weak_secret_and_a_line_feed_are_warnings() {
    let good = "a secret of the tests, of 32 bytes or more";
    let with_line_feed = &format!("{good}\n");
    for make in [
        (|secret| Key::hs256(secret)) as fn(&str) -> Result<Key, ConfigError>,
        |secret| Key::weak_hs256_secret(secret),
        |secret| Ok(SigningKey::hs256(secret)?.verifying_key()),
    ] {
        assert_eq!(warnings(|| make(good)), 0);
        assert_eq!(warnings(|| make(with_line_feed)), 1);
    }
    assert_eq!(warnings(|| Key::weak_hs256_secret("secret")), 1);
    assert_eq!(warnings(|| Key::weak_hs256_secret("secret\n")), 2);
}

/// Counts the warnings while a key is made.
fn warnings(make: impl FnOnce() -> Result<Key, ConfigError>) -> usize {
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), make).unwrap();
    warnings.0.load(Ordering::SeqCst)
}

#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        if *metadata.level() == Level::WARN {
            assert_eq!(metadata.target(), "countersign");
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_secret_in_base64_is_read_in_each_of_its_spellings() {
    let bytes: Vec<u8> = [0xfb, 0xff, 0xbf].repeat(11);
    for (bytes, text) in [
        (&bytes[..], "-_-_".repeat(11)),
        (&bytes[..], "+/+/".repeat(11)),
        (&bytes[..], format!(" {}\r\n", "+/+/".repeat(11))),
        (&bytes[..32], "-_-_".repeat(10) + "-_8"),
        (&bytes[..32], "-_-_".repeat(10) + "-_8="),
        (&bytes[..31], "+/+/".repeat(10) + "+w=="),
        (&bytes[..31], "+/+/".repeat(10) + "+w"),
    ] {
        let secret = Secret::from_base64(&text).unwrap();
        assert_eq!(secret.as_ref(), bytes, "{text:?}");
        assert_eq!(Key::hs256(&secret).is_ok(), bytes.len() >= 32);
        assert_eq!(SigningKey::hs256(secret).is_ok(), bytes.len() >= 32);
    }
}

#[test]
fn a_secret_that_is_not_base64_is_refused_without_a_word_of_it() {
    for (text, problem) in [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("==", "its padding (=) is not what its length needs"),
        ("correct horse", "byte 8 is not a character of base64"),
        ("hunter2!", "byte 8 is not a character of base64"),
        ("s\u{fc}\u{df}", "byte 2 is not a character of base64"),
        ("ab=cd", "byte 3 is not a character of base64"),
        ("ab\ncd", "byte 3 is not a character of base64"),
        (
            "a+b_",
            "it mixes the standard alphabet (+/) with the URL-safe one (-_)",
        ),
        ("abc==", "its padding (=) is not what its length needs"),
        ("ab=", "its padding (=) is not what its length needs"),
        ("abcd=", "its padding (=) is not what its length needs"),
        (
            "a",
            "it ends amid a byte: characters are missing at the end",
        ),
        (
            "abcde",
            "it ends amid a byte: characters are missing at the end",
        ),
        (
            "ab",
            "it ends amid a byte: characters are missing at the end",
        ),
    ] {
        assert_eq!(
            refusal(Secret::from_base64(text)),
            format!("invalid key: the secret is not base64: {problem}"),
            "{text:?}"
        );
    }
    assert!(Secret::from_base64("aQ").is_ok());
}
