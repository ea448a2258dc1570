//! The pattern of issuers that differ in one part.

use crate::{error::ConfigError, remote::url::PlainHttp, verify::dynamic::form};

/// The name of an issuer with one part left open: a segment of its path, or a label of its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    before: Box<str>,
    after: Box<str>,
    is_in_host: bool,
}

impl Pattern {
    const PLACEHOLDER: &str = "{tenant}";
    /// The longest name of a tenant in a path, in bytes. In a host, the bound is that of a label.
    const LONGEST: usize = 128;

    /// Reads a pattern such as `https://id.example/realms/{tenant}` or `https://{tenant}.id.example`.
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let fault = |problem: &str| {
            ConfigError::InvalidSetting(format!("the pattern of issuers {text:?}: {problem}"))
        };
        let Some((before, after)) = text.split_once(Self::PLACEHOLDER) else {
            return Err(fault(
                "it has `{tenant}` once, where the names of issuers differ",
            ));
        };
        if after.contains(Self::PLACEHOLDER) {
            return Err(fault("it has `{tenant}` once, not twice"));
        }
        let authority = before.split_once("://").map(|(_, rest)| rest);
        let authority = authority.ok_or_else(|| fault("it begins with https://"))?;
        let is_in_host = !authority.contains('/');
        let is_whole = match is_in_host {
            true => (authority.is_empty() || authority.ends_with('.')) && after.starts_with('.'),
            false => before.ends_with('/') && (after.is_empty() || after.starts_with('/')),
        };
        if !is_whole {
            return Err(fault(
                "`{tenant}` is a whole segment of the path, or a whole label of the host that others follow",
            ));
        }
        let pattern = Self {
            before: before.into(),
            after: after.into(),
            is_in_host,
        };
        let http = Some(PlainHttp::Private).filter(|_| pattern.is_http());
        form::check(&pattern.issuer("tenant"), http).map_err(fault)?;
        Ok(pattern)
    }

    /// Checks for plain http, which somebody wrote there on purpose.
    pub(super) fn is_http(&self) -> bool {
        self.before.starts_with("http:")
    }

    /// Checks a name of a tenant: letters that every reader of the URL leaves as they are.
    pub(super) fn is_tenant(&self, name: &str) -> bool {
        let is_label =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_segment =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        match self.is_in_host {
            true => {
                (1..=63).contains(&name.len())
                    && !name.starts_with('-')
                    && !name.ends_with('-')
                    && name.bytes().all(is_label)
            }
            false => {
                (1..=Self::LONGEST).contains(&name.len())
                    && !name.starts_with('.')
                    && name.bytes().all(is_segment)
            }
        }
    }

    /// Returns the name of a tenant's issuer.
    pub(super) fn issuer(&self, tenant: &str) -> String {
        format!("{}{tenant}{}", self.before, self.after)
    }

    /// Returns the tenant of an issuer that has this form.
    pub(super) fn tenant_of<'i>(&self, issuer: &'i str) -> Option<&'i str> {
        let tenant = issuer
            .strip_prefix(&*self.before)?
            .strip_suffix(&*self.after)?;
        self.is_tenant(tenant).then_some(tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_one_placeholder_for_a_whole_part() {
        for good in [
            "https://id.example/{tenant}",
            "https://id.example/realms/{tenant}",
            "https://id.example/{tenant}/v2.0",
            "https://id.example/{tenant}/",
            "https://{tenant}.id.example",
            "https://auth.{tenant}.id.example:8443/a",
            "http://127.0.0.1:8080/{tenant}",
            "http://keycloak:8080/realms/{tenant}",
        ] {
            let pattern = Pattern::parse(good).unwrap();
            let issuer = pattern.issuer("a-1");
            assert_eq!(issuer, good.replace("{tenant}", "a-1"));
            assert_eq!(pattern.tenant_of(&issuer), Some("a-1"), "{good}");
        }
        for bad in [
            "https://id.example/a",
            "https://id.example/{tenant}/{tenant}",
            "https://id.example/a{tenant}",
            "https://id.example/{tenant}b",
            "https://id.example/{tenant}?a",
            "https://id.example?{tenant}",
            "https://id.example#{tenant}",
            "https://id-{tenant}.example",
            "https://id.{tenant}",
            "https://{tenant}",
            "https://{tenant}:8443",
            "https://{tenant}@id.example",
            "https://id.example:{tenant}/",
            "https://ID.example/{tenant}",
            "https://id.example//{tenant}",
            "http://id.example/../{tenant}",
            "http://8.8.8.8/{tenant}",
            "https://10.0.0.1/{tenant}",
            "{tenant}",
            "{tenant}://id.example",
            "https://id.example/{realm}",
            "https://id.example/*",
        ] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tenant_is_one_segment_or_one_label() {
        let path = Pattern::parse("https://id.example/realms/{tenant}").unwrap();
        let host = Pattern::parse("https://{tenant}.id.example").unwrap();
        for (name, in_path, in_host) in [
            ("a", true, true),
            ("A", true, false),
            ("a-b", true, true),
            ("-a", true, false),
            ("a.b", true, false),
            ("a_b~c", true, false),
            ("", false, false),
            (".", false, false),
            ("..", false, false),
            (".a", false, false),
            ("a/b", false, false),
            ("a%2Fb", false, false),
            ("a b", false, false),
            ("a?b", false, false),
            ("a#b", false, false),
            ("a@b", false, false),
            ("a:b", false, false),
            ("\u{e4}", false, false),
            ("a\n", false, false),
        ] {
            let issuer = format!("https://id.example/realms/{name}");
            assert_eq!(path.tenant_of(&issuer).is_some(), in_path, "{issuer:?}");
            let issuer = format!("https://{name}.id.example");
            assert_eq!(host.tenant_of(&issuer).is_some(), in_host, "{issuer:?}");
        }
        assert!(path.is_tenant(&"a".repeat(128)) && !path.is_tenant(&"a".repeat(129)));
        assert!(host.is_tenant(&"a".repeat(63)) && !host.is_tenant(&"a".repeat(64)));
    }

    #[test]
    fn other_issuers_have_no_tenant() {
        let path = Pattern::parse("https://id.example/realms/{tenant}/v2.0").unwrap();
        for other in [
            "https://id.example/realms/a",
            "https://id.example/realms/a/v2.0/",
            "https://id.example/realms/a/b/v2.0",
            "https://id.example/realms//v2.0",
            "https://id.example/realms/v2.0",
            "https://id.example/Realms/a/v2.0",
            "http://id.example/realms/a/v2.0",
            "https://id.example.evil.example/realms/a/v2.0",
            "https://evil.example/https://id.example/realms/a/v2.0",
            "",
        ] {
            assert_eq!(path.tenant_of(other), None, "{other}");
        }
        assert_eq!(
            path.tenant_of("https://id.example/realms/a/v2.0"),
            Some("a")
        );
    }
}
