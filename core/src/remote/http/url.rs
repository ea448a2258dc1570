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
            (Self::Loopback, _) => Err(
                "http is only for a loopback host: use https, or allow it in a private network with `private_http`",
            ),
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
mod tests;
