//! The JOSE header (RFC 7515 section 4), read once and strictly.

use std::{borrow::Cow, sync::Arc};

use super::parse::{parse, short_type};
use crate::{
    error::AuthErrorKind,
    jose::{Algorithm, Buffer, base64url, json},
};

/// The header of a verified token.
///
/// Contains only what a verifier may use. Everything else that a header can carry (`jwk`, `jku`, `x5u`,
/// `x5c` ...) is ignored: a token never brings its own key (RFC 8725 section 3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Algorithm,
    key_id: Option<Arc<str>>,
    token_type: Option<Arc<str>>,
}

impl Header {
    /// The longest `kid` that can name a key, in bytes.
    pub(crate) const LONGEST_KEY_ID: usize = 256;

    /// The longest header that is read, in bytes of JSON.
    const LONGEST: usize = 4 << 10;

    /// Reads an encoded header, to keep it.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn parse(encoded: &str) -> Result<Self, AuthErrorKind> {
        let mut buffer = HeaderBuffer::new();
        HeaderView::parse(encoded, &mut buffer).map(|view| Self::from(&view))
    }

    /// Returns the header of a token that has none. Nothing was signed, so the algorithm says nothing.
    pub(crate) fn of_opaque_token() -> Self {
        Self {
            algorithm: Algorithm::HS256,
            key_id: None,
            token_type: Some("opaque".into()),
        }
    }

    /// Returns the view of a header that is kept.
    pub(crate) fn view(&self) -> HeaderView<'_> {
        HeaderView {
            algorithm: self.algorithm,
            key_id: self.key_id().map(Cow::Borrowed),
            token_type: self.token_type().map(Cow::Borrowed),
        }
    }

    /// The signature algorithm (`alg`).
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key identifier (`kid`), at most 256 bytes.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The token's type (`typ`) in lower case and without `application/`: `jwt`, `at+jwt` ...
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }
}

impl From<&HeaderView<'_>> for Header {
    fn from(view: &HeaderView<'_>) -> Self {
        Self {
            algorithm: view.algorithm,
            key_id: view.key_id().map(Arc::from),
            token_type: view.token_type().map(Arc::from),
        }
    }
}

/// A header that nobody has proved yet, borrowed from the bytes that it was decoded to.
///
/// Reading one allocates nothing, unless a text has escapes.
pub(crate) struct HeaderView<'h> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<Cow<'h, str>>,
    /// Without `application/`, in its own letters.
    pub(super) token_type: Option<Cow<'h, str>>,
}

/// Room for a decoded header: most have fewer bytes than this, and need no allocation.
pub(crate) type HeaderBuffer = Buffer<256>;

impl<'h> HeaderView<'h> {
    /// Reads an encoded header, the first part of a token.
    ///
    /// Anybody can send one, so its size is bounded: 4 KiB of JSON with 64 escapes, 32 members and
    /// elements in all, and six levels.
    pub(crate) fn parse(
        encoded: &str,
        buffer: &'h mut HeaderBuffer,
    ) -> Result<Self, AuthErrorKind> {
        const MALFORMED: AuthErrorKind = AuthErrorKind::MalformedToken;

        if encoded.len() > base64url::encoded_length(Header::LONGEST) {
            return Err(MALFORMED);
        }
        let json = buffer.decode(encoded).and_then(json::text);
        parse(json.ok_or(MALFORMED)?)
    }

    /// Returns the signature algorithm (`alg`).
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the key identifier (`kid`).
    pub(crate) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Returns the token's type (`typ`) in its normal form.
    pub(crate) fn token_type(&self) -> Option<String> {
        self.token_type.as_deref().map(str::to_ascii_lowercase)
    }

    /// Returns whether the token is of this type, a [normal](normal_type) one.
    pub(crate) fn has_type(&self, normal: &str) -> bool {
        let own = self.token_type.as_deref();
        own.is_some_and(|own| own == normal || own.eq_ignore_ascii_case(normal))
    }

    /// Returns whether the header names no type.
    pub(crate) fn has_no_type(&self) -> bool {
        self.token_type.is_none()
    }
}

