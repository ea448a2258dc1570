//! Base64url without padding (RFC 7515 section 2), canonical only.
//!
//! Padding, white space, the standard alphabet and non-zero trailing bits are refused, so every
//! byte string has exactly one text.

use std::sync::LazyLock;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use base64::engine::Simd;
use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurposeConfig},
};
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::{alphabet::URL_SAFE, engine::GeneralPurpose};

/// Decodes `input` into a new vector.
pub(crate) fn decode(input: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let mut output = Vec::new();
    decode_into(input, &mut output)?;
    Some(output)
}

/// Decodes `input` and replaces what is in `output`; its capacity is used again.
pub(crate) fn decode_into(input: impl AsRef<[u8]>, output: &mut Vec<u8>) -> Option<()> {
    output.clear();
    let input = input.as_ref();
    // Six bits a character, and not one byte more, so that nothing has to be given back later.
    output.resize(input.len() / 4 * 3 + input.len() % 4 * 3 / 4, 0);
    let length = ENGINE.decode_slice(input, output).ok()?;
    output.truncate(length);
    Some(())
}

/// Appends the text of `bytes` to `output`.
pub(crate) fn encode_into(bytes: impl AsRef<[u8]>, output: &mut String) {
    ENGINE.encode_string(bytes, output);
}

/// The text of `bytes`.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    ENGINE.encode(bytes)
}

/// Which instructions the processor has is asked once.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(STRICT));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static ENGINE: LazyLock<GeneralPurpose> = LazyLock::new(|| GeneralPurpose::new(&URL_SAFE, STRICT));

const STRICT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::RequireNone)
    .with_decode_allow_trailing_bits(false);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_decodes_to_the_same() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(37)).collect();
            assert_eq!(decode(encode(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        assert_eq!(decode("-_8"), Some(vec![0xfb, 0xff]));
        for text in [
            "-_8=", "+/8", "-_9", "-_", "-", "-_8 ", " -_8", "-_\n8", "-_8\0", "-_8==",
        ] {
            let expected = (text == "-_").then_some(vec![0xfb]);
            assert_eq!(
                decode(text).filter(|_| expected.is_some()),
                None,
                "{text:?}"
            );
        }
    }

    #[test]
    fn decoding_replaces_and_encoding_appends() {
        let mut bytes = vec![9; 9];
        decode_into("AQ", &mut bytes).unwrap();
        assert_eq!(bytes, [1]);
        let mut text = String::from("x.");
        encode_into([1], &mut text);
        assert_eq!(text, "x.AQ");
    }
}
