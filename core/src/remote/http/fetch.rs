//! The way to the documents of an identity provider: a trait of one method, which a test can replace.

use std::{error::Error, fmt, future::Future, sync::Arc};

use super::form_request::FormRequest;

/// Gets documents over HTTP: metadata and key sets of an identity provider.
///
/// The default is [`HttpFetch`](crate::remote::HttpFetch). Write your own to use another client, or to count
/// requests in a test.
///
/// An implementation must follow no redirect, check the server's certificate, and stop reading
/// after [`FetchRequest::max_bytes`]. It decides by itself whether a URL may be plain `http`: anybody between
/// here and there could replace the keys. The caller drops the future when its time is over.
///
/// # Examples
///
/// ```
/// use countersign::remote::{Fetch, FetchError, FetchRequest, FetchResponse};
///
/// /// A provider that never changes.
/// struct Fixed(&'static str);
///
/// impl Fetch for Fixed {
///     async fn get(&self, _: FetchRequest) -> Result<FetchResponse, FetchError> {
///         Ok(FetchResponse::new(200, self.0).header("cache-control", "max-age=600"))
///     }
/// }
/// ```
pub trait Fetch: Send + Sync + 'static {
    /// Sends one `GET` and reads the answer.
    ///
    /// # Errors
    ///
    /// [`FetchError`] when there is no complete answer. An answer with an error status is an answer.
    fn get(
        &self,
        request: FetchRequest,
    ) -> impl Future<Output = Result<FetchResponse, FetchError>> + Send;

    /// Sends one `POST` of a form and reads the answer: for a `TokenClient`. The body of an answer with the status 400 or
    /// 401 is read as well, as it has the reason. Default: [`FetchErrorKind::Forbidden`].
    ///
    /// # Errors
    ///
    /// [`FetchError`] when there is no complete answer. An answer with an error status is an answer.
    fn post(
        &self,
        request: FormRequest,
    ) -> impl Future<Output = Result<FetchResponse, FetchError>> + Send {
        drop(request);
        async {
            let cause = "this client sends no form: it has no `Fetch::post`";
            Err(FetchError::new(FetchErrorKind::Forbidden, cause))
        }
    }

    /// Checks whether a URL that the developer set may be asked, when the source is built: a mistake shows
    /// then, and not with the first fetch. Default: each may, with `http` as well.
    ///
    /// The form of the URL has been checked before, and that its host is no address of a metadata service.
    ///
    /// # Errors
    ///
    /// [`FetchErrorKind::Forbidden`], with the reason as its source.
    fn check(&self, request: &FetchRequest) -> Result<(), FetchError> {
        let _ = request;
        Ok(())
    }
}

/// A request for a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    url: String,
    etag: Option<String>,
    max_bytes: usize,
    private_http: bool,
}

impl FetchRequest {
    /// Makes a request for this URL, with an answer of at most this many bytes.
    #[must_use]
    pub fn new(url: impl Into<String>, max_bytes: usize) -> Self {
        Self {
            url: url.into(),
            etag: None,
            max_bytes,
            private_http: false,
        }
    }

    /// Asks for the document only if it is no longer this one (`If-None-Match`, RFC 9110 section
    /// 13.1.2).
    #[must_use]
    pub fn unless(mut self, etag: Option<impl Into<String>>) -> Self {
        self.etag = etag.map(Into::into);
        self
    }

    /// Allows plain `http` to private addresses. See
    /// [`private_http`](crate::remote::RemoteKeysBuilder::private_http).
    #[must_use]
    pub fn with_private_http(mut self) -> Self {
        self.private_http = true;
        self
    }

    /// Returns whether plain `http` to private addresses is allowed.
    #[must_use]
    pub fn allows_private_http(&self) -> bool {
        self.private_http
    }

    /// Returns the absolute URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the value for `If-None-Match`, if there is one.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Returns the largest body, in bytes. A larger one is [`FetchErrorKind::TooLarge`].
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }
}

/// A complete answer. `Debug` does not show the body.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl FetchResponse {
    /// Makes an answer with this status and body, without headers.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Adds a header. Read are `age`, `cache-control`, `etag`, `expires`, `date`,
    /// `retry-after`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the body, as it was sent.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the values of a header, in order. The case of `name` does not matter.
    pub fn values<'r>(&'r self, name: &str) -> impl Iterator<Item = &'r str> {
        self.headers
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for FetchResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// Why there is no answer. Its source has the details, for the log.
#[derive(Clone, Debug)]
pub struct FetchError {
    kind: FetchErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl FetchError {
    /// Makes an error of this kind, with its cause.
    #[must_use]
    pub fn new(kind: FetchErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind,
            source: Some(source.into().into()),
        }
    }

    /// Returns what happened.
    #[must_use]
    pub fn kind(&self) -> FetchErrorKind {
        self.kind
    }
}

impl From<FetchErrorKind> for FetchError {
    fn from(kind: FetchErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name_and_message().1)
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_deref()?)
    }
}

/// The failure on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// There is no connection: unknown name, closed port, untrusted certificate.
    Connect,
    /// The answer is compressed, which was not asked for.
    Encoded,
    /// The address is not one that may be asked.
    Forbidden,
    /// The value of a header could not be had.
    Header,
    /// The answer broke off, or is no HTTP.
    Read,
    /// The answer took too long.
    Timeout,
    /// The answer is longer than allowed.
    TooLarge,
}

impl FetchErrorKind {
    /// Returns the stable machine name, in `snake_case`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name_and_message().0
    }

    fn name_and_message(self) -> (&'static str, &'static str) {
        match self {
            Self::Connect => ("connect", "there is no connection"),
            Self::Encoded => ("encoded", "the answer is compressed"),
            Self::Forbidden => ("forbidden", "the address may not be asked"),
            Self::Header => ("header", "the value of a header could not be had"),
            Self::Read => ("read", "the answer broke off or is no HTTP"),
            Self::Timeout => ("timeout", "the answer took too long"),
            Self::TooLarge => ("too_large", "the answer is too large"),
        }
    }
}
