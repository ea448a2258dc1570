//! The answer to a refused client: status, `WWW-Authenticate`, problem body, gRPC status.

use std::borrow::Cow;

use serde::Serialize;

use crate::error::{AuthError, AuthErrorKind, LogLevel};

/// The answer to a refused request, for an adapter to write.
///
/// The header text is valid by construction: every byte is visible ASCII or a space, whatever the
/// configuration contains. Nothing in it comes from the request.
///
/// # Examples
///
/// ```
/// use countersign::{AuthError, AuthErrorKind};
///
/// let challenge = AuthError::from(AuthErrorKind::Expired).challenge();
/// assert_eq!(challenge.status(), 401);
/// assert_eq!(
///     challenge.www_authenticate(),
///     Some(r#"Bearer error="invalid_token", error_description="the token has expired""#)
/// );
/// assert_eq!(challenge.grpc_code(), 16);
///
/// // No token at all: a bare challenge (RFC 6750 section 3.1).
/// let challenge = AuthError::from(AuthErrorKind::MissingToken).challenge();
/// assert_eq!(challenge.www_authenticate(), Some("Bearer"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    kind: AuthErrorKind,
    www_authenticate: Option<Cow<'static, str>>,
    /// The challenge to come with a proof, beside the other one.
    dpop: Option<Box<str>>,
    dpop_nonce: Option<Box<str>>,
    retry_after: Option<u32>,
}

impl Challenge {
    /// The media type of [`problem_json`](Self::problem_json) (RFC 9457 section 3).
    pub const PROBLEM_JSON: &'static str = "application/problem+json";

    pub(crate) fn new(error: &AuthError) -> Self {
        let kind = error.kind();
        let retry_after = match kind.status() {
            503 => Some(error.retry_after().unwrap_or(DEFAULT_RETRY_AFTER)),
            _ => None,
        };
        Self {
            kind,
            www_authenticate: write_challenge(error),
            dpop: write_dpop_offer(error),
            dpop_nonce: error.nonce().map(Into::into),
            retry_after,
        }
    }

    /// The HTTP status: 400, 401, 403, 500 or 503.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// The value of `WWW-Authenticate` (RFC 6750 section 3, RFC 9449 section 7.1, RFC 9110 section 11.6.1); where there are
    /// two, the first: [`headers`](Self::headers) has both.
    ///
    /// Present with 401, and wherever there is an [`error_code`](Self::error_code). Absent where
    /// other credentials would not help: 500, 503, and 403 for a request from another site.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<&str> {
        self.www_authenticate.as_deref()
    }

    /// The value of `Retry-After` in seconds: present with 503.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// The nonce that the client shall use in its next proof: the value of `DPoP-Nonce` (RFC 9449 section 9).
    #[must_use]
    pub fn dpop_nonce(&self) -> Option<&str> {
        self.dpop_nonce.as_deref()
    }

    /// The headers of the answer, names in lower case: `www-authenticate`, `retry-after`, `dpop-nonce`, and with it
    /// `cache-control`, as far as they apply. There are two of `www-authenticate` where a client may come with a proof or
    /// without: each is a field line of its own.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        let challenge = self.www_authenticate.as_deref().map(Cow::Borrowed);
        let retry_after = self.retry_after.map(|seconds| seconds.to_string().into());
        let nonce = self.dpop_nonce.as_deref().map(Cow::Borrowed);
        let no_store = nonce.is_some().then_some(Cow::Borrowed("no-store"));
        [
            ("www-authenticate", challenge),
            ("www-authenticate", self.dpop.as_deref().map(Cow::Borrowed)),
            ("retry-after", retry_after),
            ("dpop-nonce", nonce),
            ("cache-control", no_store),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    /// The RFC 6750 error code: `invalid_token`, `insufficient_scope`, `invalid_request` ...
    ///
    /// `None` when the request carried no token, and where no code says what is wrong: 500, 503, a
    /// request from another site.
    #[must_use]
    pub fn error_code(&self) -> Option<&'static str> {
        self.kind.code()
    }

    /// The public text, in lower case and without a full stop.
    #[must_use]
    pub fn message(&self) -> &'static str {
        self.kind.message()
    }

    /// The problem document (RFC 9457), ready to serialise.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new(self.kind)
    }

    /// The problem document as JSON text. Its media type is [`PROBLEM_JSON`](Self::PROBLEM_JSON).
    #[must_use]
    pub fn problem_json(&self) -> String {
        self.kind.problem_json()
    }

    /// The gRPC status code: 16 unauthenticated, 7 permission denied, 14 unavailable, 13 internal.
    #[must_use]
    pub fn grpc_code(&self) -> i32 {
        self.kind.grpc_code()
    }
}

impl AuthErrorKind {
    /// The problem document (RFC 9457) of this kind as JSON text.
    #[must_use]
    pub fn problem_json(self) -> String {
        match self {
            Self::MissingToken => MISSING_TOKEN.to_owned(),
            // Texts and a number: it cannot fail.
            _ => serde_json::to_string(&Problem::new(self)).unwrap_or_default(),
        }
    }

    /// The gRPC status code of this kind.
    #[must_use]
    pub fn grpc_code(self) -> i32 {
        match self.status() {
            403 => 7,
            500 => 13,
            503 => 14,
            _ => 16,
        }
    }
}

