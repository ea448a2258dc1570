//! Tests of shared secrets.

use countersign::{Algorithm, Key, SigningKey};

use super::refusal;

fn secret(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect()
}

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
            "weak key: an {algorithm} secret needs at least {least} bytes, this one has {short}"
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
