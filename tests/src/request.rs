//! A request and an answer, without a framework.

use std::net::IpAddr;

use countersign::proof::ClientCertificate;

/// A request with raw header bytes, so that hostile ones can be written.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path, and the query if there is one, after the scheme and the authority for a request in
    /// absolute form or of HTTP/2.
    pub target: String,
    /// Names and raw values, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: String,
    /// The address at the other end of the connection.
    pub peer: Option<IpAddr>,
    /// The certificate that the client proved in the TLS handshake.
    pub certificate: Option<ClientCertificate>,
}

impl Request {
    /// Creates `GET /` without headers.
    #[must_use]
    pub fn get() -> Self {
        Self {
            method: "GET".into(),
            target: "/".into(),
            headers: Vec::new(),
            body: String::new(),
            peer: None,
            certificate: None,
        }
    }

    /// Creates `POST` to this path.
    #[must_use]
    pub fn post(target: &str) -> Self {
        Self::get().method("POST").target(target)
    }

    /// Sets a body of JSON.
    #[must_use]
    pub fn json(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/json")
    }

    /// Creates `GET /` with this bearer token.
    #[must_use]
    pub fn bearer(token: &str) -> Self {
        Self::get().header("authorization", format!("Bearer {token}"))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Sets the request target.
    #[must_use]
    pub fn target(mut self, target: &str) -> Self {
        self.target = target.into();
        self
    }

    /// Sets the address that the request comes from.
    ///
    /// # Panics
    ///
    /// When the text is not an address.
    #[must_use]
    pub fn from(mut self, address: &str) -> Self {
        self.peer = Some(address.parse().expect("an address"));
        self
    }

    /// Sets the method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = method.into();
        self
    }
}

/// An answer, as far as authentication affects it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status. 0 if the request could not be built, as with control bytes in a header.
    pub status: u16,
    /// `WWW-Authenticate`; where there are two, with a line break between them.
    pub www_authenticate: Option<String>,
    /// `DPoP-Nonce`.
    pub dpop_nonce: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// `Content-Type`; not compared for the 200 of the route itself.
    pub content_type: Option<String>,
    /// The body as text.
    pub body: String,
    /// The stable name of the refusal, which the answer carries for outer middleware. `None` if
    /// there is none, and if the answer came over a socket.
    pub reason: Option<&'static str>,
}

impl Answer {
    /// Returns the answer to a request that no HTTP library would build.
    #[must_use]
    pub fn unbuildable() -> Self {
        Self::default()
    }

    /// Returns true if the request could be built at all.
    #[must_use]
    pub fn was_built(&self) -> bool {
        self.status != 0
    }

    /// Returns the `error` of the challenge (RFC 6750 section 3).
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        let (_, rest) = self.www_authenticate.as_deref()?.split_once("error=\"")?;
        rest.split('"').next()
    }
}
