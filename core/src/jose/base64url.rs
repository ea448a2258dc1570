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
    // Exactly that, so that nothing has to be given back later.
    output.resize(decoded_length(input.len()), 0);
    let length = ENGINE.decode_slice(input, output).ok()?;
    output.truncate(length);
    Some(())
}

/// Room for what one text decodes to: on the stack, unless it is more than `N` bytes.
pub(crate) struct Buffer<const N: usize> {
    stack: [u8; N],
    heap: Vec<u8>,
}

impl<const N: usize> Buffer<N> {
    pub(crate) const fn new() -> Self {
        Self {
            stack: [0; N],
            heap: Vec::new(),
        }
    }

    /// Decodes `input` in here.
    pub(crate) fn decode(&mut self, input: &str) -> Option<&[u8]> {
        if decoded_length(input.len()) > N {
            decode_into(input, &mut self.heap)?;
            return Some(&self.heap);
        }
        let length = ENGINE.decode_slice(input, &mut self.stack).ok()?;
        Some(&self.stack[..length])
    }
}

/// Six bits a character, and not one byte more.
fn decoded_length(length: usize) -> usize {
    length / 4 * 3 + length % 4 * 3 / 4
}

/// Appends the text of `bytes` to `output`.
#[cfg(any(test, feature = "test-util"))]
pub(crate) fn encode_into(bytes: impl AsRef<[u8]>, output: &mut String) {
    ENGINE.encode_string(bytes, output);
}

/// Returns the length of the text of so many bytes.
pub(crate) fn encoded_length(bytes: usize) -> usize {
    bytes / 3 * 4 + (bytes % 3 * 4).div_ceil(3)
}

/// Appends the text of `bytes` to ASCII bytes.
pub(crate) fn encode_onto(bytes: &[u8], output: &mut Vec<u8>) {
    let start = output.len();
    output.resize(start + encoded_length(bytes.len()), 0);
    encode_to(bytes, &mut output[start..]);
}

/// Writes the text of `bytes` to `output`, which has its length.
pub(crate) fn encode_to(bytes: &[u8], output: &mut [u8]) {
    let written = ENGINE.encode_slice(bytes, output);
    debug_assert_eq!(written, Ok(output.len()));
}

/// Returns the text of `bytes`.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    ENGINE.encode(bytes)
}

/// Made once, for it asks which instructions the processor has.
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
    fn all_ways_to_encode_agree() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(37)).collect();
            let mut output = b"x".to_vec();
            encode_onto(&bytes, &mut output);
            assert_eq!(output, format!("x{}", encode(&bytes)).as_bytes());
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
    fn a_buffer_holds_little_and_much() {
        for length in [0, 1, 2, 3, 62, 63, 64, 65, 66, 1_000] {
            let bytes = vec![7; length];
            let mut buffer = Buffer::<64>::new();
            assert_eq!(buffer.decode(&encode(&bytes)), Some(&*bytes));
            assert_eq!(buffer.decode("AQ"), Some(&[1][..]));
            assert_eq!(buffer.decode("AQ="), None);
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
