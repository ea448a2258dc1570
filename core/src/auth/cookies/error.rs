//! The error of a cookie that browsers would drop.

use std::fmt;

/// The reason why a cookie was not set. It does not contain the value.
///
/// # Examples
///
/// ```
/// use countersign::AuthCookies;
///
/// let large = "a".repeat(5_000);
/// let error = AuthCookies::new()
///     .set((&large, 900), ("refresh", 86_400), None)
///     .unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the cookie __Host-access has 5013 bytes of name and value, and browsers drop it beyond 4096"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieError {
    name: Box<str>,
    cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    NotAValue,
    TooLarge(usize),
}

impl CookieError {
    /// Returns the name of the cookie.
    #[must_use]
    pub fn cookie(&self) -> &str {
        &self.name
    }

    /// Checks that a browser would keep a cookie of this name and value.
    pub(super) fn check(name: &str, value: &str) -> Result<(), Self> {
        let refused = |cause| {
            let name = name.into();
            Err(Self { name, cause })
        };
        if !value.bytes().all(is_cookie_octet) {
            return refused(Cause::NotAValue);
        }
        match name.len() + value.len() {
            0..=MOST_BYTES => Ok(()),
            bytes => refused(Cause::TooLarge(bytes)),
        }
    }
}

impl fmt::Display for CookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.cause {
            Cause::NotAValue => write!(f, "the cookie {name} has a character that none can have"),
            Cause::TooLarge(bytes) => write!(
                f,
                "the cookie {name} has {bytes} bytes of name and value, \
                 and browsers drop it beyond {MOST_BYTES}"
            ),
        }
    }
}

impl std::error::Error for CookieError {}

/// The most bytes of name and value together that a browser keeps (RFC 6265bis section 5.6). It drops a
/// larger cookie without a word.
const MOST_BYTES: usize = 4096;

/// `cookie-octet` (RFC 6265 section 4.1.1).
fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b',' | b';' | b'\\')
}
