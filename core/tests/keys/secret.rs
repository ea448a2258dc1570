//! Shared secrets.

use countersign::{Algorithm, ConfigError, Key, SigningKey};

use super::refusal;

type Make<T> = fn(Vec<u8>) -> Result<T, ConfigError>;

fn secret(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect()
}

#[test]
fn a_secret_is_as_long_as_the_hash() {
    let cases: [(Make<Key>, Make<SigningKey>, usize, Algorithm); 3] = [
        (Key::hs256, SigningKey::hs256, 32, Algorithm::HS256),
        (Key::hs384, SigningKey::hs384, 48, Algorithm::HS384),
        (Key::hs512, SigningKey::hs512, 64, Algorithm::HS512),
    ];
    for (key, signing_key, least, algorithm) in cases {
        for enough in [least, least + 1, 200] {
            assert_eq!(key(secret(enough)).unwrap().algorithm(), algorithm);
            assert_eq!(signing_key(secret(enough)).unwrap().algorithm(), algorithm);
        }
        let short = least - 1;
        let expected = format!(
            "weak key: an {algorithm} secret needs at least {least} bytes, this one has {short}"
        );
        assert_eq!(refusal(key(secret(short))), expected);
        assert_eq!(refusal(signing_key(secret(short))), expected);
        assert!(key(Vec::new()).is_err());
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
