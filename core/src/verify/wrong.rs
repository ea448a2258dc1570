//! What is wrong with a token before its claims can be looked at.
//!
//! Nobody has proved anything by then, so nothing of this allocates or is written out: see [`Mismatch`].

use std::{borrow::Cow, fmt};

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::{
    error::{AuthErrorKind, Fixed, Mismatch},
    jose::{Buffer, HeaderView, Text, json},
};

/// Why this is no JWS in compact form.
#[inline]
pub(super) fn form(kind: AuthErrorKind, token: &str, most: usize) -> Mismatch {
    static PARTS: Fixed = Fixed {
        claim: "token",
        expected: "three parts with dots between them, the first and the last not empty",
    };
    match kind {
        AuthErrorKind::TokenTooLarge => Mismatch::long(token.len(), most),
        _ => Mismatch::fixed(&PARTS, "another form"),
    }
}

/// Why this header is refused.
#[cold]
pub(super) fn header(kind: AuthErrorKind, encoded: &str) -> Mismatch {
    static JSON: Fixed = Fixed {
        claim: "header",
        expected: "one short JSON object in base64url, with texts as `alg`, `kid` and `typ`, and no name twice",
    };
    static ALG: Fixed = Fixed {
        claim: "alg",
        expected: "a signature algorithm that is known here",
    };
    static KID: Fixed = Fixed {
        claim: "kid",
        expected: "at most 256 bytes",
    };
    static PLAIN: Fixed = Fixed {
        claim: "header",
        expected: "no `crit`, `b64`, `zip` or `enc`, and no nested token in `cty`",
    };

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

/// Why no key made the signature.
#[cold]
pub(super) fn signature(kind: AuthErrorKind, header: &HeaderView<'_>) -> Mismatch {
    static MATCH: Fixed = Fixed {
        claim: "signature",
        expected: "a match under a key of that algorithm and id",
    };
    static ENCODED: Fixed = Fixed {
        claim: "signature",
        expected: "base64url without padding",
    };
    static KEYS: Fixed = Fixed {
        claim: "signature",
        expected: "a match, once there are keys",
    };
    static KNOWN: Fixed = Fixed {
        claim: "kid",
        expected: "the id of a key at hand",
    };
    static ONE: Fixed = Fixed {
        claim: "kid",
        expected: "an id that tells which key: more than four have that algorithm",
    };
    static ACCEPTED: Fixed = Fixed {
        claim: "alg",
        expected: "an accepted algorithm, and that of the key",
    };

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

/// What a header says of the key.
pub(super) fn found_in(header: &HeaderView<'_>) -> String {
    signature(AuthErrorKind::BadSignature, header)
        .found()
        .into_owned()
}

/// The payload is no text at all.
#[cold]
pub(super) fn encoding() -> Mismatch {
    static TEXT: Fixed = Fixed {
        claim: "payload",
        expected: "UTF-8 in base64url without padding",
    };
    Mismatch::fixed(&TEXT, "other bytes")
}

/// What a header was refused for.
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
                "enc" => Some("`enc`: an encrypted token"),
                "zip" => Some("`zip`"),
                _ => None,
            };
            members.refused = members.refused.or(refused);
            map.next_value::<IgnoredAny>()?;
        }
        Ok(members)
    }
}
