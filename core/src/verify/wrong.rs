//! The mismatches of a token before its claims can be looked at.
//!
//! Anybody can send such a token, so none of them allocates or writes a text: see [`Mismatch`].

use std::{borrow::Cow, fmt};

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::{
    error::{AuthError, AuthErrorKind, Fixed, Mismatch},
    jose::{Buffer, HeaderView, Text, json},
    keys::KeysUnavailable,
};

/// Says why a text is no JWS in compact form.
#[inline]
pub(super) fn form(kind: AuthErrorKind, token: &str, most: usize) -> Mismatch {
    static PARTS: Fixed = Fixed::new(
        "token",
        "three parts with dots between them, the first and the last not empty",
    );
    match kind {
        AuthErrorKind::TokenTooLarge => Mismatch::long(token.len(), most),
        _ => Mismatch::fixed(&PARTS, "another form, as an opaque token has"),
    }
}

/// Says why a header is refused.
#[cold]
pub(super) fn header(kind: AuthErrorKind, encoded: &str) -> Mismatch {
    static JSON: Fixed = Fixed::new(
        "header",
        "one short JSON object in base64url, with texts as `alg`, `kid` and `typ`, and no name twice",
    );
    static ALG: Fixed = Fixed::new("alg", "a signature algorithm that is known here");
    static KID: Fixed = Fixed::new("kid", "at most 256 bytes");
    static PLAIN: Fixed = Fixed::new(
        "header",
        "no `crit`, `b64`, `zip` or `enc`, and no nested token in `cty`",
    );

    match kind {
        AuthErrorKind::UnknownKey => return Mismatch::fixed(&KID, "a longer one"),
        AuthErrorKind::UnsupportedHeader | AuthErrorKind::WrongAlgorithm => {}
        // Not read again: it may be long.
        _ => return Mismatch::fixed(&JSON, "something else"),
    }
    let mut buffer = Buffer::<{ 1 << 10 }>::new();
    let json = buffer.decode(encoded).and_then(json::text);
    let members = json.and_then(|json| {
        serde_json::Deserializer::from_str(json)
            .deserialize_map(MembersVisitor)
            .ok()
    });
    let Members { alg, refused } = members.unwrap_or_default();
    match kind {
        AuthErrorKind::WrongAlgorithm => Mismatch::text(&ALG, alg.as_deref().unwrap_or_default()),
        _ => Mismatch::fixed(&PLAIN, refused.unwrap_or("a nested token")),
    }
}

/// Says why no key verified the signature.
#[cold]
pub(super) fn signature(kind: AuthErrorKind, header: &HeaderView<'_>) -> Mismatch {
    static MATCH: Fixed = Fixed::new("signature", "a match under a key of that algorithm and id");
    static ENCODED: Fixed = Fixed::new("signature", "base64url without padding");
    static KEYS: Fixed = Fixed::new("signature", "a match, once there are keys");
    static KNOWN: Fixed = Fixed::new("kid", "the id of a key at hand");
    static ONE: Fixed = Fixed::new(
        "kid",
        "an id that tells which key: more than four have that algorithm",
    );
    static ACCEPTED: Fixed = Fixed::new("alg", "an accepted algorithm, and that of the key");

    let of = match kind {
        AuthErrorKind::AmbiguousKey => &ONE,
        AuthErrorKind::KeysUnavailable => &KEYS,
        AuthErrorKind::MalformedToken => &ENCODED,
        AuthErrorKind::UnknownKey => &KNOWN,
        AuthErrorKind::WrongAlgorithm => &ACCEPTED,
        _ => &MATCH,
    };
    Mismatch::key(
        of,
        header.algorithm().name(),
        header.key_id().map(str::as_bytes),
    )
}

/// Says why a secret may not have verified the signature, for an explanation.
#[cold]
pub(super) fn line_feed(header: &HeaderView<'_>) -> Mismatch {
    static MATCH: Fixed = Fixed::new(
        "signature",
        "a match under a secret that ends in a line feed, as the secret of this verifier does: trim it, if \
         tokens are signed without it",
    );
    let id = header.key_id().map(str::as_bytes);
    Mismatch::key(&MATCH, header.algorithm().name(), id)
}

/// The error for keys that cannot be had right now.
pub(super) fn keys_unavailable(cause: KeysUnavailable) -> AuthError {
    AuthError::from(AuthErrorKind::KeysUnavailable)
        .with_retry_after(cause.seconds())
        .with_source(cause)
}

/// Describes the key that a header asks for.
pub(super) fn found_in(header: &HeaderView<'_>) -> String {
    signature(AuthErrorKind::BadSignature, header)
        .found()
        .into_owned()
}

/// The error for a payload that is not text at all.
#[cold]
pub(super) fn encoding() -> AuthError {
    static TEXT: Fixed = Fixed::new("payload", "UTF-8 in base64url without padding");
    let error = AuthError::from(AuthErrorKind::MalformedToken);
    error.about(|| Mismatch::fixed(&TEXT, "other bytes"))
}

/// The error for a token whose parts are not padded, where they must be.
#[cold]
pub(super) fn padding() -> AuthError {
    static PADDED: Fixed = Fixed::new("token", "three parts of base64url with padding");
    let error = AuthError::from(AuthErrorKind::MalformedToken);
    error.about(|| Mismatch::fixed(&PADDED, "another form"))
}

/// The members that a header was refused for.
#[derive(Default)]
struct Members<'de> {
    alg: Option<Cow<'de, str>>,
    refused: Option<&'static str>,
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key_seed(Text)? {
            let refused = match &*name {
                "alg" => {
                    members.alg = Some(map.next_value_seed(Text)?);
                    continue;
                }
                "b64" => Some("`b64`"),
                "crit" => Some("`crit`"),
                "enc" => Some("`enc`: an encrypted token (JWE), where only signed ones are read"),
                "zip" => Some("`zip`"),
                _ => None,
            };
            members.refused = members.refused.or(refused);
            map.next_value::<IgnoredAny>()?;
        }
        Ok(members)
    }
}
