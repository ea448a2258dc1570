//! The encodings inside of a header: base64, hexadecimal and percent-encoding, each with one text for each byte string.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Decodes base64 of the standard alphabet, with its padding (RFC 4648 section 4).
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    PADDED.decode(text).ok()
}

/// Decodes the base64 of 32 bytes, with or without padding.
pub(super) fn base64_hash(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() > 44 {
        return None;
    }
    UNPADDED.decode(text).ok()?.try_into().ok()
}

/// Decodes the hexadecimal text of 32 bytes, in either case.
pub(super) fn hex_hash(text: &[u8]) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    let mut hash = [0; 32];
    if pairs.len() != hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(pairs) {
        *byte = hex_byte(*pair)?;
    }
    Some(hash)
}

/// Decodes percent-encoding (RFC 3986 section 2.1). Only unreserved characters, and those of `plain`, may stand for
/// themselves; `+` is no space.
pub(super) fn percent(text: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let (pair, after) = rest.split_first_chunk::<2>()?;
            decoded.push(hex_byte(*pair)?);
            rest = after;
        } else if first.is_ascii_alphanumeric() || b"-._~".contains(first) || plain.contains(first)
        {
            decoded.push(*first);
        } else {
            return None;
        }
    }
    Some(decoded)
}

fn hex_byte([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

const STRICT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(false);
const PADDED: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    STRICT.with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);
const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    STRICT.with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_one_text_for_each_byte_string() {
        assert_eq!(base64(b"+/8="), Some(vec![0xfb, 0xff]));
        for text in [
            "+/8", "-_8=", "+/9=", "+/8==", "+/8= ", " +/8=", "+/\n8=", "+=/8",
        ] {
            assert_eq!(base64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_hash_has_32_bytes() {
        let text = "0".repeat(64);
        assert_eq!(hex_hash(text.as_bytes()), Some([0; 32]));
        assert_eq!(hex_hash("aF".repeat(32).as_bytes()), Some([0xaf; 32]));
        for text in [
            &text[1..],
            &text[2..],
            &format!("{text}0"),
            &format!("{text}00"),
        ] {
            assert_eq!(hex_hash(text.as_bytes()), None, "{text}");
        }
        assert_eq!(hex_hash(format!("+{}", &text[1..]).as_bytes()), None);
        let text = "A".repeat(43);
        assert_eq!(base64_hash(text.as_bytes()), Some([0; 32]));
        assert_eq!(base64_hash(format!("{text}=").as_bytes()), Some([0; 32]));
        for text in [&text[1..], &format!("{text}A"), &format!("{text}==")] {
            assert_eq!(base64_hash(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn percent_encoding_is_read_to_the_letter() {
        assert_eq!(percent(b"a%2Bb%2b-._~", b""), Some(b"a+b+-._~".to_vec()));
        assert_eq!(percent(b"a+b=/", b"+=/"), Some(b"a+b=/".to_vec()));
        for text in [
            "%", "%2", "%zz", "%+1", "% 1", "a b", "a+b", "a\tb", "a\"b", "a%%41", "\u{e4}",
        ] {
            assert_eq!(percent(text.as_bytes(), b""), None, "{text:?}");
        }
    }
}
