//! The values of a header as issuers write them, which take no parser.
//!
//! Each of these says what follows a value, or `None`: it is not written so. Then `serde_json` decides,
//! so nothing may be taken here that it would refuse.

use memchr::memchr;

/// What follows the space at the start of `json`, of which there is little.
pub(super) fn skip_space(json: &str) -> &str {
    const LITTLE: usize = 12;

    // Mostly there is none.
    if json.as_bytes().first().is_some_and(|byte| *byte > b' ') {
        return json;
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    let spaces = json.bytes().take(LITTLE).take_while(is_space).count();
    &json[spaces..]
}

/// What follows the value at the start of `json`.
pub(super) fn plain_value(json: &str) -> Option<&str> {
    match json.as_bytes().first()? {
        b'"' => Some(plain_text(json)?.1),
        b'[' => plain_texts(json),
        b'0'..=b'9' => plain_number(json),
        _ => ["true", "false", "null"]
            .iter()
            .find_map(|literal| json.strip_prefix(literal)),
    }
}

/// The text at the start of `json`, which has no escapes, and what follows it.
pub(super) fn plain_text(json: &str) -> Option<(&str, &str)> {
    /// A search byte by byte is faster where the end is near.
    const NEAR: usize = 64;

    let rest = json.strip_prefix('"')?;
    let bytes = rest.as_bytes();
    let mut end = 0;
    loop {
        match bytes.get(end)? {
            b'"' => break,
            0..b' ' => return None,
            _ => end += 1,
        }
        if end == NEAR {
            end += memchr(b'"', &bytes[end..])?;
            let is_control = |byte: &u8| *byte < b' ';
            let far = bytes[NEAR..end].iter();
            if far.fold(false, |any, byte| any | is_control(byte)) {
                return None;
            }
            break;
        }
    }
    Some((&rest[..end], &rest[end + 1..]))
}

/// What follows an array of at most four texts at the start of `json`: a chain of certificates.
fn plain_texts(json: &str) -> Option<&str> {
    let mut rest = json.strip_prefix('[')?;
    for _ in 0..4 {
        let (_, after) = plain_text(skip_space(rest))?;
        match skip_space(after).split_at_checked(1)? {
            (",", after) => rest = after,
            ("]", after) => return Some(after),
            _ => return None,
        }
    }
    None
}

/// What follows a whole number at the start of `json`, of no more digits than any type has: a time.
fn plain_number(json: &str) -> Option<&str> {
    const DIGITS: usize = 18;

    let digits = json.bytes().take(DIGITS).take_while(u8::is_ascii_digit);
    let digits = digits.count();
    let is_whole = digits == 1 || !json.starts_with('0');
    // A further digit, a fraction or an exponent is met where the value should have ended.
    is_whole.then_some(&json[digits..])
}
