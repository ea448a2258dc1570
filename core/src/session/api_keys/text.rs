//! The text of an API key: prefix, id, secret and checksum.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::{
    jose::{NoRandomness, crypto::random},
    session::store::ApiKeyId,
};

/// The text of a new API key, which its user is shown once.
///
/// `sk_4fJq0Zk9Xw7v2LbT_..`: the prefix, the [id](ApiKeyId), `_`, 32 characters of the secret (190 bits) and six of a checksum
/// (CRC-32), so that a typing mistake is told without asking the store, and scanners of repositories know a leaked one. Letters
/// and digits only, but for the prefix and `_`.
///
/// `Debug` does not show it, and its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct ApiKeyText(Zeroizing<String>);

/// The parts of a key that a client presents.
pub(in crate::session) struct Parts<'t> {
    pub(in crate::session) id: ApiKeyId,
    pub(in crate::session) secret: &'t str,
}

const SECRET: usize = 32;
const CHECKSUM: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl ApiKeyText {
    /// Generates a key, and its id.
    pub(super) fn generate(prefix: &str) -> Result<(ApiKeyId, Self), NoRandomness> {
        let id = random_digits::<{ ApiKeyId::LENGTH }>()?;
        let secret = random_digits::<SECRET>()?;
        let text = |digits: &[u8]| String::from_utf8_lossy(digits).into_owned();
        // Room for all of it, so that no copy stays behind.
        let length = prefix.len() + ApiKeyId::LENGTH + 1 + SECRET + CHECKSUM;
        let mut all = Zeroizing::new(String::with_capacity(length));
        let id = text(&*id);
        all.push_str(prefix);
        all.push_str(&id);
        all.push('_');
        all.extend(secret.iter().map(|digit| char::from(*digit)));
        let checksum = checksum(&all);
        all.extend(checksum.map(char::from));
        let id = ApiKeyId::parse(&id).ok_or(NoRandomness)?;
        Ok((id, Self(all)))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyText").finish_non_exhaustive()
    }
}

impl<'t> Parts<'t> {
    /// Reads a text with this prefix. `None`: it is no key by its form, so nobody has to be asked.
    pub(in crate::session) fn parse(text: &'t str, prefix: &str) -> Option<Self> {
        let rest = text.strip_prefix(prefix)?;
        if rest.len() != ApiKeyId::LENGTH + 1 + SECRET + CHECKSUM || !rest.is_ascii() {
            return None;
        }
        let (id, rest) = rest.split_at(ApiKeyId::LENGTH);
        let (secret, found) = rest.strip_prefix('_')?.split_at(SECRET);
        if !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let before = text.strip_suffix(found)?;
        (found.as_bytes() == checksum(before)).then_some(())?;
        Some(Self {
            id: ApiKeyId::parse(id)?,
            secret,
        })
    }
}

/// Draws digits and letters, each with the same chance.
fn random_digits<const N: usize>() -> Result<Zeroizing<[u8; N]>, NoRandomness> {
    // The largest multiple of 62 in a byte: above it, the first ones would come more often.
    const FAIR: u8 = 248;

    let mut digits = Zeroizing::new([0; N]);
    let mut drawn = 0;
    let mut bytes = [0; 64];
    while drawn < N {
        random(&mut bytes)?;
        let fair = bytes.iter().filter(|byte| **byte < FAIR);
        for (digit, byte) in digits[drawn..].iter_mut().zip(fair) {
            *digit = DIGITS[usize::from(*byte % 62)];
            drawn += 1;
        }
    }
    bytes.zeroize();
    Ok(digits)
}

/// Computes the checksum of what stands before it: CRC-32 in six digits of base 62.
fn checksum(before: &str) -> [u8; CHECKSUM] {
    let mut rest = crc32(before.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// Computes the CRC-32 of ISO 3309, as zip files have it. A key is short, so it needs no table.
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn generate() -> String {
        let (_, text) = ApiKeyText::generate("sk_").unwrap();
        text.as_str().to_owned()
    }

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(&checksum(""), b"000000");
    }

    #[test]
    fn a_key_reads_back() {
        let (id, text) = ApiKeyText::generate("sk_").unwrap();
        let text = text.as_str();
        assert_eq!(text.len(), 58);
        let parts = Parts::parse(text, "sk_").unwrap();
        assert_eq!(parts.id, id);
        assert_eq!(&text[20..52], parts.secret);
        assert!(Parts::parse(text, "pk_").is_none());
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let text = generate();
        for at in 0..text.len() {
            for digit in ["0", "A", "z", "_", "-", " "] {
                let mut other = text.clone();
                other.replace_range(at..=at, digit);
                let is_same = other == text;
                assert_eq!(
                    Parts::parse(&other, "sk_").is_some(),
                    is_same,
                    "{at} {digit}"
                );
            }
        }
        for other in ["", "sk_", &text[1..], &text[..57], &format!("{text}0")] {
            assert!(Parts::parse(other, "sk_").is_none());
        }
    }

    #[test]
    fn all_digits_come_equally_often() {
        let mut counts = [0_u32; 128];
        for _ in 0..2_000 {
            for digit in random_digits::<62>().unwrap().iter() {
                counts[usize::from(*digit)] += 1;
            }
        }
        // 2,000 of each are expected, with a deviation of 45: eight of them never happen.
        for digit in DIGITS {
            let count = counts[usize::from(*digit)];
            assert!(
                (1_640..2_360).contains(&count),
                "{} {count}",
                char::from(*digit)
            );
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let (_, text) = ApiKeyText::generate("sk_").unwrap();
        assert_eq!(format!("{text:?}"), "ApiKeyText { .. }");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), prefix in "[a-z_]{0,3}") {
            let _ = Parts::parse(&text, &prefix);
            let _ = Parts::parse(&format!("{prefix}{text}"), &prefix);
        }
    }
}
