//! The header of a token, as JSON text.

#![no_main]

use countersign::{AuthErrorKind, claims::Header, fuzzing};
use countersign_fuzz::{
    json::{self, Json},
    tokens::{GOOD, Rules, sign},
};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static RULES: Rules = Rules::usual();
}

fuzz_target!(|data: &[u8]| {
    let header = fuzzing::header(&fuzzing::base64url_encode(data));
    let expected = str::from_utf8(data).map_err(|_| AuthErrorKind::MalformedToken);
    let expected = expected.and_then(expect);
    let found = header.as_ref().map(Read::of).map_err(|kind| *kind);
    assert_eq!(found, expected);

    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    one_more_member(text, &found);
    let token = sign(text, format!("{GOOD}}}").as_bytes());
    RULES.with(|rules| {
        let refusal = rules
            .verifier
            .verify_now(&token)
            .err()
            .map(|error| error.kind());
        assert_eq!(rules.verifier.explain(&token).refusal(), refusal);
        let is_good = found.as_ref().is_ok_and(|read| {
            let typ = read.typ.as_deref();
            read.alg == "HS256" && matches!(typ, None | Some("jwt" | "at+jwt"))
        });
        assert_eq!(refusal.is_none(), is_good);
        if let Err(kind) = found {
            assert_eq!(refusal, Some(kind));
        }
    });
});

#[derive(Clone, Debug, PartialEq)]
struct Read {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
}

impl Read {
    fn of(header: &Header) -> Self {
        Self {
            alg: header.algorithm().name().to_owned(),
            kid: header.key_id().map(str::to_owned),
            typ: header.token_type().map(str::to_owned),
        }
    }
}

/// Returns the expected members of a header, by our own reading.
fn expect(text: &str) -> Result<Read, AuthErrorKind> {
    const MALFORMED: AuthErrorKind = AuthErrorKind::MalformedToken;

    let json = json::parse(text).ok_or(MALFORMED)?;
    if !is_within_bounds(text, &json) {
        return Err(MALFORMED);
    }
    let texts = ["alg", "kid", "typ", "cty"].map(|name| match json.get(name) {
        None => Ok(None),
        Some(value) => value.text().map(str::to_owned).map(Some).ok_or(MALFORMED),
    });
    let [alg, kid, typ, cty] = texts;
    let (alg, kid, typ, cty) = (alg?.ok_or(MALFORMED)?, kid?, typ?, cty?);
    let changing = ["crit", "b64", "zip", "enc"];
    let is_token = cty.is_some_and(|cty| short(&cty) == "jwt");
    if is_token || changing.iter().any(|name| json.get(name).is_some()) {
        return Err(AuthErrorKind::UnsupportedHeader);
    }
    if !ALGORITHMS.contains(&&*alg) {
        return Err(AuthErrorKind::WrongAlgorithm);
    }
    if kid.as_ref().is_some_and(|kid| kid.len() > 256) {
        return Err(AuthErrorKind::UnknownKey);
    }
    Ok(Read {
        alg,
        kid,
        typ: typ.map(|typ| short(&typ)),
    })
}

/// Shortens a `typ`, by RFC 7515 section 4.1.9.
fn short(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    match typ.strip_prefix("application/") {
        Some(rest) if !rest.contains('/') => rest.to_owned(),
        _ => typ,
    }
}

/// Whether a header is as small as it must be.
fn is_within_bounds(text: &str, json: &Json) -> bool {
    fn size(json: &Json) -> (usize, usize) {
        let inner: Vec<_> = match json {
            Json::Array(elements) => elements.iter().map(size).collect(),
            Json::Object(members) => members.iter().map(|(_, value)| size(value)).collect(),
            _ => return (0, 0),
        };
        let members = inner.len() + inner.iter().map(|(members, _)| members).sum::<usize>();
        let levels = inner.iter().map(|(_, levels)| *levels).max();
        (members, levels.unwrap_or(0) + 1)
    }
    let (members, levels) = size(json);
    // Of two backslashes, the second belongs to the escape of the first.
    let escapes = text.replace(r"\\", "\\").matches('\\').count();
    text.len() <= 4 << 10 && escapes <= 64 && members <= 32 && levels <= 6
}

/// One more member, with an escape in its name, changes nothing else.
fn one_more_member(text: &str, found: &Result<Read, AuthErrorKind>) {
    let Some(Json::Object(members)) = json::parse(text) else {
        return;
    };
    let Some(rest) = text.trim_end().strip_suffix('}') else {
        return;
    };
    if members.is_empty() || members.iter().any(|(name, _)| name == "zz") {
        return;
    }
    let longer = format!(r#"{rest},"\u007az":0}}"#);
    let read = fuzzing::header(&fuzzing::base64url_encode(longer.as_bytes()));
    let read = read.as_ref().map(Read::of).map_err(|kind| *kind);
    let is_read = json::parse(&longer).is_some_and(|json| is_within_bounds(&longer, &json));
    match is_read {
        true => assert_eq!(read, *found),
        false => assert_eq!(read, Err(AuthErrorKind::MalformedToken)),
    }
}

const ALGORITHMS: [&str; 14] = [
    "EdDSA", "Ed25519", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "PS256", "PS384",
    "PS512", "RS256", "RS384", "RS512",
];
