//! The rules for URLs of metadata and keys.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::{error::ConfigError, request::ends_in_number};

/// The hosts to which a URL may be plain `http`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// Any: somebody else decides.
    Anywhere,
    /// `localhost` and loopback addresses.
    Loopback,
    /// Private addresses too, and names: whoever connects must check where they lead.
    Private,
}

impl PlainHttp {
    fn check(self, host: &str) -> Result<(), &'static str> {
        match (self, address(host)) {
            (Self::Anywhere, _) | (Self::Private, None) => Ok(()),
            _ if is_loopback(host) => Ok(()),
            (Self::Private, Some(address)) if is_private(address) => Ok(()),
            (Self::Private, Some(_)) => Err("http is only for private addresses: use https"),
            (Self::Loopback, _) => Err("http is only for a loopback host: use https"),
        }
    }
}

/// Refuses a URL that must not be asked, with a text for the developer.
///
/// # Errors
///
/// [`ConfigError::InvalidSetting`] with what is wrong and the URL, unless a password could be in it.
pub(crate) fn check_url(url: &str, http: PlainHttp) -> Result<(), ConfigError> {
    is_allowed(url, http).map_err(|problem| refused(url, problem))
}

/// Makes the text for the developer.
pub(crate) fn refused(url: &str, problem: impl fmt::Display) -> ConfigError {
    let is_shown = !url.contains('@') && url.len() <= LONGEST;
    ConfigError::InvalidSetting(if is_shown {
        format!("{url:?}: {problem}")
    } else {
        problem.to_string()
    })
}

/// Checks a URL: absolute, `https` or `http` where that is allowed, without user and fragment, and not to an
/// address at which no provider can be.
///
/// Stricter than RFC 3986, so that no later reader of the URL sees another host in it.
///
/// # Errors
///
/// The fault in a URL, for the developer. The text does not contain the URL.
pub(crate) fn is_allowed(url: &str, http: PlainHttp) -> Result<(), &'static str> {
    let (scheme, host) = parse(url)?;
    if scheme == "http" {
        http.check(host)?;
    }
    if address(host).is_some_and(is_forbidden) {
        return Err("no provider can be at this address");
    }
    Ok(())
}

/// Checks for plain http to another host than this machine.
pub(crate) fn is_plain_http(url: &str) -> bool {
    parse(url).is_ok_and(|(scheme, host)| scheme == "http" && !is_loopback(host))
}

/// Returns the host of a URL, in lower case, without the port. An IPv6 address keeps its brackets.
pub(crate) fn host(url: &str) -> Option<String> {
    Some(parse(url).ok()?.1.to_ascii_lowercase())
}

/// Checks for a host that is this machine by its name alone: `localhost`, `127.0.0.0/8` or `[::1]`.
pub(crate) fn is_loopback(host: &str) -> bool {
    is_localhost(host) || address(host).is_some_and(|address| address.is_loopback())
}

/// Checks for the name `localhost`.
pub(crate) fn is_localhost(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

/// Checks for an address at which no provider can be, but perhaps a metadata service of the cloud, or
/// every neighbour: link-local, unspecified, multicast, broadcast.
pub(crate) fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_forbidden_v4(address),
        IpAddr::V6(address) => {
            address.is_unspecified()
                || address.is_multicast()
                || address.is_unicast_link_local()
                || METADATA.contains(&address)
                || embedded(address).is_some_and(is_forbidden_v4)
        }
    }
}

/// Checks for an address that the Internet does not lead to: loopback, those of RFC 1918 for IPv4, unique
/// local ones (RFC 4193) for IPv6.
///
/// The shared ones of RFC 6598 are not among them: other customers of a network can have them, and a cloud
/// has its metadata service there.
pub(crate) fn is_private(address: IpAddr) -> bool {
    let is_private_v4 = |address: Ipv4Addr| address.is_loopback() || address.is_private();
    !is_forbidden(address)
        && match address {
            IpAddr::V4(address) => is_private_v4(address),
            IpAddr::V6(address) => {
                address.is_loopback()
                    || address.is_unique_local()
                    || address.to_ipv4_mapped().is_some_and(is_private_v4)
            }
        }
}

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    // All of 0.0.0.0/8 is "this host on this network" (RFC 1122 section 3.2.1.3).
    address.octets()[0] == 0
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
}

/// Returns the IPv4 address that is reached through this one: mapped (RFC 4291 section 2.5.5.2) or
/// translated (RFC 6052 section 2.1).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    address.to_ipv4_mapped().or_else(|| {
        let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() else {
            return None;
        };
        Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
    })
}

