//! The strength that a key needs for its algorithm, checked once, when the key is made.
//!
//! 1. The key is of the algorithm's type and curve (RFC 7518 section 3.1).
//! 2. A secret is as long as the hash (RFC 7518 section 3.2). That it is not one byte repeated is
//!    a check of its own: published vectors use such a key for signatures, no verifier may.
//! 3. An RSA modulus has 2048 to 8192 bits, no small factor and no ROCA fingerprint; its exponent
//!    is odd, at least 65537 and below 2^32 (RFC 7518 section 3.3, NIST FIPS 186-5 section 5.4).
//!    Of a private key, no prime is longer than half of the modulus (FIPS 186-5 appendix A.1.1).
//! 4. A point is on its curve and not of small order; its encoding is the only one it has.
//!
//! The backend checks that a point is on P-256, P-384 or P-521, since it must know the curve.

use super::{edwards, secret::ends_in_line_feed};
use crate::{
    error::ConfigError,
    jose::{
        Algorithm,
        material::{KeyType, Material, PrivateMaterial},
    },
};

/// Refuses material that does not fit `algorithm` or is too weak for it.
pub(crate) fn check(algorithm: Algorithm, material: &Material) -> Result<(), ConfigError> {
    check_type(algorithm, material.key_type())?;
    match material {
        Material::Ec { x, y, .. } => check_point(x, y),
        Material::Ed25519(public) => edwards::check(public),
        Material::Hmac(secret) => check_secret(algorithm, secret),
        Material::Rsa { n, e } => check_modulus(n).and_then(|()| check_exponent(e)),
    }
}

/// Refuses private material that is no good for any algorithm.
///
/// The backend checks that its numbers belong to each other.
pub(crate) fn check_private(private: &PrivateMaterial) -> Result<(), ConfigError> {
    let PrivateMaterial::Rsa(numbers) = private else {
        return Ok(());
    };
    let half = bit_len(&numbers.n).div_ceil(2);
    if bit_len(&numbers.p).max(bit_len(&numbers.q)) > half {
        return Err(ConfigError::WeakKey(
            "a prime of the RSA key is longer than half of the modulus".into(),
        ));
    }
    Ok(())
}

/// Refuses a key of another type than `algorithm` needs.
pub(crate) fn check_type(algorithm: Algorithm, key_type: KeyType) -> Result<(), ConfigError> {
    let needed = algorithm.key_type();
    if key_type == needed {
        return Ok(());
    }
    Err(ConfigError::InvalidKey(format!(
        "{algorithm} needs {}, this is {}",
        needed.described(),
        key_type.described()
    )))
}

fn check_point(x: &[u8], y: &[u8]) -> Result<(), ConfigError> {
    if x.iter().chain(y).all(|byte| *byte == 0) {
        return Err(ConfigError::WeakKey(
            "the point with two zero coordinates is no public key".into(),
        ));
    }
    Ok(())
}

fn check_secret(algorithm: Algorithm, secret: &[u8]) -> Result<(), ConfigError> {
    let (least, length) = (algorithm.hash_len(), secret.len());
    if length < least {
        let counted = if ends_in_line_feed(secret) {
            ", the line feed at its end included"
        } else {
            ""
        };
        return Err(ConfigError::WeakKey(format!(
            "an {algorithm} secret needs at least {least} bytes, this one has {length}{counted}: `openssl rand \
             -base64 48` makes one, and `Key::weak_hs256_secret` verifies what an old HS256 one has signed"
        )));
    }
    Ok(())
}

/// Refuses a secret that is one byte repeated: a buffer that nobody filled.
pub(crate) fn reject_placeholder(material: &Material) -> Result<(), ConfigError> {
    match material {
        Material::Hmac(secret) if secret.windows(2).all(|pair| pair[0] == pair[1]) => Err(
            ConfigError::WeakKey("the secret is one byte repeated".into()),
        ),
        _ => Ok(()),
    }
}

fn check_modulus(n: &[u8]) -> Result<(), ConfigError> {
    let bits = bit_len(n);
    if !(2048..=8192).contains(&bits) {
        return Err(ConfigError::WeakKey(format!(
            "an RSA modulus must have 2048 to 8192 bits, this one has {bits}"
        )));
    }
    if n.last().is_some_and(|last| last % 2 == 0) {
        return Err(ConfigError::WeakKey("the RSA modulus is even".into()));
    }
    let residues = PRIMES.map(|prime| (prime, remainder(n, prime)));
    if residues.iter().any(|(_, residue)| *residue == 0) {
        return Err(ConfigError::WeakKey(
            "the RSA modulus has a small factor".into(),
        ));
    }
    if residues
        .iter()
        .all(|(prime, residue)| is_power_of_65537(*residue, *prime))
    {
        return Err(ConfigError::WeakKey(
            "the RSA modulus has the ROCA fingerprint (CVE-2017-15361): it can be factored".into(),
        ));
    }
    Ok(())
}

fn check_exponent(e: &[u8]) -> Result<(), ConfigError> {
    let exponent = match e.len() {
        0..=4 => e.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
        _ => 0,
    };
    if exponent < 65_537 || exponent % 2 == 0 {
        return Err(ConfigError::WeakKey(
            "an RSA exponent must be odd, at least 65537 and below 2^32".into(),
        ));
    }
    Ok(())
}

fn bit_len(number: &[u8]) -> usize {
    match number.iter().position(|byte| *byte != 0) {
        Some(zeros) => (number.len() - zeros) * 8 - number[zeros].leading_zeros() as usize,
        None => 0,
    }
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number
        .iter()
        .fold(0, |rest, byte| (rest << 8 | u32::from(*byte)) % prime)
}

