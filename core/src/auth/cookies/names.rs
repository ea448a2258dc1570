//! Names and paths that a cookie can have.

use crate::error::ConfigError;

pub(super) const HOST: &str = "__Host-";
pub(super) const SECURE: &str = "__Secure-";

/// Checks that a name is a `token` (RFC 6265 section 4.1.1) with this prefix and something after it. Without
/// one, it must have none that browsers know: they drop such a cookie without `Secure`.
pub(super) fn checked_name(name: String, prefix: &str) -> Result<Box<str>, ConfigError> {
    let starts_with = |own: &str| {
        let start = name.get(..own.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(own))
    };
    let rest = match prefix {
        "" if starts_with(HOST) || starts_with(SECURE) => None,
        prefix => name.strip_prefix(prefix),
    };
    let is_good = |own: &char| u8::try_from(*own).is_ok_and(is_token_byte);
    let bad = name.chars().find(|own| !is_good(own));
    let problem = match (rest, bad) {
        (_, Some(bad)) => format!("it cannot contain {bad:?}"),
        (Some(""), _) => "nothing follows its prefix".to_owned(),
        (Some(_), None) => return Ok(name.into_boxed_str()),
        (None, _) if prefix.is_empty() => format!("it must not begin with {HOST} or {SECURE}"),
        (None, _) => format!("it must begin with {prefix}"),
    };
    Err(ConfigError::InvalidSetting(format!(
        "cookie name {name:?}: {problem}"
    )))
}

/// Exchanges the prefix of a checked name.
pub(super) fn with_prefix(name: &str, prefix: &str) -> Box<str> {
    let mut rest = [HOST, SECURE]
        .iter()
        .filter_map(|own| name.strip_prefix(own));
    let rest = rest.next().unwrap_or(name);
    format!("{prefix}{rest}").into_boxed_str()
}

/// Checks that a cookie of this name may be read by scripts. Browsers compare prefixes without case
/// (RFC 6265bis section 5.6).
pub(super) fn is_scriptable(name: &str) -> bool {
    let start = name.get(..HOST_HTTP.len());
    !start.is_some_and(|start| start.eq_ignore_ascii_case(HOST_HTTP))
}

/// Checks that it is a path that a cookie can have.
pub(super) fn is_path(path: &str) -> bool {
    let allowed = |byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b';' | b',' | b'?' | b'#');
    path.starts_with('/') && path.len() <= MOST_PATH_BYTES && path.bytes().all(allowed)
}

/// Checks that browsers send a cookie of this path with requests below `mount` (RFC 6265 section 5.1.4).
#[cfg(feature = "sessions")]
pub(super) fn is_below(path: &str, mount: &str) -> bool {
    let mount = format!("{}/", mount.trim_end_matches('/'));
    let rest = mount.strip_prefix(path);
    rest.is_some_and(|rest| path.ends_with('/') || rest.starts_with('/'))
}

/// The prefix of cookies that only a server can set, and no script read.
const HOST_HTTP: &str = "__Host-Http-";

/// The longest attribute that a browser does not ignore (RFC 6265bis section 5.6).
const MOST_PATH_BYTES: usize = 1024;

/// `tchar` (RFC 9110 section 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