/// Returns the address that a host is, if it is no name.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => {
            let address: Ipv6Addr = rest.strip_suffix(']')?.parse().ok()?;
            Some(address.into())
        }
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// Returns the scheme of a URL, which is `https` or `http`, and its host.
fn parse(url: &str) -> Result<(&str, &str), &'static str> {
    if url.len() > LONGEST {
        return Err("a URL is at most 2048 bytes long");
    }
    let Some((scheme @ ("https" | "http"), rest)) = url.split_once("://") else {
        return Err("a URL begins with https://");
    };
    if !rest.bytes().all(is_url_byte) {
        return Err("a URL is of ASCII letters, digits and punctuation, others as %XX");
    }
    if rest.contains('#') {
        return Err("a fragment is never sent: leave it out");
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at(end);
    if authority.contains('@') {
        return Err("user and password do not belong in a URL");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if !is_host(host) {
        return Err(
            "the host of a URL is a name in ASCII, an IPv4 address, or an IPv6 one in brackets",
        );
    }
    if port.is_some_and(|port| !is_port(port)) {
        return Err("the port of a URL is a number from 1 to 65535");
    }
    if has_dot_segment(path_and_query) {
        return Err("a path has no segments . and ..: write where they lead");
    }
    Ok((scheme, host))
}

/// Checks for a character of RFC 3986 section 2. What follows a `%` is left to the server.
fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}

/// Checks for a path segment that some readers remove, and others send (RFC 3986 section 5.2.4): to
/// the former, `/.well-known/..` would be another document. `%2e` is a dot to the WHATWG's readers.
fn has_dot_segment(path_and_query: &str) -> bool {
    let path = path_and_query.split('?').next().unwrap_or_default();
    path.split('/').any(|segment| {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        dots == "." || dots == ".."
    })
}

fn is_host(host: &str) -> bool {
    if host.starts_with('[') || ends_in_number(host) {
        return address(host).is_some();
    }
    let allowed =
        |byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    !host.is_empty() && !host.starts_with('.') && host.bytes().all(allowed)
}

fn is_port(port: &str) -> bool {
    port.parse::<u16>()
        .is_ok_and(|number| number != 0 && number.to_string() == port)
}

const LONGEST: usize = 2048;

