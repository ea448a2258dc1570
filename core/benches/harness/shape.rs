//! Payloads of an exact length and a chosen shape: what costs most depends on what it is made of.

#![allow(dead_code, unreachable_pub)] // each benchmark uses a part of it

use countersign::{
    SigningKey,
    testing::{TestIssuer, sign_raw},
};

/// Members that fill this many bytes or a little less, each after a comma.
pub type Fill = fn(usize) -> String;

/// A token of at most this many bytes whose payload is filled up to them.
///
/// `None`: so short a token has no room for these claims.
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

/// An object of exactly this many bytes: the claims, what fills, and space.
pub fn payload(claims: &str, fill: Fill, length: usize) -> Option<String> {
    let room = length.checked_sub(claims.len() + 2)?;
    let filled = fill(room);
    assert!(filled.len() <= room);
    Some(format!("{{{claims}{filled:room$}}}"))
}

/// The claims of a good token, without braces.
pub fn good_claims(expires_at: i64) -> String {
    claims(TestIssuer::AUDIENCE, expires_at)
}

/// The three claims that every verifier looks at.
pub fn claims(audience: &str, expires_at: i64) -> String {
    let issuer = TestIssuer::ISSUER;
    format!(r#""iss":"{issuer}","aud":"{audience}","exp":{expires_at}"#)
}

/// One long text.
pub fn text(room: usize) -> String {
    list(room, r#","text":""#, |_| "a".into(), "\"")
}

/// One long text, each of its characters an escape.
pub fn escapes(room: usize) -> String {
    list(room, r#","text":""#, |_| r"\u0061".into(), "\"")
}

/// One text of escapes that are short.
pub fn short_escapes(room: usize) -> String {
    list(room, r#","text":""#, |_| r"\n".into(), "\"")
}

/// Many members of the object itself.
pub fn members(room: usize) -> String {
    list(room, "", |n| format!(r#","m{n}":{n}"#), "")
}

/// As many members as fit, and the first again at the end.
pub fn members_and_a_duplicate(room: usize) -> String {
    list(room, "", |n| format!(r#","m{n}":{n}"#), r#","m0":0"#)
}

/// Many short values.
pub fn values(room: usize) -> String {
    list(room, r#","list":[0"#, |_| ",0".into(), "]")
}

/// One number with very many digits, that is none too large.
pub fn long_number(room: usize) -> String {
    list(room, r#","number":0.1"#, |_| "1".into(), "")
}

/// One number with very many digits, too large for any type.
pub fn huge_number(room: usize) -> String {
    list(room, r#","number":1"#, |_| "1".into(), "")
}

/// Arrays in arrays, as deep as is allowed, again and again.
pub fn nested(room: usize) -> String {
    const DEPTH: usize = 100;
    let piece = format!(",{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    list(room, r#","list":[0"#, |_| piece.clone(), "]")
}

/// Arrays in arrays, deeper than is allowed if there is room.
pub fn too_deep(room: usize) -> String {
    list(room, r#","list":["#, |_| "[".into(), "")
}

/// One scope after the other.
pub fn scopes(room: usize) -> String {
    list(room, r#","scope":"read"#, |n| format!(" orders:{n}"), "\"")
}

/// Spaces.
pub fn spaces(room: usize) -> String {
    " ".repeat(room)
}

/// As many escapes as a header may have, and a long text.
pub fn few_escapes(room: usize) -> String {
    few(room, 64, r#","few":""#, |_| r"\n".into(), "\"")
}

/// As many escapes, each as long as it can be, and a long text.
pub fn few_long_escapes(room: usize) -> String {
    few(room, 64, r#","few":""#, |_| r"\u0061".into(), "\"")
}

/// As many members as a header may have, and a long text.
pub fn few_members(room: usize) -> String {
    few(room, 28, "", |n| format!(r#","m{n}":-{n}"#), "")
}

/// As many elements as a header may have, and a long text.
pub fn few_values(room: usize) -> String {
    few(room, 27, r#","few":["#, |n| format!("{n}e1,"), "0]")
}

/// As many arrays in arrays as a header may have, and a long text.
pub fn few_nested(room: usize) -> String {
    few(room, 6, r#","few":["#, |_| "[[[[]]]],".into(), "0]")
}

/// At most so many pieces, as there is room, and a long text after them.
fn few(room: usize, most: usize, open: &str, piece: fn(usize) -> String, close: &str) -> String {
    let mut few = open.to_owned();
    for piece in (0..most).map(piece) {
        if few.len() + piece.len() + close.len() <= room {
            few += &piece;
        }
    }
    few += close;
    match room.checked_sub(few.len()) {
        Some(rest) => few + &text(rest),
        None => text(room),
    }
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
