//! Payloads of an exact length and a chosen shape: the most expensive part depends on the shape.

#![allow(dead_code, unreachable_pub)] // each benchmark uses a part of it

use countersign::{
    SigningKey,
    testing::{TestIssuer, sign_raw},
};

/// Returns members that fill this many bytes or slightly fewer, each after a comma.
pub type Fill = fn(usize) -> String;

/// Returns a token of at most this many bytes whose payload is filled up to them.
///
/// `None` if a token of that size has no room for these claims.
pub fn token(
    key: &SigningKey,
    header: &str,
    claims: &str,
    fill: Fill,
    size: usize,
) -> Option<String> {
    let around = sign_raw(key, header, b"").len();
    let payload = payload(claims, fill, size.checked_sub(around)? / 4 * 3)?;
    Some(sign_raw(key, header, payload.as_bytes()))
}

/// Returns an object of exactly this many bytes: the claims, the fill, and spaces.
pub fn payload(claims: &str, fill: Fill, length: usize) -> Option<String> {
    let room = length.checked_sub(claims.len() + 2)?;
    let filled = fill(room);
    assert!(filled.len() <= room);
    Some(format!("{{{claims}{filled:room$}}}"))
}

/// Returns the claims of a good token, without braces.
pub fn good_claims(expires_at: i64) -> String {
    claims(TestIssuer::AUDIENCE, expires_at)
}

/// Returns the three claims that every verifier checks.
pub fn claims(audience: &str, expires_at: i64) -> String {
    let issuer = TestIssuer::ISSUER;
    format!(r#""iss":"{issuer}","aud":"{audience}","exp":{expires_at}"#)
}

/// Fills with one long text.
pub fn text(room: usize) -> String {
    list(room, r#","text":""#, |_| "a".into(), "\"")
}

/// Fills with one long text that consists of escapes.
pub fn escapes(room: usize) -> String {
    list(room, r#","text":""#, |_| r"\u0061".into(), "\"")
}

/// Fills with one long text of short escapes.
pub fn short_escapes(room: usize) -> String {
    list(room, r#","text":""#, |_| r"\n".into(), "\"")
}

/// Fills with many members of the object itself.
pub fn members(room: usize) -> String {
    list(room, "", |n| format!(r#","m{n}":{n}"#), "")
}

/// Fills with as many members as fit, and the first again at the end.
pub fn members_and_a_duplicate(room: usize) -> String {
    list(room, "", |n| format!(r#","m{n}":{n}"#), r#","m0":0"#)
}

/// Fills with many short values.
pub fn values(room: usize) -> String {
    list(room, r#","list":[0"#, |_| ",0".into(), "]")
}

/// Fills with one number of very many digits that is not too large.
pub fn long_number(room: usize) -> String {
    list(room, r#","number":0.1"#, |_| "1".into(), "")
}

/// Fills with one number of very many digits, too large for any type.
pub fn huge_number(room: usize) -> String {
    list(room, r#","number":1"#, |_| "1".into(), "")
}

/// Fills with arrays in arrays, as deep as is allowed, repeatedly.
pub fn nested(room: usize) -> String {
    const DEPTH: usize = 100;
    let piece = format!(",{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    list(room, r#","list":[0"#, |_| piece.clone(), "]")
}

/// Fills with arrays in arrays, deeper than is allowed if there is room.
pub fn too_deep(room: usize) -> String {
    list(room, r#","list":["#, |_| "[".into(), "")
}

/// Fills with a list of scopes.
pub fn scopes(room: usize) -> String {
    list(room, r#","scope":"read"#, |n| format!(" orders:{n}"), "\"")
}

/// Returns how many of these a header can have without being refused. `around` is the cost of the
/// rest of the header.
fn few<const HMAC: bool>(room: usize, around: usize, units: usize) -> usize {
    let most = match HMAC {
        true => 300,
        false => (200 + room * 4 / 5).clamp(720, 1_200),
    };
    (most - around) / units
}

/// Returns the text `few`, followed by one long text.
fn then_text(few: String, room: usize) -> String {
    let rest = text(room - few.len());
    few + &rest
}

/// Fills with as many escapes as a header can have, with HMAC or another algorithm.
pub fn few_escapes<const HMAC: bool>(room: usize) -> String {
    let few = few::<HMAC>(room, 230, 12).min(room / 4);
    then_text(format!(r#","few":"{}""#, r"\n".repeat(few)), room)
}

/// Fills with as many members as a header can have, with HMAC or another algorithm.
pub fn few_members<const HMAC: bool>(room: usize) -> String {
    let few = few::<HMAC>(room, 190, 54);
    let few: String = (0..few).map(|n| format!(r#","m{n}":-{n}"#)).collect();
    then_text(few, room)
}

/// Fills with as many members and texts as the fast path reads, without spaces.
pub fn few_short_members(room: usize) -> String {
    let few: String = (0..8).map(|n| format!(r#","m{n}":{n}"#)).collect();
    then_text(few + r#","list":["","","",""]"#, room)
}

/// Fills with as many members as the fast path reads, with as many spaces.
pub fn few_plain_members(room: usize) -> String {
    let space = " ".repeat(12);
    let member = |n| format!(r#"{space},{space}"m{n}"{space}:{space}1234567890{n:02}"#);
    let mut few = String::new();
    for member in (0..9).map(member) {
        if few.len() + member.len() <= room {
            few += &member;
        }
    }
    then_text(few, room)
}

/// Fills with as many values as a header can have, with HMAC or another algorithm.
pub fn few_values<const HMAC: bool>(room: usize) -> String {
    let few = few::<HMAC>(room, 242, 13).min(room / 4);
    then_text(format!(r#","few":[0{}]"#, ",0".repeat(few)), room)
}

/// Fills with as many digits as a header can have, with HMAC or another algorithm.
pub fn few_digits<const HMAC: bool>(room: usize) -> String {
    let few = few::<HMAC>(room, 230, 1).min(room - 20);
    then_text(format!(r#","few":0.{}"#, "1".repeat(few)), room)
}

/// Fills with as many spaces as a header can have, with HMAC or another algorithm.
pub fn few_spaces<const HMAC: bool>(room: usize) -> String {
    then_text(" ".repeat(few::<HMAC>(room, 190, 1).min(room)), room)
}

fn list(room: usize, open: &str, piece: impl Fn(usize) -> String, close: &str) -> String {
    let mut text = String::new();
    if open.len() + close.len() > room {
        return text;
    }
    text += open;
    for n in 0.. {
        let piece = piece(n);
        if text.len() + piece.len() + close.len() > room {
            break;
        }
        text += &piece;
    }
    text + close
}