/// A problem document (RFC 9457 section 3) with the OAuth `error` code as an extension member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The problem type: always `about:blank`, so the title is the status phrase.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status phrase.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The public text.
    pub detail: &'static str,
    /// The RFC 6750 error code, if the answer has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
}

impl Problem {
    fn new(kind: AuthErrorKind) -> Self {
        Self {
            kind: "about:blank",
            title: status_phrase(kind.status()),
            status: kind.status(),
            detail: kind.message(),
            error: kind.code(),
        }
    }
}

/// The settings that an authenticator gives all its refusals: the parameters of challenges (RFC 9110
/// section 11.5, RFC 9728), and the level of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChallengeParams {
    pub(crate) realm: Option<String>,
    pub(crate) resource_metadata: Option<String>,
    /// Set if tokens may or must come with a proof.
    pub(crate) dpop: Option<DpopParams>,
    pub(crate) log_level: LogLevel,
    /// True if the log names actor and subject of a delegated token.
    pub(crate) log_actors: bool,
}

/// The parameters of challenges to come with a proof (RFC 9449 section 7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DpopParams {
    /// The accepted algorithms, with a space between two.
    pub(crate) algorithms: String,
    /// Set if a token without a proof can be accepted, too.
    pub(crate) allows_bearer: bool,
}

/// Seconds a client is asked to wait when the cause does not say.
const DEFAULT_RETRY_AFTER: u32 = 5;

/// The problem document of most refusals, written out: a test compares it with that of `serde_json`.
const MISSING_TOKEN: &str = concat!(
    r#"{"type":"about:blank","title":"Unauthorized","status":401,"#,
    r#""detail":"authentication is required"}"#
);

fn status_phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

fn write_challenge(error: &AuthError) -> Option<Cow<'static, str>> {
    let kind = error.kind();
    // Only 401 has to challenge (RFC 9110 section 15.5.2). Elsewhere it says what is wrong.
    if kind.status() != 401 && kind.code().is_none() {
        return None;
    }
    if kind.code().is_none() && error.params().is_none() {
        return Some(Cow::Borrowed(BEARER));
    }
    Some(write_params(error))
}

/// Returns the parameters of the challenge to come with a proof, if that is the one for this error.
fn dpop_params(error: &AuthError) -> Option<&DpopParams> {
    let dpop = error.params()?.dpop.as_ref()?;
    (error.is_dpop() || !dpop.allows_bearer).then_some(dpop)
}

/// Writes the challenge to come with a proof that stands beside the one to come without.
fn write_dpop_offer(error: &AuthError) -> Option<Box<str>> {
    let dpop = error.params()?.dpop.as_ref()?;
    if error.kind().status() != 401 || dpop_params(error).is_some() {
        return None;
    }
    let mut params = Params::new(DPOP);
    params.add("algs", Some(&dpop.algorithms));
    params.text.map(String::into_boxed_str)
}

// Apart, so that a bare challenge does without its room on the stack.
#[inline(never)]
fn write_params(error: &AuthError) -> Cow<'static, str> {
    let (kind, own) = (error.kind(), error.params());
    let dpop = dpop_params(error);
    let mut params = Params::new(if dpop.is_some() { DPOP } else { BEARER });
    params.add("realm", own.and_then(|own| own.realm.as_deref()));
    params.add("error", kind.code());
    if kind.code().is_some() {
        params.add("error_description", Some(kind.message()));
    }
    if let Some(required) = error.required() {
        params.add_list("scope", &required.scopes);
        params.add_list("acr_values", &required.acr_values);
        params.add(
            "max_age",
            required.max_age.map(|age| age.to_string()).as_deref(),
        );
    }
    params.add(
        "resource_metadata",
        own.and_then(|own| own.resource_metadata.as_deref()),
    );
    params.add("algs", dpop.map(|dpop| &*dpop.algorithms));
    params.text.map_or(Cow::Borrowed(params.scheme), Cow::Owned)
}

const BEARER: &str = "Bearer";
const DPOP: &str = "DPoP";

/// Writes the scheme and its `auth-param`s, each a `quoted-string` (RFC 9110 sections 5.6.4 and
/// 11.2); `None` as long as there are none.
struct Params {
    scheme: &'static str,
    text: Option<String>,
}

impl Params {
    /// The room that suffices for most challenges, in bytes.
    const USUAL: usize = 160;

    fn new(scheme: &'static str) -> Self {
        Self { scheme, text: None }
    }

    fn add(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        let text = match &mut self.text {
            Some(text) => {
                text.push_str(", ");
                text
            }
            none => {
                let text = none.insert(String::with_capacity(Self::USUAL));
                text.push_str(self.scheme);
                text.push(' ');
                text
            }
        };
        text.push_str(name);
        text.push_str("=\"");
        for c in value.chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                ' '..='~' => text.push(c),
                _ => text.push('?'),
            }
        }
        text.push('"');
    }

    fn add_list(&mut self, name: &str, values: &[String]) {
        if !values.is_empty() {
            self.add(name, Some(&values.join(" ")));
        }
    }
}

#[cfg(test)]
mod tests;