fn is_power_of_65537(residue: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == residue {
            return true;
        }
        power = power * (65_537 % prime) % prime;
    }
    false
}

/// The odd primes up to 167.
///
/// A vulnerable generator makes only moduli that are a power of 65537 modulo each of them (Nemec
/// et al., "The Return of Coppersmith's Attack", CCS 2017, section 2). One sound modulus in about
/// 2^27 looks the same.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::jose::material::Curve;

    /// Odd, of `bits` bits, and without a small factor.
    fn modulus(bits: usize) -> Vec<u8> {
        let mut n = vec![0; bits.div_ceil(8)];
        n[0] = 1 << ((bits - 1) % 8);
        if let Some(last) = n.last_mut() {
            *last |= 1;
        }
        while PRIMES.iter().any(|prime| remainder(&n, *prime) == 0) {
            let last = n.len() - 1;
            n[last] = n[last].wrapping_add(2);
        }
        n
    }

    fn rsa(n: Vec<u8>, e: &[u8]) -> Result<(), ConfigError> {
        check(Algorithm::RS256, &Material::Rsa { n, e: e.to_vec() })
    }

    fn secret(algorithm: Algorithm, secret: Vec<u8>) -> Result<(), ConfigError> {
        check(algorithm, &Material::Hmac(Zeroizing::new(secret)))
    }

    #[test]
    fn an_rsa_modulus_has_2048_to_8192_bits() {
        for (bits, expected) in [(2047, false), (2048, true), (8192, true), (8193, false)] {
            assert_eq!(rsa(modulus(bits), &[1, 0, 1]).is_ok(), expected, "{bits}");
        }
    }

    #[test]
    fn an_rsa_modulus_has_no_small_factor() {
        let mut n = modulus(2048);
        let last = n.len() - 1;
        n[last] ^= 1;
        assert!(rsa(n.clone(), &[1, 0, 1]).is_err());
        n[last] ^= 1;
        while remainder(&n, 167) != 0 {
            n[last - 1] = n[last - 1].wrapping_add(1);
        }
        assert!(rsa(n, &[1, 0, 1]).is_err());
    }

    #[test]
    fn a_modulus_that_is_a_power_of_65537_for_every_prime_has_the_roca_fingerprint() {
        // The product of the primes, moved up: adding r to it gives r modulo each of them.
        let mut n = PRIMES
            .iter()
            .fold(vec![1], |number, prime| times(&number, *prime));
        n.resize(300, 0);
        n[299] = 1;
        let refused = rsa(n.clone(), &[1, 0, 1]).unwrap_err();
        assert!(refused.to_string().contains("ROCA"), "{refused}");
        n[299] = 173;
        assert_eq!(rsa(n, &[1, 0, 1]), Ok(()));
    }

    fn times(number: &[u8], factor: u32) -> Vec<u8> {
        let mut carry = 0;
        let mut product: Vec<u8> = number
            .iter()
            .rev()
            .map(|byte| {
                carry += u32::from(*byte) * factor;
                let low = carry.to_le_bytes()[0];
                carry >>= 8;
                low
            })
            .collect();
        product.push(u8::try_from(carry).unwrap());
        product.reverse();
        product
    }

    #[test]
    fn an_rsa_exponent_is_odd_and_of_17_to_32_bits() {
        for (e, expected) in [
            (&[][..], false),
            (&[1], false),
            (&[3], false),
            (&[0xff, 0xff], false),
            (&[1, 0, 0], false),
            (&[1, 0, 1], true),
            (&[1, 0, 2], false),
            (&[0xff, 0xff, 0xff, 0xff], true),
            (&[1, 0, 0, 0, 1], false),
        ] {
            assert_eq!(rsa(modulus(2048), e).is_ok(), expected, "{e:?}");
        }
    }

    #[test]
    fn a_power_of_65537_is_found_modulo_every_prime() {
        for prime in PRIMES {
            let generator = 65_537 % prime;
            assert!(is_power_of_65537(generator * generator % prime, prime));
        }
        // 65537 is -1 modulo 11.
        let powers: Vec<u32> = (0..11).filter(|n| is_power_of_65537(*n, 11)).collect();
        assert_eq!(powers, [1, 10]);
    }

    #[test]
    fn a_secret_is_as_long_as_the_hash() {
        for (algorithm, least) in [
            (Algorithm::HS256, 32),
            (Algorithm::HS384, 48),
            (Algorithm::HS512, 64),
        ] {
            let bytes: Vec<u8> = (0..least).collect();
            assert!(secret(algorithm, bytes[1..].to_vec()).is_err());
            assert!(secret(algorithm, bytes).is_ok());
        }
    }

    #[test]
    fn one_byte_repeated_is_no_secret() {
        let mut bytes = vec![7; 32];
        let filled =
            |bytes: &[u8]| reject_placeholder(&Material::Hmac(Zeroizing::new(bytes.to_vec())));
        assert!(filled(&bytes).is_err());
        bytes[31] = 8;
        assert!(filled(&bytes).is_ok());
    }

    #[test]
    fn a_key_of_another_type_is_named_in_the_refusal() {
        let material = Material::Ec {
            curve: Curve::P384,
            x: vec![1; 48],
            y: vec![1; 48],
        };
        assert_eq!(
            check(Algorithm::ES256, &material).unwrap_err().to_string(),
            "invalid key: ES256 needs an elliptic curve key on P-256, \
             this is an elliptic curve key on P-384"
        );
    }
}
