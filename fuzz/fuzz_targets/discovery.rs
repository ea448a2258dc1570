//! The metadata of an issuer. Input: a line with the issuer, one with the host of the keys if it is
//! set, then the document.

#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr};

use countersign::fuzzing;
use libfuzzer_sys::{Corpus, fuzz_target};
use url::{Host, Url};

fuzz_target!(|text: &str| -> Corpus {
    let mut lines = text.splitn(3, '\n');
    let (Some(issuer), Some(host), Some(document)) = (lines.next(), lines.next(), lines.next())
    else {
        return Corpus::Reject;
    };
    check_url(issuer);
    let keys_host = Some(host).filter(|host| !host.is_empty());
    let found = fuzzing::keys_url(document, issuer, keys_host);
    let json = serde_json::from_str::<serde_json::Value>(document).ok();
    let member = |name| json.as_ref().and_then(|json| json.get(name)?.as_str());
    match found {
        None | Some(Err("forbidden_jwks_uri")) => {}
        Some(Err(reason)) => {
            assert_eq!(reason, "wrong_issuer");
            assert_ne!(member("issuer"), Some(issuer));
        }
        Some(Ok(url)) => {
            assert_eq!(
                (member("issuer"), member("jwks_uri")),
                (Some(issuer), Some(&*url))
            );
            check_keys_url(&url, issuer, keys_host);
        }
    }
    Corpus::Keep
});

/// Checks that a URL to be asked is valid for every parser, with the same host, and leads to the
/// metadata of this issuer.
fn check_url(issuer: &str) {
    let Some(host) = fuzzing::host_to_ask(issuer) else {
        return;
    };
    let parsed = parse(issuer, &host);
    for url in fuzzing::metadata_urls(issuer) {
        // A query is not part of an issuer (RFC 8414 section 2); the resulting URL is still asked.
        if issuer.contains('?') {
            continue;
        }
        let Some(url) = parse(&url, &host) else {
            continue;
        };
        let parsed = parsed.as_ref().expect("the same host");
        assert_eq!(url.port(), parsed.port());
        assert_eq!(url.scheme(), parsed.scheme());
        assert!(url.path().contains("/.well-known/"), "{url}");
    }
}

fn parse(text: &str, host: &str) -> Option<Url> {
    let uri: http::Uri = text.parse().expect("a URL for hyper");
    assert_eq!(
        uri.host().map(str::to_ascii_lowercase).as_deref(),
        Some(host)
    );
    // The `url` crate reads names in Punycode in its own way.
    if host.split('.').any(|label| label.starts_with("xn--")) {
        return None;
    }
    let url = Url::parse(text).expect("a URL");
    let read = url.host_str().expect("a host");
    let same_address = |read: &str| {
        let bare = |host: &str| host.trim_matches(['[', ']']).parse::<Ipv6Addr>().ok();
        bare(read).is_some() && bare(read) == bare(host)
    };
    assert!(read == host || same_address(read), "{read}, not {host}");
    assert_eq!(
        (url.username(), url.password(), url.fragment()),
        ("", None, None)
    );
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => {
            assert!(!is_nowhere(address), "{address}");
            address.is_loopback()
        }
        Some(Host::Ipv6(address)) => {
            let embedded = address.to_ipv4_mapped();
            assert!(!embedded.is_some_and(is_nowhere), "{address}");
            assert!(
                !address.is_multicast() && !address.is_unspecified(),
                "{address}"
            );
            assert_ne!(address.segments()[0] & 0xffc0, 0xfe80, "link-local");
            address.is_loopback()
        }
        None => false,
    };
    assert!(
        url.scheme() == "https" || url.scheme() == "http" && is_loopback,
        "{url}"
    );
    Some(url)
}

fn is_nowhere(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 0
        || first == 169 && second == 254
        || (224..240).contains(&first)
        || address.is_broadcast()
}

fn check_keys_url(keys: &str, issuer: &str, keys_host: Option<&str>) {
    let is_http = keys.starts_with("http:");
    assert!(!is_http || issuer.starts_with("http:"), "less protected");
    // Whoever fetches decides about plain http: what is checked here is the form, and the host.
    let as_https = keys.replacen("http:", "https:", 1);
    let host = fuzzing::host_to_ask(&as_https).expect("it may be asked");
    let url = parse(&as_https, &host);
    let is_own = issuer.split_once("://").is_some_and(|(_, rest)| {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let authority = rest[..end].to_ascii_lowercase();
        let rest = authority.strip_prefix(&host);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    });
    match (keys_host, url.as_ref().and_then(Url::host)) {
        _ if is_own => {}
        (Some(allowed), _) => assert_eq!(host, allowed),
        (None, _) if is_http => panic!("plain http to another host"),
        (None, Some(Host::Domain(name))) => {
            let name = name.trim_end_matches('.');
            assert!(
                name != "localhost" && !name.ends_with(".localhost"),
                "{name}"
            );
        }
        (None, Some(address)) => panic!("{address}"),
        (None, None) => {}
    }
}
