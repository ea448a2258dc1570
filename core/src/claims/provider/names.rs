//! The names that presets take: hosts, segments of a path, GUIDs.

use crate::error::ConfigError;

/// A host name, perhaps with a port, as issuers write it: in lower case.
pub(super) fn host(text: &str) -> Result<String, ConfigError> {
    let (name, port) = text.split_once(':').unwrap_or((text, "443"));
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if is_name && port.parse::<u16>().is_ok() {
        return Ok(text.to_ascii_lowercase());
    }
    invalid(format!(
        "{text:?} is no domain: it is a host name alone, such as `id.example`"
    ))
}

/// One label of a host name, in lower case.
pub(super) fn label<'t>(text: &'t str, what: &str) -> Result<&'t str, ConfigError> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-');
    if (1..=63).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(plain) {
        return Ok(text);
    }
    invalid(format!(
        "{text:?} is no {what}: it has small letters, digits and hyphens, and no dot"
    ))
}

/// One segment of a path that every URL writes in the same way (RFC 3986 section 2.3).
pub(super) fn segment<'t>(text: &'t str, what: &str) -> Result<&'t str, ConfigError> {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if !text.is_empty() && !text.starts_with('.') && text.bytes().all(plain) {
        return Ok(text);
    }
    invalid(format!(
        "the {what} {text:?} is not written in an issuer as it is: see `Provider::with_issuer`"
    ))
}

/// An identifier that begins with its kind, such as `org_a1B2`.
pub(super) fn prefixed<'t>(
    text: &'t str,
    prefix: &str,
    what: &str,
) -> Result<&'t str, ConfigError> {
    let rest = text.strip_prefix(prefix).unwrap_or("");
    if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(text);
    }
    invalid(format!(
        "{text:?} is no {what}: it begins with `{prefix}`, and letters and digits follow"
    ))
}

pub(super) fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(super) fn invalid<T>(text: String) -> Result<T, ConfigError> {
    Err(ConfigError::InvalidSetting(text))
}
