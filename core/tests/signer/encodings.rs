//! Tests of the forms in which services take a message and give a signature.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::{Algorithm, SigningKey, issue::SigningInput, testing::TestIssuer};

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn from_der(algorithm: Algorithm, der: &[u8]) -> Option<Vec<u8>> {
    let input = SigningInput::new(algorithm, b"");
    input.signature_from_der(der).ok()
}

/// A sequence of two integers, as their content is written.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| [&[2, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let numbers = [integer(r), integer(s)].concat();
    let length = u8::try_from(numbers.len()).unwrap();
    match length {
        0..128 => [&[0x30, length], &numbers[..]].concat(),
        _ => [&[0x30, 0x81, length], &numbers[..]].concat(),
    }
}

/// The example of FIPS 180-4 for "abc".
#[test]
fn the_digest_is_that_of_the_algorithm() {
    let sha256 = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let sha384 = hex(
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    );
    let sha512 = hex(
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    );
    for algorithm in Algorithm::ALL {
        let digest = SigningInput::new(*algorithm, b"abc").digest();
        let expected = match &algorithm.name()[2..] {
            "256" => &sha256,
            "384" => &sha384,
            "512" => &sha512,
            _ => {
                assert!(!digest.unwrap_err().is_unavailable());
                continue;
            }
        };
        assert_eq!(&digest.unwrap(), expected, "{algorithm}");
    }
}

#[test]
fn two_numbers_in_der_become_two_halves() {
    for (algorithm, length) in [
        (Algorithm::ES256, 32),
        (Algorithm::ES384, 48),
        (Algorithm::ES512, 66),
    ] {
        // Short, of full length, and with the zero that keeps it positive.
        let short = vec![1];
        let full = vec![0x7f; length];
        let high = vec![0xff; length];
        let positive = [&[0], &high[..]].concat();
        for (r, r_out) in [(&short, &short), (&full, &full), (&positive, &high)] {
            for (s, s_out) in [(&short, &short), (&full, &full), (&positive, &high)] {
                let half = |number: &[u8]| [&vec![0; length - number.len()][..], number].concat();
                let expected = [half(r_out), half(s_out)].concat();
                let read = from_der(algorithm, &der(r, s));
                assert_eq!(read.as_ref(), Some(&expected), "{algorithm}");
            }
        }
    }
}

#[test]
fn der_is_read_to_the_letter() {
    let number = [0x7f; 32];
    let good = der(&number, &number);
    assert!(from_der(Algorithm::ES256, &good).is_some());
    let long_length = [&[0x30, 0x81, good[1]], &good[2..]].concat();
    let indefinite = [&[0x30, 0x80], &good[2..], &[0, 0]].concat();
    let set = [&[0x31], &good[1..]].concat();
    let three = {
        let numbers = [&good[2..], &[2, 1, 1]].concat();
        [&[0x30, u8::try_from(numbers.len()).unwrap()], &numbers[..]].concat()
    };
    let one = [&[0x30, 34], &good[2..36]].concat();
    for (what, bad) in [
        ("nothing", vec![]),
        ("two halves", number.repeat(2)),
        ("a byte behind it", [&good[..], &[0]].concat()),
        ("a byte is missing", good[..good.len() - 1].to_vec()),
        ("a length in two bytes", long_length),
        ("no length", indefinite),
        ("a set", set),
        ("three numbers", three),
        ("one number", one),
        ("a superfluous zero", der(&[0, 1], &number)),
        (
            "a superfluous zero",
            der(&number, &[&[0][..], &number].concat()),
        ),
        ("a negative number", der(&[0xff; 32], &number)),
        ("a negative number", der(&number, &[0x80])),
        ("no digits", der(&[], &number)),
        ("zero", der(&[0], &number)),
        ("zero", der(&number, &[0])),
        ("too long a number", der(&[0x7f; 33], &number)),
        (
            "too long a number",
            der(&number, &[&[0, 0xff][..], &number].concat()),
        ),
    ] {
        assert_eq!(from_der(Algorithm::ES256, &bad), None, "{what}");
    }
}

#[test]
fn only_ecdsa_is_in_der() {
    let good = der(&[1], &[1]);
    for algorithm in Algorithm::ALL {
        let input = SigningInput::new(*algorithm, b"");
        match input.signature_from_der(&good) {
            Ok(_) => assert!(algorithm.name().starts_with("ES"), "{algorithm}"),
            Err(error) => assert!(!error.is_unavailable(), "{algorithm}"),
        }
    }
}

#[test]
fn a_signature_is_of_one_message_and_key() {
    let issuer = TestIssuer::new();
    let token = issuer.token().sign();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let input = SigningInput::new(Algorithm::ES256, message.as_bytes());
    let key = issuer.key().verifying_key();
    assert!(input.is_signed_by(&key, &signature));
    assert!(!input.is_signed_by(&key, &signature[1..]));
    let other = SigningKey::generate_es256().unwrap().verifying_key();
    assert!(!input.is_signed_by(&other, &signature));
    let other = SigningInput::new(Algorithm::ES256, b"another");
    assert!(!other.is_signed_by(&key, &signature));
    let other = SigningInput::new(Algorithm::ES384, message.as_bytes());
    assert!(!other.is_signed_by(&key, &signature));
}

#[test]
fn a_message_is_not_shown() {
    let input = SigningInput::new(Algorithm::ES256, b"private");
    assert_eq!(
        format!("{input:?}"),
        "SigningInput { algorithm: ES256, bytes: 7 }"
    );
}
