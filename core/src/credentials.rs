//! A token that was found in a request.

use std::fmt;

/// A token as a request carries it, not verified.
///
/// `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct Credentials<'h> {
    pub(crate) token: &'h str,
    pub(crate) ambiguous: bool,
    pub(crate) from_cookie: bool,
    /// Which of several sources it was, from 0. `None` when it was found by other means.
    pub(crate) found_in: Option<usize>,
    pub(crate) csrf_value: Option<&'h [u8]>,
}

impl<'h> Credentials<'h> {
    /// Credentials that were found by other means, for example in a message of a stream.
    ///
    /// They do not count as a cookie: [`Csrf`](crate::Csrf) does not look at them.
    #[must_use]
    pub fn new(token: &'h str) -> Self {
        Self {
            token,
            ambiguous: false,
            from_cookie: false,
            found_in: None,
            csrf_value: None,
        }
    }

    pub(crate) fn token(&self) -> &'h str {
        self.token
    }

    /// Whether another enabled source carried a token too (RFC 6750 section 2).
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// Whether a browser may have added the token by itself.
    pub(crate) fn is_from_cookie(&self) -> bool {
        self.from_cookie
    }

    /// Which of the source's [parts](crate::TokenSource::part) has it.
    pub(crate) fn found_in(&self) -> Option<usize> {
        self.found_in
    }

    /// Adds the value that has to prove, once the token is verified, that its own site sent it.
    pub(crate) fn with_csrf_value(mut self, value: &'h [u8]) -> Self {
        self.csrf_value = Some(value);
        self
    }

    pub(crate) fn csrf_value(&self) -> Option<&'h [u8]> {
        self.csrf_value
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}