/// The metadata services that have an IPv6 address of their own beside 169.254.169.254.
const METADATA: [Ipv6Addr; 2] = [
    // Amazon EC2
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    // Google Compute Engine
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_allowed(url: &str) -> Result<(), &'static str> {
        super::is_allowed(url, PlainHttp::Loopback)
    }

    fn check_url(url: &str) -> Result<(), ConfigError> {
        super::check_url(url, PlainHttp::Loopback)
    }

    #[test]
    fn plain_http_goes_to_private_addresses_where_that_is_allowed() {
        let private = |url: &str| super::is_allowed(url, PlainHttp::Private);
        for good in [
            "http://localhost:8080/jwks",
            "http://127.0.0.1/jwks",
            "http://10.0.0.7/jwks",
            "http://10.255.255.255/jwks",
            "http://172.16.0.1/jwks",
            "http://172.31.255.255/jwks",
            "http://192.168.1.1/jwks",
            "http://[fd00::1]/jwks",
            "http://[::ffff:10.0.0.7]/jwks",
            // Names are checked when they are resolved.
            "http://keycloak:8080/jwks",
            "http://auth.default.svc/jwks",
            "http://login.example/jwks",
            "https://192.0.2.1/jwks",
        ] {
            assert_eq!(private(good), Ok(()), "{good}");
        }
        for bad in [
            "http://9.255.255.255/jwks",
            "http://11.0.0.0/jwks",
            "http://172.15.255.255/jwks",
            "http://172.32.0.0/jwks",
            "http://192.167.255.255/jwks",
            "http://192.169.0.0/jwks",
            "http://192.0.2.1/jwks",
            "http://100.64.0.1/jwks",
            "http://169.254.169.254/latest",
            "http://0.0.0.0/jwks",
            "http://[2001:db8::1]/jwks",
            "http://[fe80::1]/jwks",
            "http://[fc00::1%25eth0]/jwks",
            "http://[fd00:ec2::254]/latest",
            "http://[::ffff:192.0.2.1]/jwks",
            "http://[64:ff9b::10.0.0.7]/jwks",
            "http://user@keycloak/jwks",
            "http://10.1/jwks",
        ] {
            assert!(private(bad).is_err(), "{bad}");
        }
        // With https, an address may be public; no address that is forbidden is allowed by any rule.
        let anywhere = |url: &str| super::is_allowed(url, PlainHttp::Anywhere);
        assert_eq!(anywhere("http://192.0.2.1/jwks"), Ok(()));
        assert!(anywhere("http://169.254.169.254/latest").is_err());
    }

    #[test]
    fn a_url_is_https_or_http_to_this_machine() {
        for good in [
            "https://login.example",
            "https://login.example/",
            "https://Login.Example:8443/realms/a/certs?appid=1",
            "https://login.example?x=@",
            "https://login.example/a@b:c",
            "https://xn--bcher-kva.example/a%20b",
            "https://192.0.2.1/jwks",
            "https://10.0.0.7/jwks",
            "https://[2001:db8::1]:8443/jwks",
            "https://localhost/jwks",
            "https://a.1.example./jwks",
            "https://example.0xyz/jwks",
            "http://localhost/jwks",
            "http://LOCALHOST:8080/jwks",
            "http://127.0.0.1:8080/jwks",
            "http://127.255.255.254/jwks",
            "http://[::1]:8080/jwks",
        ] {
            assert_eq!(is_allowed(good), Ok(()), "{good}");
            assert!(host(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "login.example/jwks",
            "/jwks",
            "//login.example/jwks",
            "https:login.example",
            "https:/login.example",
            "https://",
            "https:///jwks",
            "https://:443/jwks",
            "HTTPS://login.example",
            "ftp://login.example",
            "file:///etc/passwd",
            "data:application/json,{}",
            " https://login.example",
            "https://login.example ",
            "https://login.example/\r\nhost: other",
            "https://login.example/a b",
            "https://login.example\\@other.example",
            "https://login.example/#fragment",
            "https://login.example#@other.example",
            "https://user@login.example",
            "https://user:password@login.example",
            "https://@login.example",
            "https://login.example:",
            "https://login.example:0",
            "https://login.example:080",
            "https://login.example:+1",
            "https://login.example:65536",
            "https://login.example:a",
            "https://a:b:1",
            "https://.",
            "https://b\u{fc}cher.example",
            "https://login%2eexample",
            "https://*.example",
            "https://[::1",
            "https://[::1]x",
            "https://[fe80::1%25eth0]",
            "https://[127.0.0.1]",
            "https://::1",
            "http://login.example",
            "http://localhost.",
            "http://localhost.example",
            "http://app.localhost",
            "http://10.0.0.7",
            "http://128.0.0.1",
            "http://127.0.0.1.example",
            "http://[::2]",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(is_allowed(bad).is_err(), "{bad}");
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_that_only_some_read_as_addresses_are_no_hosts() {
        for bad in [
            "127.1",
            "2130706433",
            "0x7f000001",
            "0X7f.1",
            "0x",
            "127.0.0.0x1",
            "0177.0.0.1",
            "127.0.0.01",
            "127.0.0.1.",
            "1.2.3.4.5",
            "256.1.1.1",
        ] {
            for scheme in ["http", "https"] {
                assert!(is_allowed(&format!("{scheme}://{bad}/")).is_err(), "{bad}");
            }
        }
    }

    #[test]
    fn no_provider_is_at_a_link_local_unspecified_multicast_or_broadcast_address() {
        for bad in [
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "[::]",
            "[fe80::1]",
            "[febf::1]",
            "[ff02::1]",
            "[fd00:ec2::254]",
            "[fd20:ce::254]",
            "[::ffff:169.254.169.254]",
            "[::ffff:0.0.0.0]",
            "[64:ff9b::169.254.169.254]",
        ] {
            assert!(is_allowed(&format!("https://{bad}/")).is_err(), "{bad}");
        }
        for good in [
            "169.253.255.255",
            "1.0.0.0",
            "223.255.255.255",
            "240.0.0.1",
            "192.168.0.255",
            "[fec0::1]",
            "[fd00:ec2::253]",
            "[::ffff:192.0.2.1]",
            "[64:ff9b::192.0.2.1]",
        ] {
            assert!(is_allowed(&format!("https://{good}/")).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_path_leads_to_one_place() {
        for bad in ["..", ".", "a/../b", "a/.", "%2e%2E", ".%2e/a", "a/%2E?b"] {
            assert!(is_allowed(&format!("https://a/{bad}")).is_err(), "{bad}");
        }
        for good in ["...", ".well-known", "a..b", "a?../b", "%252e", "~/.a", ""] {
            assert!(is_allowed(&format!("https://a/{good}")).is_ok(), "{good}");
        }
    }

    #[test]
    fn hosts_are_in_lower_case_and_without_a_port() {
        for (url, expected) in [
            ("https://Login.Example:8443/A", "login.example"),
            ("https://login.example", "login.example"),
            ("https://login.example?a", "login.example"),
            ("https://[2001:DB8::1]:8443/", "[2001:db8::1]"),
            ("http://127.0.0.1:80/", "127.0.0.1"),
        ] {
            assert_eq!(host(url).as_deref(), Some(expected));
        }
        assert_eq!(host("login.example"), None);
    }

    #[test]
    fn the_text_for_the_developer_says_the_url_but_no_password() {
        let text = |url: &str| check_url(url).unwrap_err().to_string();
        assert_eq!(
            text("http://login.example/jwks"),
            "invalid setting: \"http://login.example/jwks\": http is only for a loopback host: use https"
        );
        assert_eq!(
            text("https://user:hunter2@login.example"),
            "invalid setting: user and password do not belong in a URL"
        );
        assert!(text(&format!("https://login.example/{}", "a".repeat(2048))).len() < 100);
        let longest = format!("https://login.example/{}", "a".repeat(2048 - 22));
        assert_eq!(check_url(&longest), Ok(()));
    }

    proptest! {
        #[test]
        fn every_url_that_is_allowed_is_one_to_hyper_with_the_same_host(
            rest in "[a-z0-9.:@/?%\\[\\]\\\\_-]{0,24}",
        ) {
            let url = format!("https://{rest}");
            if is_allowed(&url).is_ok() {
                let read: hyper::Uri = url.parse().unwrap();
                prop_assert_eq!(read.host().map(str::to_owned), host(&url));
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            for text in [&text, &format!("https://{text}"), &format!("http://[{text}")] {
                let _ = is_allowed(text);
            }
        }
    }
}
