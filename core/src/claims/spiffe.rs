//! SPIFFE IDs: the name of a workload, and that of its trust domain (SPIFFE-ID section 2).

use std::fmt;

use crate::error::ConfigError;

const SCHEME: &str = "spiffe://";

/// The name of a trust domain, as `spiffe://example.org`: the start of all its SPIFFE IDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrustDomain(Box<str>);

impl TrustDomain {
    /// Reads a name, with or without `spiffe://`.
    pub(crate) fn new(name: &str) -> Result<Self, ConfigError> {
        let bare = name.strip_prefix(SCHEME).unwrap_or(name);
        if is_trust_domain(bare) {
            return Ok(Self(format!("{SCHEME}{bare}").into()));
        }
        Err(ConfigError::InvalidSetting(format!(
            "{name:?} is no trust domain of SPIFFE: it has small letters, digits, dots, hyphens and underscores, \
             such as `example.org`"
        )))
    }

    /// Returns it with `spiffe://`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the trust domain of a workload's SPIFFE ID, with `spiffe://`; `None` if the text is none.
///
/// Each ID has one spelling: the scheme and the trust domain are in small letters, and the path is in characters that
/// no URL writes in another way, without empty segments, `.` and `..`. An ID without a path names a trust domain, not a workload.
pub(crate) fn trust_domain_of(id: &str) -> Option<&str> {
    /// The longest ID, in bytes (SPIFFE-ID section 2.3).
    const LONGEST: usize = 2_048;

    if id.len() > LONGEST {
        return None;
    }
    let (name, path) = id.strip_prefix(SCHEME)?.split_once('/')?;
    let is_good = is_trust_domain(name) && path.split('/').all(is_segment);
    is_good.then(|| &id[..SCHEME.len() + name.len()])
}

fn is_trust_domain(name: &str) -> bool {
    /// The longest host of a URL.
    const LONGEST: usize = 255;

    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(plain)
}

fn is_segment(segment: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !matches!(segment, "" | "." | "..") && segment.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_trust_domain() {
        for (id, domain) in [
            ("spiffe://example.org/web", "spiffe://example.org"),
            (
                "spiffe://a_b-1.example/ns/shop/sa/Web.1_2",
                "spiffe://a_b-1.example",
            ),
            ("spiffe://1.2.3.4/..a/...", "spiffe://1.2.3.4"),
        ] {
            assert_eq!(trust_domain_of(id), Some(domain), "{id}");
        }
    }

    #[test]
    fn an_id_has_one_spelling() {
        for id in [
            "",
            "web",
            "spiffe:",
            "spiffe://",
            "spiffe:///web",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe://example.org/web/",
            "spiffe://example.org//web",
            "spiffe://example.org/./web",
            "spiffe://example.org/a/../web",
            "spiffe://example.org/w%65b",
            "spiffe://example.org/web?x",
            "spiffe://example.org/web#x",
            "spiffe://example.org/w b",
            "spiffe://example.org/wéb",
            "spiffe://example.org:443/web",
            "spiffe://me@example.org/web",
            "spiffe://Example.org/web",
            "SPIFFE://example.org/web",
            "spiffe:/example.org/web",
            " spiffe://example.org/web",
            "spiffe://example.org/web\n",
            "https://example.org/web",
        ] {
            assert_eq!(trust_domain_of(id), None, "{id:?}");
        }
    }

    #[test]
    fn an_id_has_at_most_2048_bytes_and_a_trust_domain_255() {
        let id = |length: usize| {
            let start = "spiffe://example.org/";
            format!("{start}{}", "a".repeat(length - start.len()))
        };
        assert!(trust_domain_of(&id(2_048)).is_some());
        assert!(trust_domain_of(&id(2_049)).is_none());
        assert!(TrustDomain::new(&"a".repeat(255)).is_ok());
        assert!(TrustDomain::new(&"a".repeat(256)).is_err());
    }

    #[test]
    fn a_trust_domain_is_named_with_or_without_its_scheme() {
        let domain = TrustDomain::new("example.org").unwrap();
        assert_eq!(domain, TrustDomain::new("spiffe://example.org").unwrap());
        assert_eq!(domain.to_string(), "spiffe://example.org");
        for bad in [
            "",
            "Example.org",
            "example.org/",
            "https://example.org",
            "a:1",
            "a b",
        ] {
            assert!(TrustDomain::new(bad).is_err(), "{bad:?}");
        }
    }
}
