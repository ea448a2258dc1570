//! Web origins, as browsers write them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::request::ends_in_number;

/// An origin in the one form in which a browser sends it (RFC 6454 section 6.2): lower case, no
/// default port, no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin<'t> {
    scheme: &'t str,
    /// Host and, unless it is the scheme's own, port.
    authority: &'t str,
}

impl<'t> Origin<'t> {
    /// Reads an origin. `null` is none.
    ///
    /// # Errors
    ///
    /// The reason, for the developer.
    pub(crate) fn parse(text: &'t str) -> Result<Self, &'static str> {
        let (scheme, authority) = text
            .split_once("://")
            .ok_or("an origin is a scheme, `://` and a host")?;
        if !is_scheme(scheme) {
            return Err("the scheme of an origin is in lower case");
        }
        if authority.contains(['/', '?', '#', '@']) {
            return Err("an origin has no path, not even a slash at its end, and no user");
        }
        let (host, port) = split_port(authority);
        if !is_host(host) {
            return Err(
                "the host of an origin is in lower case and ASCII (`xn--` for other letters), and an \
                 address is written in its short form",
            );
        }
        if port.is_some_and(|port| !is_port(port)) {
            return Err("the port of an origin is a number up to 65535");
        }
        if port.is_some() && port == default_port(scheme) {
            return Err("browsers leave out the port that is the default of the scheme");
        }
        Ok(Self { scheme, authority })
    }

    /// Returns whether this is the host and port that a request was sent to.
    ///
    /// The request does not say its scheme: behind a proxy nobody knows it. So `http` and `https`
    /// are the same here, each with its own default port. Other schemes are not those of a site.
    pub(crate) fn is_of(&self, authority: &[u8]) -> bool {
        let Some(default) = default_port(self.scheme) else {
            return false;
        };
        let without_default = authority
            .strip_suffix(default.as_bytes())
            .and_then(|rest| rest.strip_suffix(b":"));
        without_default
            .unwrap_or(authority)
            .eq_ignore_ascii_case(self.authority.as_bytes())
    }
}

fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" => Some("80"),
        "https" => Some("443"),
        _ => None,
    }
}

/// Host and port. The colons of an IPv6 address are in brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_scheme(scheme: &str) -> bool {
    let mut bytes = scheme.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
}

/// An address is written in one way only, too.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or_default();
        return address
            .parse()
            .is_ok_and(|parsed| written(parsed) == address);
    }
    if ends_in_number(host) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    !host.is_empty() && host.bytes().all(allowed)
}

/// An IPv6 address by RFC 5952, but in hexadecimal throughout, as browsers have it.
fn written(address: Ipv6Addr) -> String {
    let [.., high, low] = address.segments();
    match address.to_ipv4_mapped() {
        Some(_) => format!("::ffff:{high:x}:{low:x}"),
        None => address.to_string(),
    }
}

fn is_port(port: &str) -> bool {
    port.parse::<u16>()
        .is_ok_and(|number| number.to_string() == port)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_origin_is_read_only_as_a_browser_writes_it() {
        for good in [
            "https://app.example",
            "https://app.example:8443",
            "http://app.example:443",
            "https://xn--bcher-kva.example",
            "http://localhost:3000",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
            "https://[2001:db8::1]",
            "https://[2001:db8:0:1::1]",
            "https://[::ffff:7f00:1]",
            "https://1.example",
            "https://example.0xyz",
            "capacitor://localhost",
        ] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "null",
            "app.example",
            "://app.example",
            "https://",
            "https:app.example",
            "https://app.example/",
            "https://app.example/path",
            "https://app.example?",
            "https://app.example#",
            "https://user@app.example",
            "HTTPS://app.example",
            "https://App.example",
            "https://b\u{fc}cher.example",
            "https://app.example:443",
            "http://app.example:80",
            "https://app.example:",
            "https://app.example:0443",
            "https://app.example:+1",
            "https://app.example:65536",
            "https://app.example:a",
            "https://:8080",
            "https://a:b:1",
            "https://[::1",
            "https://::1",
            "https://[::A]",
            "https://[app.example]",
            "https://[::ffff:127.0.0.1]",
            "https://[0:0:0:0:0:0:0:1]",
            "https://[2001:0db8::1]",
            "https://[2001:db8:0:0:1::1]",
            "http://127.1",
            "http://127.0.0.01",
            "http://127.0.0.1.",
            "http://0x7f.0.0.1",
            "http://app.0x",
            "http://2130706433",
            "http://256.0.0.1",
            "https://app.example https://other.example",
            "https://app.example,https://other.example",
            " https://app.example",
            "https://*.example",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_are_compared_with_the_default_port_of_the_origin() {
        for (origin, authority, same) in [
            ("https://app.example", "app.example", true),
            ("https://app.example", "APP.example", true),
            ("https://app.example", "app.example:443", true),
            ("https://app.example", "app.example:80", false),
            ("http://app.example", "app.example:80", true),
            ("http://app.example", "app.example:443", false),
            ("http://app.example", "app.example", true),
            ("https://app.example:8443", "app.example:8443", true),
            ("https://app.example:8443", "app.example", false),
            ("https://app.example", "app.example:8443", false),
            ("https://app.example", "app.example:", false),
            ("https://app.example", "api.app.example", false),
            ("https://api.app.example", "app.example", false),
            ("https://app.example", "app.example.evil.example", false),
            ("https://app.example", "", false),
            ("http://[::1]:3000", "[::1]:3000", true),
            ("http://[::1]", "[::1]:80", true),
            ("http://[::80]", "[::80]", true),
            ("capacitor://localhost", "localhost", false),
        ] {
            let parsed = Origin::parse(origin).unwrap();
            assert_eq!(
                parsed.is_of(authority.as_bytes()),
                same,
                "{origin} {authority}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), authority in any::<Vec<u8>>()) {
            for text in [&text, &format!("https://{text}")] {
                if let Ok(origin) = Origin::parse(text) {
                    let _ = origin.is_of(&authority);
                }
            }
        }
    }
}
