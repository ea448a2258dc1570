//! The URL under which clients reach the service, and the comparison of `htu` with it.

use std::fmt::Write;

use crate::error::ConfigError;

/// The URL under which clients reach the service: scheme, host, port, and the path in front of those that the service sees.
///
/// In normal form, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExternalUrl(Box<str>);

impl ExternalUrl {
    /// Reads the setting.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] for what is no `http` or `https` URL, or has a user, a query or a fragment.
    pub(crate) fn parse(url: &str) -> Result<Self, ConfigError> {
        let refused = |problem: &str| {
            ConfigError::InvalidSetting(format!("`external_url` {url:?}: {problem}"))
        };
        if url.contains(['?', '#']) {
            return Err(refused("it has neither query nor fragment"));
        }
        let normal = normalize(url).ok_or_else(|| {
            refused("it is an absolute https (or http) URL without a user, as `https://api.example/base`")
        })?;
        Ok(Self(normal.trim_end_matches('/').into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether `htu` is the URL of a request for this path (RFC 9449 section 4.3), both in normal form.
    pub(crate) fn is_of(&self, htu: &str, path: &str) -> bool {
        let Some(htu) = normalize(htu) else {
            return false;
        };
        let mut own = String::with_capacity(self.0.len() + path.len());
        own.push_str(&self.0);
        push_path(path, &mut own).is_some() && htu == own
    }
}

/// The longest URL that is read, in bytes.
const LONGEST: usize = 4 << 10;

/// Returns the normal form of a URL (RFC 3986 section 6.2.2, 6.2.3) without query and fragment: scheme and host in lower case,
/// without the scheme's own port, with a path.
fn normalize(url: &str) -> Option<String> {
    if url.len() > LONGEST || !url.is_ascii() {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let (scheme, own_port) = match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => ("https", "443"),
        _ if scheme.eq_ignore_ascii_case("http") => ("http", "80"),
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let path = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    // As a number: no reader takes `0443` for another port than this one does.
    let port = port.strip_prefix('0').map_or(Some(port), |_| None)?;
    let is_port = port.is_empty() || port.parse::<u16>().is_ok_and(|_| is_digits(port));
    if !is_host(host) || !is_port {
        return None;
    }
    let mut normal = String::with_capacity(url.len() + 1);
    normal.push_str(scheme);
    normal.push_str("://");
    normal.push_str(&host.to_ascii_lowercase());
    if !port.is_empty() && port != own_port {
        normal.push(':');
        normal.push_str(port);
    }
    push_path(if path.is_empty() { "/" } else { path }, &mut normal)?;
    Some(normal)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether it is a name or an address. No `@`: what is in front of it is a user.
fn is_host(host: &str) -> bool {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        }
    }
}

/// Appends the normal form of a path: `%XX` in upper case, and only where it has to be. `None` for one that others read as
/// another path: with segments of dots, a backslash, a broken `%`.
fn push_path(path: &str, normal: &mut String) -> Option<()> {
    if !path.starts_with('/') {
        return None;
    }
    let start = normal.len();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let value = digit(bytes.next()?)? << 4 | digit(bytes.next()?)?;
                match char::from_u32(value)? {
                    plain if plain.is_ascii_alphanumeric() || "-._~".contains(plain) => {
                        normal.push(plain);
                    }
                    _ => write!(normal, "%{value:02X}").ok()?,
                }
            }
            b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | b'?' | b'#' => {
                return None;
            }
            byte if byte.is_ascii_graphic() => normal.push(char::from(byte)),
            _ => return None,
        }
    }
    let segments = normal[start..].split('/');
    segments
        .clone()
        .all(|segment| !matches!(segment, "." | ".."))
        .then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_url_in_all_its_spellings_is_accepted() {
        let api = ExternalUrl::parse("https://API.example:443/base/").unwrap();
        assert_eq!(api.as_str(), "https://api.example/base");
        for htu in [
            "https://api.example/base/v1/~me",
            "HTTPS://API.EXAMPLE/base/v1/~me",
            "https://api.example:443/base/v1/~me",
            "https://api.example:/base/v1/~me",
            "https://api.example/base/v1/~me?page=2",
            "https://api.example/base/v1/~me?page=2#top",
            "https://api.example/base/v1/%7Eme",
            "https://api.example/base/v1/%7eme",
            "https://api.example/b%61se/v1/~me",
        ] {
            assert!(api.is_of(htu, "/v1/~me"), "{htu}");
        }
        assert!(api.is_of("https://api.example/base/a%2Fb", "/a%2fb"));
    }

    #[test]
    fn any_other_url_is_refused() {
        let api = ExternalUrl::parse("https://api.example").unwrap();
        for htu in [
            "",
            "/v1/me",
            "api.example/v1/me",
            "http://api.example/v1/me",
            "https://api.example/v1/Me",
            "https://api.example/v1/me/",
            "https://api.example/v1/me/more",
            "https://api.example/v1",
            "https://api.example//v1/me",
            "https://api.example/v1//me",
            "https://api.example/v1/./me",
            "https://api.example/v2/../v1/me",
            "https://api.example/v2/%2e%2e/v1/me",
            "https://api.example/v1%2Fme",
            "https://api.example/v1/me%00",
            "https://api.example/v1/me%",
            "https://api.example/v1/me%4",
            "https://api.example/v1/m\u{e9}",
            "https://api.example\\v1\\me",
            "https://api.example:8443/v1/me",
            "https://api.example:0443/v1/me",
            "https://api.example:x/v1/me",
            "https://api.example./v1/me",
            "https://user@api.example/v1/me",
            "https://api.example@evil.example/v1/me",
            "https://api.example.evil.example/v1/me",
            "wss://api.example/v1/me",
            " https://api.example/v1/me",
            "https://api.example/v1/me ",
        ] {
            assert!(!api.is_of(htu, "/v1/me"), "{htu}");
        }
        assert!(api.is_of("https://api.example/v1/me", "/v1/me"));
    }

    #[test]
    fn a_request_whose_path_is_read_in_two_ways_has_no_proof() {
        let api = ExternalUrl::parse("https://api.example").unwrap();
        for path in ["*", "", "/a/../b", "/a/%2E/b", "/a%zz"] {
            assert!(
                !api.is_of(&format!("https://api.example{path}"), path),
                "{path}"
            );
        }
        assert!(api.is_of("https://api.example", "/"));
    }

    #[test]
    fn a_setting_that_is_no_base_is_refused() {
        for url in [
            "api.example",
            "https://api.example/?x",
            "https://api.example/#x",
            "https://u:p@api.example",
            "ftp://api.example",
            "https://",
            "https://api.example/a/../b",
        ] {
            let error = ExternalUrl::parse(url).unwrap_err();
            assert!(error.to_string().contains("external_url"), "{url}: {error}");
        }
        assert_eq!(
            ExternalUrl::parse("http://[::1]:8080").unwrap().as_str(),
            "http://[::1]:8080"
        );
    }
}
