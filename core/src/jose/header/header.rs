//! The JOSE header (RFC 7515 section 4), read once and strictly.

use super::{members::Members, short_text::InlineStr};
use crate::{
    error::AuthErrorKind,
    jose::{Algorithm, Buffer, json},
};

/// The header of a verified token.
///
/// It holds what a verifier may use. Everything else that a header can carry (`jwk`, `jku`, `x5u`,
/// `x5c` ...) is ignored: a token never brings its own key (RFC 8725 section 3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub(super) algorithm: Algorithm,
    /// A thumbprint in base64url has 43 characters.
    pub(super) key_id: Option<InlineStr<46>>,
    pub(super) token_type: Option<InlineStr<22>>,
}

impl Header {
    /// The longest `kid` that can name a key, in bytes.
    pub(crate) const LONGEST_KEY_ID: usize = 256;

    /// Most are shorter, and are decoded without an allocation: the JSON text, in bytes.
    const USUAL: usize = 256;

    /// Reads an encoded header, which starts the token.
    pub(crate) fn parse(encoded: &str) -> Result<Self, AuthErrorKind> {
        let mut header = None;
        Self::parse_into(encoded, &mut header)?;
        header.ok_or(AuthErrorKind::MalformedToken)
    }

    /// The same where it is to stay, for it is large and costs to move. After an error, nothing is
    /// there.
    ///
    /// Nobody has proved anything yet, so this must stay cheap: see [`Members::bounded`].
    pub(crate) fn parse_into<'h>(
        encoded: &str,
        place: &'h mut Option<Self>,
    ) -> Result<&'h Self, AuthErrorKind> {
        const MALFORMED: AuthErrorKind = AuthErrorKind::MalformedToken;

        let mut buffer = Buffer::<{ Self::USUAL }>::new();
        let bytes = buffer.decode(encoded);
        let json = bytes.and_then(json::text).ok_or(MALFORMED)?;
        Members::plain(json, place).unwrap_or_else(|| Members::bounded(json, place))?;
        place.as_ref().ok_or(MALFORMED)
    }

    /// The signature algorithm (`alg`).
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key identifier (`kid`), at most 256 bytes.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_ref().map(InlineStr::get)
    }

    /// The same, to compare it.
    pub(crate) fn key_id_bytes(&self) -> Option<&[u8]> {
        self.key_id.as_ref().map(InlineStr::as_bytes)
    }

    /// The token's type (`typ`) in lower case and without `application/`: `jwt`, `at+jwt` ...
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_ref().map(InlineStr::get)
    }

    /// The same, to compare it.
    pub(crate) fn token_type_bytes(&self) -> Option<&[u8]> {
        self.token_type.as_ref().map(InlineStr::as_bytes)
    }
}

/// A media type as `typ` holds it: in lower case, without `application/` (RFC 7515 section 4.1.9).
pub(crate) fn normal_type(typ: &str) -> String {
    short_type(typ).to_ascii_lowercase()
}

