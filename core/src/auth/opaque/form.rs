//! The forms of opaque tokens, by which they are told from JWTs.

use crate::error::ConfigError;

/// The form of a kind of opaque tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The content of a header, by its name in lower case.
    Header(Box<str>),
    /// A token that begins with this text.
    Prefix(Box<str>),
}

impl Form {
    /// The longest prefix, in bytes.
    const LONGEST_PREFIX: usize = 32;

    /// Checks that no JWT can have this form.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let text = match self {
            Self::Header(name) if !is_header_name(name) => {
                format!("`OpaqueTokens::in_header`: {name:?} is no name of a header")
            }
            Self::Header(name) if matches!(&**name, "authorization" | "cookie") => format!(
                "`OpaqueTokens::in_header`: {name:?} can carry a JWT. Its tokens are told apart by \
                 `OpaqueTokens::prefixed`"
            ),
            Self::Prefix(prefix)
                if !(1..=Self::LONGEST_PREFIX).contains(&prefix.len())
                    || !prefix.bytes().all(is_token68) =>
            {
                format!(
                    "`OpaqueTokens::prefixed`: {prefix:?} is no prefix of 1 to 32 letters, digits, and `-._~+/`"
                )
            }
            Self::Prefix(prefix) if can_begin_jws(prefix.as_bytes()) => format!(
                "`OpaqueTokens::prefixed`: a JWT can begin with {prefix:?}, as with `ey`: nobody could tell them apart"
            ),
            _ => return Ok(()),
        };
        Err(ConfigError::InvalidSetting(text))
    }

    /// Returns whether a credential can have both forms.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header(own), Self::Header(other)) => own == other,
            (Self::Prefix(own), Self::Prefix(other)) => {
                own.starts_with(&**other) || other.starts_with(&**own)
            }
            _ => false,
        }
    }
}

/// Returns whether a JWS in compact form can begin with this text (RFC 7515 section 7.1).
///
/// It begins with the base64url of a JSON object, so its first byte is a brace or white space (RFC 8259 section 2), of which
/// the first character has six bits and the second one the others.
fn can_begin_jws(prefix: &[u8]) -> bool {
    let bits = |byte: Option<&u8>| match byte {
        None => Some(None),
        Some(byte) => sextet(*byte).map(Some),
    };
    let (Some(Some(high)), Some(low)) = (bits(prefix.first()), bits(prefix.get(1))) else {
        return prefix.is_empty();
    };
    b"{ \t\n\r".iter().any(|start| {
        let has_low = low.is_none_or(|low| low >> 4 == start & 0b11);
        high == start >> 2 && has_low
    })
}

/// Returns the six bits of a character of base64url (RFC 4648 section 5).
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

/// Returns whether a byte can be part of a bearer token (RFC 6750 section 2.1), but for the padding.
fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte)
}

/// Returns whether a text is a `token` (RFC 9110 section 5.6.2).
fn is_header_name(name: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_tchar)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jose::base64url;

    #[test]
    fn prefixes_with_which_a_jwt_can_begin_are_known() {
        for prefix in [
            "e",
            "ey",
            "eyJ",
            "ew",
            "eyJhbGciOiJIUzI1NiJ9.",
            "I",
            "IH",
            "C",
            "CX",
            "D",
        ] {
            assert!(can_begin_jws(prefix.as_bytes()), "{prefix}");
        }
        for prefix in [
            "s", "sk_", "ghp_", "ek_", "eA", "E", "Ey", "DD", "pat_", "~e", ".ey", "e.", "__",
        ] {
            assert!(!can_begin_jws(prefix.as_bytes()), "{prefix}");
        }
    }

    proptest! {
        #[test]
        fn no_beginning_of_a_header_passes_for_a_prefix(
            space in "[ \t\n\r]{0,3}",
            members in r#"[ -~]{0,20}"#,
            length in 1_usize..8,
        ) {
            let encoded = base64url::encode(format!("{space}{{{members}}}"));
            let length = length.min(encoded.len());
            prop_assert!(can_begin_jws(&encoded.as_bytes()[..length]));
            prop_assert!(Form::Prefix(encoded[..length].into()).check().is_err());
        }
    }
}
