//! `Origin`, and `Host` or the authority, by the rules of `Csrf`. Input: a request as text; its
//! target is also an allowed origin.

#![no_main]

use countersign::{
    AuthErrorKind, Csrf,
    adapter::{CsrfCheck, RequestHead},
};
use countersign_fuzz::head::Request;
use libfuzzer_sys::fuzz_target;
use url::{Host, Origin, Url};

fuzz_target!(|data: &[u8]| {
    let request = Request::parse(data);
    let allowed = check_setting(request.path());

    let csrf = match allowed {
        true => Csrf::new()
            .allow_origin(request.path())
            .expect("it was allowed"),
        false => Csrf::new(),
    };
    let verdict = csrf.check_login(&request).map_err(|error| error.kind());
    assert!(matches!(verdict, Ok(()) | Err(AuthErrorKind::CrossSite)));
    let expected = expect(&request, allowed.then_some(request.path()));
    match verdict {
        Ok(()) => assert!(expected.unwrap_or(true), "another site was let in"),
        Err(_) => assert!(!expected.unwrap_or(false), "the own site was kept out"),
    }

    // Without a secret, a request that does not name its origin is refused.
    let says = ["origin", "sec-fetch-site"]
        .iter()
        .any(|name| !request.values(name).is_empty());
    let is_safe = matches!(request.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE");
    match csrf.check_head(&request) {
        Ok(CsrfCheck::Pass) => assert!(says || is_safe),
        Ok(CsrfCheck::NeedsToken(_)) => panic!("there is no secret"),
        Err(_) => assert!(!is_safe),
    }
});

/// Checks that an accepted setting is an origin as a browser writes it.
fn check_setting(text: &str) -> bool {
    let allowed = Csrf::new().allow_origin(text).is_ok();
    let written = Url::parse(text).map(|url| url.origin());
    match written {
        Ok(origin @ Origin::Tuple(..)) if is_web(text) => {
            let canonical = origin.ascii_serialization() == text;
            // Fewer characters than the URL standard allows in a host, and no Punycode is read.
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]/".contains(&byte);
            if text.bytes().all(plain) && !text.contains("xn--") {
                assert_eq!(allowed, canonical, "{text}");
            } else {
                assert!(!allowed || canonical || text.contains("xn--"), "{text}");
            }
        }
        Err(error) if is_web(text) => assert!(!allowed || text.contains("xn--"), "{text}: {error}"),
        _ => {}
    }
    allowed
}

fn is_web(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// Returns whether a login is allowed from there; `None` if the `url` crate cannot tell.
fn expect(request: &Request, allowed: Option<&str>) -> Option<bool> {
    if matches!(request.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE") {
        return Some(true);
    }
    let [origin, site, host] =
        ["origin", "sec-fetch-site", "host"].map(|name| request.values(name));
    // A target that names the host overrides the header.
    let host = match request.authority() {
        Some(authority) => vec![authority.as_bytes()],
        None => host,
    };
    if origin.len() > 1 || site.len() > 1 {
        return Some(false);
    }
    let is_allowed = allowed.is_some() && origin.first().copied() == allowed.map(str::as_bytes);
    match site.first() {
        Some(&(b"same-origin" | b"none")) => return Some(true),
        Some(&(b"same-site" | b"cross-site")) => return Some(is_allowed),
        Some(_) => return Some(false),
        None => {}
    }
    let Some(origin) = origin.first() else {
        return Some(true);
    };
    if host.len() > 1 {
        return Some(false);
    }
    if is_allowed {
        return Some(true);
    }
    let (Ok(origin), Some(Ok(host))) = (
        str::from_utf8(origin),
        host.first().map(|host| str::from_utf8(host)),
    ) else {
        return Some(false);
    };
    if !is_web(origin) {
        return Some(false);
    }
    same_place(origin, host)
}

/// Returns whether an origin is that of a host, by the `url` crate. An origin that no browser
/// writes never is.
fn same_place(origin: &str, host: &str) -> Option<bool> {
    let scheme = origin.split(':').next()?;
    let parsed = Url::parse(origin).ok()?;
    if parsed.origin().ascii_serialization() != origin {
        return Some(false);
    }
    // The characters that clients write into `Host`: name, colon, port, in either case.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if !host.bytes().all(plain) || !origin[scheme.len() + 3..].bytes().all(plain) {
        return None;
    }
    let url = Url::parse(&format!("{scheme}://{host}")).ok()?;
    // Other ways to write an address, or a port, are refused.
    let shown = url.origin().ascii_serialization();
    let written = format!("{scheme}://{}", host.to_ascii_lowercase());
    let default = if scheme == "https" { ":443" } else { ":80" };
    if matches!(url.host(), None | Some(Host::Domain("")))
        || shown != written && format!("{shown}{default}") != written
    {
        return None;
    }
    Some(shown == origin)
}
