//! The token of a request, in `Authorization`, `Cookie`, and the other sources. Input: a request as
//! text.

#![no_main]

use cookie::Cookie;
use countersign::{AuthErrorKind, TokenSource, fuzzing};
use countersign_fuzz::head::Request;
use libfuzzer_sys::fuzz_target;

type Found<'h> = Result<Option<&'h str>, AuthErrorKind>;

const NAME: &str = "access";

thread_local! {
    static SOURCES: [TokenSource; 5] = [
        TokenSource::bearer(),
        TokenSource::cookie(NAME),
        TokenSource::header("x-token"),
        TokenSource::query("access_token"),
        TokenSource::websocket_protocol(),
    ];
    static ALL: TokenSource = SOURCES.with(|all| all.iter().cloned().reduce(TokenSource::or).unwrap());
}

fuzz_target!(|data: &[u8]| {
    let request = Request::parse(data);
    let found = SOURCES.with(|all| all.clone().map(|source| find(&source, &request)));
    // A protocol that is only the prefix is a token, and a bad one.
    for found in &found[..4] {
        assert!(!matches!(found, Ok(Some(""))), "an empty token");
    }
    assert_eq!(found[0], bearer(&request), "bearer");
    if let Some(expected) = cookie(&request) {
        assert_eq!(
            found[1].map(|token| token.map(str::to_owned)),
            expected,
            "cookie"
        );
    }

    // Of several sources, the first that has something decides, and the others are never used.
    let first = found.iter().position(|found| *found != Ok(None));
    let is_carried = |found: &&Found<'_>| **found != Ok(None);
    let several = found.iter().filter(is_carried).count() > 1;
    let together = ALL.with(|all| fuzzing::find(all, &request));
    let expected = first.map_or(Ok(None), |first| found[first]);
    assert_eq!(
        together,
        expected.map(|token| token.map(|token| (token, several)))
    );
});

fn find<'h>(source: &TokenSource, request: &'h Request) -> Found<'h> {
    let found = fuzzing::find(source, request)?;
    assert!(found.is_none_or(|(_, ambiguous)| !ambiguous));
    Ok(found.map(|(token, _)| token))
}

/// Finds the token by RFC 6750 section 2.1: one header, the scheme, spaces, one word.
fn bearer(request: &Request) -> Found<'_> {
    let values = request.values("authorization");
    let value = match values[..] {
        [] => return Ok(None),
        [value] => value.trim_ascii_end(),
        _ => return Err(AuthErrorKind::MalformedRequest),
    };
    if value.is_empty() {
        return Ok(None);
    }
    let scheme = value
        .split(|byte| b" \t".contains(byte))
        .next()
        .unwrap_or_default();
    if !scheme.is_ascii() {
        return Err(AuthErrorKind::MalformedToken);
    }
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let rest = &value[scheme.len()..];
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let token = &rest[spaces..];
    let is_word = !token.iter().any(|byte| b" \t,".contains(byte));
    if spaces == 0 || token.is_empty() || !is_word || token.windows(2).any(|two| two == b"=\"") {
        return Err(AuthErrorKind::MalformedRequest);
    }
    str::from_utf8(token)
        .map(Some)
        .map_err(|_| AuthErrorKind::MalformedToken)
}

/// Returns what the `cookie` crate finds; `None` if it deliberately reads in another way.
fn cookie(request: &Request) -> Option<Result<Option<String>, AuthErrorKind>> {
    let mut values = Vec::new();
    for header in request.values("cookie") {
        // It trims the white space of Unicode, and the part before the equals sign.
        let header = str::from_utf8(header)
            .ok()
            .filter(|header| header.is_ascii())?;
        if header.contains([' ', '\t']) && header.split(';').any(has_space_inside) {
            return None;
        }
        for cookie in Cookie::split_parse(header).flatten() {
            if cookie.name() == NAME {
                values.push(cookie.value_trimmed().to_owned());
            }
        }
    }
    let Some(first) = values.first() else {
        return Some(Ok(None));
    };
    if values.iter().any(|value| value != first) {
        return Some(Err(AuthErrorKind::MalformedToken));
    }
    if first.is_empty() {
        return Some(Ok(None));
    }
    Some(Ok(Some(first.clone())))
}

fn has_space_inside(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    name.ends_with([' ', '\t'])
}
