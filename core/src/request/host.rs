//! Hosts that are addresses to some readers.

/// Whether the last label of a host is a number: then it is an IPv4 address, or none at all, to whoever
/// reads it by the URL standard (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
///
/// `127.1` and `0x7f000001` are addresses to such readers, and names to others.
pub(crate) fn ends_in_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal
        || last
            .strip_prefix("0x")
            .or(last.strip_prefix("0X"))
            .is_some_and(is_hex)
}