/// A media type without `application/`, as it is written.
pub(super) fn short_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
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
    fn a_long_header_is_read_if_it_is_made_of_texts() {
        let chain = (0..3).map(|n| {
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let certificate = (0..1_600).map(|at| char::from(letters[(at * 37 + n) % 64]));
            format!("{:?}", certificate.collect::<String>())
        });
        let chain = chain.collect::<Vec<_>>().join(",");
        let key = format!(
            r#"{{"kty":"RSA","use":"sig","alg":"RS256","kid":"k1","e":"AQAB","n":"{}"}}"#,
            "xbAQwErT_9-u".repeat(29)
        );
        for more in [
            format!(r#""x5c":[{chain}],"x5t":"NzbLsXh8uDCcd-6MNwXF4W_7noWX""#),
            format!(r#""jwk":{key}"#),
            "\n  \"x5u\": \"https://issuer.test/certificate\",\n  \"n\": 1\n".to_owned(),
            format!(r#""long":"{}""#, "a\u{e4}".repeat(10_000)),
        ] {
            let header = format!(r#"{{"alg":"RS256","kid":"k1","typ":"JWT",{more}}}"#);
            assert!(parse(&header).is_ok(), "{header}");
        }
    }

    #[test]
    fn a_header_that_is_work_to_read_is_refused() {
        for more in [
            format!(r#""list":[{}0]"#, "0,".repeat(100)),
            (0..60)
                .map(|n| format!(r#""m{n}":{n},"#))
                .collect::<String>()
                + r#""m":0"#,
            format!(r#""text":"{}""#, r"\u0061".repeat(100)),
            format!(r#""number":{}"#, "1".repeat(1_000)),
            format!(r#""number":{}1"#, " ".repeat(1_000)),
        ] {
            let header = format!(r#"{{"alg":"RS256",{more}}}"#);
            assert_eq!(
                parse(&header).unwrap_err(),
                AuthErrorKind::MalformedToken,
                "{header}"
            );
        }
    }

    #[test]
    fn what_honest_headers_carry_is_not_too_much() {
        let (x, y) = ("1".repeat(43), "2".repeat(43));
        let jwk = format!(
            r#"{{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"k","x":"{x}","y":"{y}"}}"#
        );
        // As base64 has them: one slash, which some escape, and ten digits in 64 characters.
        let certificate = format!("{}0123456789\\/", "M".repeat(53)).repeat(26);
        for member in [
            format!(r#""jwk":{jwk}"#),
            format!(r#""x5c":["{certificate}"]"#),
            format!(r#""iat": 1700000000, "x5c": ["{x}", "{y}", "{x}"]"#),
        ] {
            let header = parse(&format!(
                r#"{{"alg":"ES256","kid":"k","typ":"JWT",{member}}}"#
            ));
            assert!(header.is_ok(), "{member}");
        }
    }

    #[test]
    fn a_header_beside_an_hmac_is_simple() {
        let header = |algorithm, digits| {
            let digits = "1".repeat(digits);
            parse(&format!(
                r#"{{"alg":"{algorithm}","kid":"k","typ":"JWT","b":[0],"c":0.{digits}}}"#
            ))
        };
        // Five members, six parts, and the digits: three, one, one, and these.
        assert!(header("HS256", 23).is_ok());
        assert_eq!(header("HS256", 24), Err(AuthErrorKind::MalformedToken));
        assert!(header("ES256", 24).is_ok());
    }

    #[test]
    fn a_header_beside_an_hmac_has_few_arrays() {
        let header = |algorithm, arrays| {
            let arrays: String = (0..arrays)
                .map(|n| format!(r#","m{n}":["","","",""]"#))
                .collect();
            parse(&format!(r#"{{"alg":"{algorithm}"{arrays}}}"#))
        };
        assert!(header("HS256", 1).is_ok());
        assert!(header("HS256", 2).is_ok());
        assert_eq!(header("HS256", 4), Err(AuthErrorKind::MalformedToken));
        assert!(header("ES256", 4).is_ok());
    }

    #[test]
    fn an_honest_header_beside_an_hmac_is_read() {
        for json in [
            // With slashes as PHP escapes them, ...
            r#"{"typ":"JWT","alg":"HS256","kid":"k1","iss":"https:\/\/auth.example.com"}"#.to_owned(),
            // ... indented, ...
            "{\n    \"alg\": \"HS256\",\n    \"typ\": \"JWT\",\n    \"kid\": \"k1\",\n    \"iss\": \"https://auth.example.com/\",\n    \"aud\": \"https://api.example.com/\"\n}".to_owned(),
            // ... with times, ...
            r#"{"alg":"HS256","typ":"JWT","kid":"11111111-1111-1111-1111-111111111111","iat":1700000000,"exp":1700003600,"ver":1}"#.to_owned(),
            // ... and with long texts.
            format!(r#"{{"alg":"HS256","typ":"JWT","a":"{0}","b":["{0}","{0}"]}}"#, "a1:,".repeat(500)),
        ] {
            assert!(parse(&json).is_ok(), "{json}");
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