/// Returns the normal form of a media type: in lower case, without `application/` (RFC 7515 section
/// 4.1.9).
pub(crate) fn normal_type(typ: &str) -> String {
    short_type(typ).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::base64url;

    fn parse(json: &str) -> Result<Header, AuthErrorKind> {
        let mut encoded = String::new();
        base64url::encode_into(json.as_bytes(), &mut encoded);
        Header::parse(&encoded)
    }

    #[test]
    fn the_known_members_are_read() {
        let header =
            parse(r#"{"alg":"RS256","kid":"k1","typ":"application/AT+JWT","x":{"y":[1]}}"#)
                .unwrap();
        assert_eq!(header.algorithm(), Algorithm::RS256);
        assert_eq!(header.key_id(), Some("k1"));
        assert_eq!(header.token_type(), Some("at+jwt"));
    }

    #[test]
    fn a_content_type_that_is_no_token_is_accepted() {
        assert!(parse(r#"{"alg":"RS256","cty":"json"}"#).is_ok());
    }

    #[test]
    fn what_would_change_the_meaning_is_not_supported() {
        for member in [
            r#""crit":[]"#,
            r#""crit":["exp"]"#,
            r#""crit":"exp""#,
            r#""b64":true"#,
            r#""zip":"DEF""#,
            r#""enc":"A128GCM""#,
            r#""cty":"jwt""#,
            r#""cty":"application/JWT""#,
        ] {
            let refused = parse(&format!(r#"{{"alg":"RS256",{member}}}"#)).unwrap_err();
            assert_eq!(refused, AuthErrorKind::UnsupportedHeader, "{member}");
        }
    }

    #[test]
    fn wrong_types_and_duplicates_are_malformed() {
        for json in [
            "[]",
            "null",
            "\"alg\"",
            "{}",
            "{\"alg\":\"RS256\"} x",
            "{\"alg\":null}",
            "{\"alg\":1}",
            r#"{"alg":"RS256","kid":null}"#,
            r#"{"alg":"RS256","kid":1}"#,
            r#"{"alg":"RS256","typ":1}"#,
            r#"{"alg":"RS256","alg":"RS256"}"#,
            r#"{"alg":"RS256","x":{"a":1,"a":2}}"#,
            r#"{"alg":"none","\u0061lg":"RS256"}"#,
        ] {
            assert_eq!(
                parse(json).unwrap_err(),
                AuthErrorKind::MalformedToken,
                "{json}"
            );
        }
    }

    #[test]
    fn unknown_algorithms_are_refused_by_name() {
        for alg in ["none", "None", "rs256", "ES256K", "RS1", ""] {
            let refused = parse(&format!(r#"{{"alg":"{alg}"}}"#)).unwrap_err();
            assert_eq!(refused, AuthErrorKind::WrongAlgorithm, "{alg}");
        }
    }

    #[test]
    fn a_header_has_at_most_4_kib() {
        let header = |length: usize| {
            let start = r#"{"alg":"RS256","x5c":[""#;
            let chain = "M".repeat(length - start.len() - 3);
            parse(&format!(r#"{start}{chain}"]}}"#))
        };
        assert!(header(4_096).is_ok());
        assert_eq!(header(4_097), Err(AuthErrorKind::MalformedToken));
    }

    #[test]
    fn a_header_has_at_most_64_escapes() {
        let header = |escapes: usize| {
            let text = r"\/".repeat(escapes);
            parse(&format!(r#"{{"alg":"RS256","x5c":["{text}"]}}"#))
        };
        assert!(header(64).is_ok());
        assert_eq!(header(65), Err(AuthErrorKind::MalformedToken));
    }

    #[test]
    fn a_header_has_at_most_32_members_and_elements_in_all() {
        for algorithm in ["ES256", "HS256"] {
            let header = |more: String| parse(&format!(r#"{{"alg":"{algorithm}"{more}}}"#));
            let members = |count: usize| -> String {
                (0..count).map(|n| format!(r#","m{n}":{n}"#)).collect()
            };
            let elements = |count: usize| format!(r#","list":[0{}]"#, ",0".repeat(count - 1));
            let nested = |count: usize| format!(r#","a":{{"b":[{}0]}}"#, "[],".repeat(count - 1));
            for (good, bad) in [
                (members(31), members(32)),
                (elements(30), elements(31)),
                (nested(29), nested(30)),
            ] {
                assert!(header(good).is_ok());
                assert_eq!(header(bad), Err(AuthErrorKind::MalformedToken));
            }
        }
    }

    #[test]
    fn a_header_has_at_most_six_levels() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let header = |levels: usize| {
                let (open, close) = (open.repeat(levels - 1), close.repeat(levels - 1));
                parse(&format!(r#"{{"alg":"RS256","x":{open}0{close}}}"#))
            };
            assert!(header(6).is_ok());
            assert_eq!(header(7), Err(AuthErrorKind::MalformedToken));
        }
    }

    #[test]
    fn what_a_verifier_does_not_know_is_ignored_whatever_signs_it() {
        let (x, y) = ("1".repeat(43), "2".repeat(43));
        let jwk = format!(
            r#"{{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"k","x":"{x}","y":"{y}"}}"#
        );
        // As base64 has them: one slash, which some escape, and ten digits in 64 characters.
        let certificate = format!("{}0123456789\\/", "M".repeat(53)).repeat(26);
        let dozen: String = (0..12).map(|n| format!(r#""m{n}":"{n}","#)).collect();
        for algorithm in ["ES256", "HS256"] {
            for member in [
                format!(r#""jwk":{jwk}"#),
                format!(r#""x5c":["{certificate}"]"#),
                format!(r#""iat": 1700000000, "x5c": ["{x}", "{y}", "{x}"]"#),
                format!(r#"{dozen}"number":0.{}"#, "1".repeat(1_000)),
                format!(
                    "\n    \"x5u\"\t:\r\"https:\\/\\/issuer.test\",{}\"n\":1\n",
                    " ".repeat(1_000)
                ),
                format!(r#""text":"{}""#, r"\u0061".repeat(60)),
            ] {
                let header = format!(r#"{{"alg":"{algorithm}","kid":"k","typ":"JWT",{member}}}"#);
                assert!(parse(&header).is_ok(), "{header}");
            }
        }
    }

    #[test]
    fn a_key_id_is_bounded() {
        let longest = "k".repeat(256);
        assert!(parse(&format!(r#"{{"alg":"RS256","kid":"{longest}"}}"#)).is_ok());
        assert_eq!(
            parse(&format!(r#"{{"alg":"RS256","kid":"{longest}k"}}"#)).unwrap_err(),
            AuthErrorKind::UnknownKey
        );
    }
}
