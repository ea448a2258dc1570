//! A request with a form, and the credentials of its sender.

use std::fmt;

use zeroize::Zeroizing;

/// A `POST` of a form (`application/x-www-form-urlencoded`), as token endpoints take it (RFC 6749 section 3.2).
///
/// `Debug` shows neither the form nor the credentials.
#[derive(Clone)]
pub struct FormRequest {
    url: String,
    form: Zeroizing<String>,
    authorization: Option<Zeroizing<String>>,
    max_bytes: usize,
    private_http: bool,
}

impl FormRequest {
    /// Makes a request with this form, in which names and values are encoded, and an answer of at most this many bytes.
    #[must_use]
    pub fn new(url: impl Into<String>, form: impl Into<String>, max_bytes: usize) -> Self {
        Self {
            url: url.into(),
            form: Zeroizing::new(form.into()),
            authorization: None,
            max_bytes,
            private_http: false,
        }
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

    /// Sets the value of the header `Authorization`.
    #[must_use]
    pub fn with_authorization(mut self, value: Option<impl Into<String>>) -> Self {
        self.authorization = value.map(|value| Zeroizing::new(value.into()));
        self
    }

    /// Returns the absolute URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the encoded form: the body to send. It can have secrets.
    #[must_use]
    pub fn form(&self) -> &str {
        &self.form
    }

    /// Returns the value for the header `Authorization`, if there is one. It is a secret.
    #[must_use]
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref().map(String::as_str)
    }

    /// Returns the largest body of an answer, in bytes. A larger one is
    /// [`FetchErrorKind::TooLarge`](crate::remote::FetchErrorKind::TooLarge).
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }
}

impl fmt::Debug for FormRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormRequest")
            .field("url", &self.url)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}
