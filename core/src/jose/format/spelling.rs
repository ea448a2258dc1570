//! The spellings of a published key that have exactly one reading, though RFC 7518 allows only one spelling.
//!
//! 1. The numbers of an RSA key with zero octets in front: a library wrote a signed number.
//! 2. A coordinate without its leading zeros, or with more of them (RFC 7518 section 6.2.1.2).
//! 3. Base64 with padding, line breaks or the characters `+` and `/` (RFC 4648 section 4).
//! 4. `null` for a member that is absent.
//!
//! Whatever could be read in two ways stays as it is, and the strict reader refuses it: spaces, which may
//! once have been `+`; bits after the last octet; a duplicate name; a coordinate that does not fit; an
//! Ed25519 point of another length, since it is no number with leading zeros.

use serde_json::Value;

use super::jwk::{Members, PRIVATE};
use crate::jose::{base64url, material::Curve};

impl Members {
    /// Writes the members of a public key in their canonical form; returns what was otherwise before.
    ///
    /// A secret is left alone: nobody should have published it.
    pub(crate) fn make_canonical(&mut self) -> Vec<String> {
        let mut notes = Vec::new();
        let text = |name| self.0.get(name).and_then(Value::as_str);
        let numbers: &[(&str, Form)] = match (text("kty"), text("crv").and_then(Curve::from_name)) {
            (Some("RSA"), _) => &[("n", Form::Number), ("e", Form::Number)],
            (Some("EC"), Some(curve)) => {
                let form = Form::Coordinate(curve.field_len());
                &[("x", form), ("y", form)]
            }
            (Some("OKP"), _) => &[("x", Form::Octets)],
            _ => return notes,
        };
        for name in OPTIONAL.into_iter().chain(PRIVATE) {
            if self.0.get(name) == Some(&Value::Null) {
                self.0.remove(name);
                notes.push(format!("{name} is null"));
            }
        }
        for (name, form) in numbers {
            if let Some(Value::String(text)) = self.0.get_mut(*name)
                && let Some(canonical) = form.canonical(name, text, &mut notes)
            {
                *text = canonical;
            }
        }
        notes
    }
}

/// The meaning of the octets of a member.
#[derive(Clone, Copy)]
enum Form {
    /// A number as long as the field of a curve.
    Coordinate(usize),
    /// A number without leading zeros.
    Number,
    /// Octets, of which each counts.
    Octets,
}

impl Form {
    /// Returns the canonical text; `None` if there is none.
    fn canonical(self, name: &str, text: &str, notes: &mut Vec<String>) -> Option<String> {
        let (octets, is_plain) = match base64url::decode(text) {
            Some(octets) => (octets, true),
            None => (base64url::decode(plain(text)?)?, false),
        };
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let number = &octets[zeros..];
        let canonical = match self {
            Self::Coordinate(length) if octets.len() != length && !octets.is_empty() => {
                let missing = length.checked_sub(number.len())?;
                notes.push(format!("{name} has {} bytes, not {length}", octets.len()));
                [&vec![0; missing], number].concat()
            }
            Self::Number if zeros > 0 => {
                notes.push(format!("{name} has a leading zero octet"));
                number.to_vec()
            }
            _ => octets,
        };
        if !is_plain {
            notes.push(format!("{name} is base64, not base64url without padding"));
        }
        Some(base64url::encode(canonical))
    }
}

/// Returns the text of base64 as base64url without padding and line breaks.
fn plain(text: &str) -> Option<String> {
    let text = text.replace(['\r', '\n'], "");
    let body = text.trim_end_matches('=');
    // All the padding or none (RFC 4648 section 3.2).
    let is_whole = body.len() == text.len() || text.len() == body.len().next_multiple_of(4);
    is_whole.then(|| body.replace('+', "-").replace('/', "_"))
}

/// The members that a public key need not have.
const OPTIONAL: [&str; 4] = ["alg", "key_ops", "kid", "use"];
