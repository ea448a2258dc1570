//! The material of keys, whatever text it came from.

use zeroize::Zeroizing;

/// The part of a key that verifies: public numbers, or the secret of an HMAC.
///
/// Nothing about it has been checked but that it could be read: see `key/strength.rs`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Material {
    /// Affine coordinates, big-endian, each exactly as long as the field.
    Ec {
        curve: Curve,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    /// The encoded point of RFC 8032 section 5.1.2.
    Ed25519([u8; 32]),
    Hmac(Zeroizing<Vec<u8>>),
    /// Big-endian, without leading zero octets.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl Material {
    pub(crate) fn key_type(&self) -> KeyType {
        match self {
            Self::Ec { curve, .. } => KeyType::Ec(*curve),
            Self::Ed25519(_) => KeyType::Ed25519,
            Self::Hmac(_) => KeyType::Hmac,
            Self::Rsa { .. } => KeyType::Rsa,
        }
    }

    /// A point from its uncompressed encoding (SEC 1 section 2.3.3).
    pub(crate) fn from_point(curve: Curve, point: &[u8]) -> Option<Self> {
        let coordinates = point.strip_prefix(&[UNCOMPRESSED])?;
        let (x, y) = coordinates.split_at_checked(curve.field_len())?;
        (y.len() == curve.field_len()).then(|| Self::Ec {
            curve,
            x: x.to_vec(),
            y: y.to_vec(),
        })
    }
}

/// The uncompressed encoding of a point (SEC 1 section 2.3.3).
pub(crate) fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[UNCOMPRESSED], x, y].concat()
}

/// The part of a key that signs.
#[derive(Clone)]
pub(crate) enum PrivateMaterial {
    /// Big-endian, exactly as long as the field.
    Ec {
        curve: Curve,
        d: Zeroizing<Vec<u8>>,
    },
    /// The seed of RFC 8032 section 5.1.5.
    Ed25519(Zeroizing<[u8; 32]>),
    Hmac(Zeroizing<Vec<u8>>),
    Rsa(Box<RsaNumbers>),
}

impl PrivateMaterial {
    pub(crate) fn key_type(&self) -> KeyType {
        match self {
            Self::Ec { curve, .. } => KeyType::Ec(*curve),
            Self::Ed25519(_) => KeyType::Ed25519,
            Self::Hmac(_) => KeyType::Hmac,
            Self::Rsa(_) => KeyType::Rsa,
        }
    }
}

/// A two-prime RSA key with its CRT numbers (RFC 8017 section 3.2), big-endian.
#[derive(Clone)]
pub(crate) struct RsaNumbers {
    pub(crate) n: Vec<u8>,
    pub(crate) e: Vec<u8>,
    pub(crate) d: Zeroizing<Vec<u8>>,
    pub(crate) p: Zeroizing<Vec<u8>>,
    pub(crate) q: Zeroizing<Vec<u8>>,
    pub(crate) dp: Zeroizing<Vec<u8>>,
    pub(crate) dq: Zeroizing<Vec<u8>>,
    pub(crate) qi: Zeroizing<Vec<u8>>,
}

/// A type of key, as fine as an algorithm needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyType {
    Ec(Curve),
    Ed25519,
    Hmac,
    Rsa,
}

impl KeyType {
    /// The value of `kty` (RFC 7518 section 6.1, RFC 8037 section 2).
    pub(crate) fn kty(self) -> &'static str {
        match self {
            Self::Ec(_) => "EC",
            Self::Ed25519 => "OKP",
            Self::Hmac => "oct",
            Self::Rsa => "RSA",
        }
    }

    /// In words, with an article, for an error text.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Ec(Curve::P256) => "an elliptic curve key on P-256",
            Self::Ec(Curve::P384) => "an elliptic curve key on P-384",
            Self::Ec(Curve::P521) => "an elliptic curve key on P-521",
            Self::Ed25519 => "an Ed25519 key",
            Self::Hmac => "a symmetric key",
            Self::Rsa => "an RSA key",
        }
    }
}

/// A curve for ECDSA (RFC 7518 section 6.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// The value of `crv`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521]
            .into_iter()
            .find(|curve| curve.name() == name)
    }

    /// Length of a coordinate, and of a private scalar, in bytes.
    pub(crate) fn field_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// Text from outside, fit for a log line: escaped, and cut after 32 characters.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 32;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{:?}...", &text[..cut]),
        None => format!("{text:?}"),
    }
}

const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_has_exactly_two_coordinates() {
        for (length, expected) in [(63, false), (64, true), (65, false)] {
            let encoded = [vec![4], vec![1; length]].concat();
            assert_eq!(
                Material::from_point(Curve::P256, &encoded).is_some(),
                expected
            );
        }
    }

    #[test]
    fn a_compressed_point_is_not_read() {
        let encoded = [vec![2], vec![1; 32]].concat();
        assert!(Material::from_point(Curve::P256, &encoded).is_none());
    }

    #[test]
    fn foreign_text_is_escaped_and_cut() {
        assert_eq!(quoted("a\nb"), r#""a\nb""#);
        assert_eq!(
            quoted(&"ä".repeat(40)),
            format!("\"{}\"...", "ä".repeat(32))
        );
    }
}
