//! The pieces of a text that are base64: headers, payloads and signatures of tokens.

use std::ops::Range;

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// The shortest part of a token: even `{}` makes three characters.
const SHORTEST: usize = 2;
/// A scheme without a space before the token.
const GLUED: &[u8] = b"Bearer";

/// A piece of a text, and its decoded bytes.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    /// The encoded text: the signature covers this.
    pub(super) text: Vec<u8>,
    pub(super) bytes: Vec<u8>,
}

/// Returns the pieces of a text, in order.
pub(super) fn pieces(text: &[u8]) -> Vec<Piece> {
    let is_other = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"-_+/".contains(byte));
    let mut start = 0;
    let mut pieces = Vec::new();
    for part in text.split(is_other) {
        let range = start..start + part.len();
        start = range.end + 1;
        pieces.extend(piece(text, range));
    }
    pieces
}

fn piece(text: &[u8], mut range: Range<usize>) -> Option<Piece> {
    if text[range.clone()].starts_with(GLUED) {
        range.start += GLUED.len();
    }
    let text = text[range.clone()].to_vec();
    if text.len() < SHORTEST {
        return None;
    }
    let bytes = decoded(&text)?;
    Some(Piece { range, text, bytes })
}

impl Piece {
    /// Encodes other bytes like this piece: in the same alphabet, with the same odd last character.
    pub(super) fn written(&self, bytes: &[u8]) -> Vec<u8> {
        let (mine, ours) = (encoded(&self.bytes), encoded(bytes));
        let mut written = ours.into_bytes();
        let odd = match (self.url_safe().last(), mine.as_bytes().last()) {
            (Some(own), Some(canonical)) => sextet(*own) ^ sextet(*canonical),
            _ => 0,
        };
        if let Some(last) = written.last_mut().filter(|_| odd != 0) {
            *last = URL_SAFE.as_str().as_bytes()[usize::from(sextet(*last) ^ odd)];
        }
        if self.text.iter().any(|byte| b"+/".contains(byte)) {
            for byte in &mut written {
                match byte {
                    b'-' => *byte = b'+',
                    b'_' => *byte = b'/',
                    _ => {}
                }
            }
        }
        written
    }

    fn url_safe(&self) -> Vec<u8> {
        url_safe(&self.text)
    }
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    engine().encode(bytes)
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    engine().decode(url_safe(text)).ok()
}

fn url_safe(text: &[u8]) -> Vec<u8> {
    let one = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    text.iter().map(one).collect()
}

fn sextet(character: u8) -> u8 {
    let position = URL_SAFE.as_str().bytes().position(|own| own == character);
    position
        .and_then(|at| u8::try_from(at).ok())
        .expect("base64url")
}

/// Returns an engine for base64url that ignores the unused bits of the last character.
fn engine() -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&URL_SAFE, config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_a_header_are_found() {
        let texts: Vec<_> = pieces(b"Bearer eyJhIjoxfQ.eyJiIjoxfQ==.AAAAAAAA")
            .into_iter()
            .map(|piece| piece.text)
            .collect();
        assert_eq!(texts, [&b"eyJhIjoxfQ"[..], b"eyJiIjoxfQ", b"AAAAAAAA"]);
    }

    #[test]
    fn a_piece_is_written_as_it_was() {
        let piece = |text: &str| pieces(text.as_bytes()).remove(0);
        assert_eq!(piece("AAAAAAAAAAB").written(&[0xff; 8]), b"__________9"); // '8' and one more
        assert_eq!(piece("AAAA+AAAAAA").written(&[0xff; 8]), b"//////////8");
    }
}
