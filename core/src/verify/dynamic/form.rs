//! The form of an issuer's name that a resolver may be asked about.

use crate::remote::url::{self, PlainHttp};

/// The longest name, in bytes.
pub(crate) const LONGEST: usize = 512;

/// Checks the name of an issuer (RFC 8414 section 2): an `https` URL without user, query and fragment, in the one spelling
/// that every reader gives it. Plain `http` where `http` says so.
///
/// Names are compared byte by byte, so one that a reader could take for another one, or make into it, is none.
///
/// # Errors
///
/// The fault, for the developer. The text does not contain the name.
pub(crate) fn check(issuer: &str, http: Option<PlainHttp>) -> Result<(), &'static str> {
    if issuer.len() > LONGEST {
        return Err("an issuer is at most 512 bytes long");
    }
    if http.is_none() && !issuer.starts_with("https://") {
        return Err("an issuer begins with https://");
    }
    url::is_allowed(issuer, http.unwrap_or(PlainHttp::Loopback))?;
    if issuer.contains('?') {
        return Err("an issuer has no query (RFC 8414 section 2)");
    }
    let (scheme, rest) = issuer.split_once("://").unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    check_authority(scheme, authority)?;
    check_path(path)
}

/// Checks host and port. Their characters have been checked.
fn check_authority(scheme: &str, authority: &str) -> Result<(), &'static str> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port == Some(if scheme == "https" { "443" } else { "80" }) {
        return Err("the port that the scheme has anyway is left out");
    }
    if let Some(address) = url::address(host) {
        if scheme == "https" {
            return Err("the host of an issuer is a name");
        }
        let written = host.trim_start_matches('[').trim_end_matches(']');
        return match address.to_string() == written {
            true => Ok(()),
            false => Err("an address is written in its short form"),
        };
    }
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("the host is in lower case");
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    match host.len() <= 253 && host.split('.').all(is_label) {
        true => Ok(()),
        false => Err("the host is a name of labels with single dots between them"),
    }
}

/// Checks a path: no empty segment but a last one, and no character as `%XX` that could be itself.
fn check_path(path: &str) -> Result<(), &'static str> {
    if path.contains("//") {
        return Err("a path has no empty segment");
    }
    if path.contains(['[', ']']) {
        return Err("brackets in a path are written as %5B and %5D");
    }
    let mut pieces = path.split('%');
    pieces.next();
    for piece in pieces {
        let code = piece.as_bytes().first_chunk();
        let Some(byte) = code.and_then(|code: &[u8; 2]| decoded(*code)) else {
            return Err("a % is followed by two digits, of which letters are in upper case");
        };
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            return Err("a character that needs no %XX is written as itself");
        }
    }
    Ok(())
}

/// Returns the byte of two hexadecimal digits in upper case.
fn decoded(code: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(code[0])? << 4 | digit(code[1])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each name that is refused beside the nearest one that is not.
    const PAIRS: &[(&str, &str)] = &[
        ("http://id.example/a", "https://id.example/a"),
        ("HTTPS://id.example/a", "https://id.example/a"),
        ("https:/id.example/a", "https://id.example/a"),
        ("https:///a", "https://a"),
        (" https://id.example", "https://id.example"),
        ("https://id.example\n", "https://id.example"),
        ("https://id.example\0", "https://id.example"),
        ("https://id.example/\u{e9}", "https://id.example/%C3%A9"),
        ("https://\u{e9}.example", "https://xn--9ca.example"),
        ("https://ID.example", "https://id.example"),
        ("https://id.Example/A", "https://id.example/A"),
        ("https://user@id.example", "https://user.id.example"),
        (
            "https://id.example@evil.example",
            "https://id.example.evil.example",
        ),
        ("https://id.example#a", "https://id.example/a"),
        ("https://id.example?a", "https://id.example/a"),
        ("https://id.example/a?", "https://id.example/a"),
        ("https://id.example:443", "https://id.example:8443"),
        ("https://id.example:0443", "https://id.example:4430"),
        ("https://id.example:", "https://id.example"),
        ("https://id.example:0", "https://id.example:1"),
        ("https://id.example:65536", "https://id.example:65535"),
        ("https://id.example.", "https://id.example"),
        ("https://id..example", "https://id.example"),
        ("https://.id.example", "https://id.example"),
        ("https://-id.example", "https://i-d.example"),
        ("https://id-.example", "https://i-d.example"),
        ("https://id.example/a/./b", "https://id.example/a/b"),
        ("https://id.example/a/../b", "https://id.example/b"),
        ("https://id.example/..", "https://id.example/..."),
        ("https://id.example/%2e%2E/b", "https://id.example/b"),
        ("https://id.example//a", "https://id.example/a/"),
        ("https://id.example/%61", "https://id.example/a"),
        ("https://id.example/%2D", "https://id.example/-"),
        ("https://id.example/a%2fb", "https://id.example/a%2Fb"),
        ("https://id.example/a%2", "https://id.example/a%20"),
        ("https://id.example/a%", "https://id.example/a%25"),
        ("https://id.example/a\\b", "https://id.example/a%5Cb"),
        ("https://id.example/[a]", "https://id.example/%5Ba%5D"),
        ("https://id.example/{a}", "https://id.example/a"),
        ("https://10.0.0.1", "https://10.0.0.1.example"),
        ("https://127.0.0.1", "https://127.0.0.1.example"),
        ("https://[::1]", "https://x--1.example"),
        ("https://0x7f000001", "https://0x7f000001.example"),
        ("https://2130706433", "https://2130706433.example"),
        ("accounts.google.com", "https://accounts.google.com"),
        ("", "https://a"),
    ];

    #[test]
    fn each_refused_name_has_an_accepted_twin() {
        for (refused, accepted) in PAIRS {
            assert!(check(refused, None).is_err(), "{refused:?}");
            assert_eq!(check(accepted, None), Ok(()), "{accepted:?}");
        }
    }

    #[test]
    fn a_long_name_is_refused() {
        let name = |bytes: usize| format!("https://id.example/{}", "a".repeat(bytes - 19));
        assert_eq!(check(&name(LONGEST), None), Ok(()));
        assert!(check(&name(LONGEST + 1), None).is_err());
        let host = |bytes: usize| format!("https://{}.example", "a".repeat(bytes));
        assert_eq!(check(&host(63), None), Ok(()));
        assert!(check(&host(64), None).is_err());
    }

    #[test]
    fn http_is_for_this_machine_and_only_where_the_app_says_so() {
        for (name, loopback, private) in [
            ("http://127.0.0.1:8080/a", true, true),
            ("http://localhost:8080/a", true, true),
            ("http://[::1]:8080", true, true),
            ("http://[0:0::1]:8080", false, false),
            ("http://localhost:80", false, false),
            ("http://keycloak:8080", false, true),
            ("http://8.8.8.8", false, false),
            ("http://169.254.169.254", false, false),
        ] {
            assert!(check(name, None).is_err(), "{name}");
            let is_ok = |http| check(name, Some(http)).is_ok();
            assert_eq!(is_ok(PlainHttp::Loopback), loopback, "{name}");
            assert_eq!(is_ok(PlainHttp::Private), private, "{name}");
        }
    }
}
