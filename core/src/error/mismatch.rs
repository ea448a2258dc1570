//! A mismatch between a token and an expectation, for those who run the service.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

/// A mismatch in a token: the claim, the expected value, the value found.
///
/// The [`source`](Error::source) of the [`AuthError`](crate::AuthError) that refuses a token, and the
/// `cause` in its log event. It is for logs, and in no answer to a client.
///
/// Texts from the token are escaped and cut. Issuers, audiences, types, scopes, times, algorithms and key
/// ids are shown; of any other claim, only which kind of JSON value it is.
///
/// # Examples
///
/// ```
/// use std::error::Error;
///
/// use countersign::explain::Mismatch;
/// # use countersign::testing::TestIssuer;
///
/// let issuer = TestIssuer::new();
/// let refused = issuer.verifier().verify_now(&issuer.token().claim("sub", 42).sign());
/// let error = refused.unwrap_err();
/// assert_eq!(error.to_string(), "a claim is not valid");
///
/// let wrong = error.source().and_then(|source| source.downcast_ref::<Mismatch>()).unwrap();
/// assert_eq!(wrong.claim(), "sub");
/// assert_eq!(wrong.to_string(), "sub: expected a text; found a number");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Mismatch(Repr);

/// Anybody can send a bad token, so nothing is written or allocated before somebody asks. Only the
/// mismatches of a signed token are written at once.
#[derive(Clone, PartialEq, Eq)]
enum Repr {
    Fixed(&'static Fixed, &'static str),
    Key {
        of: &'static Fixed,
        algorithm: &'static str,
        id: Option<Start>,
    },
    Long {
        bytes: usize,
        most: usize,
    },
    Text(&'static Fixed, Start),
    Written(Arc<Written>),
}

/// A claim, or a part of a token, and what is expected of it.
#[derive(PartialEq, Eq)]
pub(crate) struct Fixed {
    claim: &'static str,
    expected: &'static str,
}

impl Fixed {
    pub(crate) const fn new(claim: &'static str, expected: &'static str) -> Self {
        Self { claim, expected }
    }
}

#[derive(PartialEq, Eq)]
struct Written {
    claim: Cow<'static, str>,
    expected: Cow<'static, str>,
    found: Cow<'static, str>,
}

impl Mismatch {
    /// The claim: `exp`, `aud` ... Outside of the payload, it is a parameter of the
    /// header (`alg`, `kid`, `typ`), or `token`, `header`, `signature`, `payload`.
    #[must_use]
    pub fn claim(&self) -> &str {
        match &self.0 {
            Repr::Fixed(of, _) | Repr::Key { of, .. } | Repr::Text(of, _) => of.claim,
            Repr::Long { .. } => "token",
            Repr::Written(written) => &written.claim,
        }
    }

    /// The value that would have passed.
    #[must_use]
    pub fn expected(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Fixed(of, _) | Repr::Key { of, .. } | Repr::Text(of, _) => of.expected.into(),
            Repr::Long { most, .. } => format!("at most {most} bytes (`max_token_bytes`)").into(),
            Repr::Written(written) => (&*written.expected).into(),
        }
    }

    /// The value in the token, escaped and cut to about 128 characters.
    #[must_use]
    pub fn found(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Fixed(_, found) => (*found).into(),
            Repr::Key { algorithm, id, .. } => {
                let id = id.as_ref().map(Start::text);
                format!("alg {algorithm}, kid {}", quoted(id.as_deref())).into()
            }
            Repr::Long { bytes, .. } => format!("{bytes} bytes").into(),
            Repr::Text(_, text) => quoted(Some(&text.text())).into(),
            Repr::Written(written) => (&*written.found).into(),
        }
    }

    #[inline]
    pub(crate) fn fixed(of: &'static Fixed, found: &'static str) -> Self {
        Self(Repr::Fixed(of, found))
    }

    pub(crate) fn key(of: &'static Fixed, algorithm: &'static str, id: Option<&[u8]>) -> Self {
        let id = id.map(Start::of);
        Self(Repr::Key { of, algorithm, id })
    }

    #[inline]
    pub(crate) fn long(bytes: usize, most: usize) -> Self {
        Self(Repr::Long { bytes, most })
    }

    pub(crate) fn text(of: &'static Fixed, found: &str) -> Self {
        Self(Repr::Text(of, Start::of(found.as_bytes())))
    }

    /// The texts are escaped, and cut.
    pub(crate) fn written(
        claim: impl Into<Cow<'static, str>>,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Repr::Written(Arc::new(Written {
            claim: claim.into(),
            expected: expected.into(),
            found: found.into(),
        })))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (claim, expected, found) = (self.claim(), self.expected(), self.found());
        write!(f, "{claim}: expected {expected}; found {found}")
    }
}

impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mismatch")
            .field("claim", &self.claim())
            .field("expected", &self.expected())
            .field("found", &self.found())
            .finish()
    }
}

impl Error for Mismatch {}

/// The start of a text, long enough to tell by. A thumbprint in base64url has 43 characters.
#[derive(Clone, PartialEq, Eq)]
struct Start {
    length: u8,
    is_cut: bool,
    bytes: [u8; Self::LONGEST],
}

impl Start {
    const LONGEST: usize = 46;

    fn of(text: &[u8]) -> Self {
        let mut bytes = [0; Self::LONGEST];
        let length = text.len().min(Self::LONGEST);
        bytes[..length].copy_from_slice(&text[..length]);
        Self {
            length: u8::try_from(length).unwrap_or(0),
            is_cut: length < text.len(),
            bytes,
        }
    }

    fn text(&self) -> Cow<'_, str> {
        // A character may have been cut in two.
        let text = String::from_utf8_lossy(&self.bytes[..usize::from(self.length)]);
        match self.is_cut {
            true => (text.into_owned() + "...").into(),
            false => text,
        }
    }
}

/// A text from a token, escaped and cut to a length that a log can bear.
pub(crate) fn quoted(text: Option<&str>) -> String {
    text.map_or("absent".to_owned(), |text| {
        // Cut before escaping, so that a huge text costs nothing, and again after it.
        let text: String = text.chars().take(LONGEST + 1).collect();
        cut(format!("{text:?}"))
    })
}

/// Cuts to the length that a log can bear.
pub(crate) fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// The most characters that are shown of one claim.
pub(crate) const LONGEST: usize = 128;
