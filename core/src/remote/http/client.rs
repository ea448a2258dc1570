//! The HTTP client for documents of an identity provider.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
    iter,
    sync::Arc,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Body, Bytes, Incoming},
    header::{self, HeaderName, HeaderValue},
};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::builder::HttpFetchBuilder;
use super::{
    fetch::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse},
    form_request::FormRequest,
    proxy::Connector,
    resolver::{ForbiddenAddress, Resolver},
    url::{self, PlainHttp},
};

/// The [`Fetch`] that is used unless another is given: HTTP/1.1 over TLS.
///
/// 1. A URL is `https`, or `http` to a loopback host: `localhost`, `127.0.0.0/8`, `[::1]`. The name
///    `localhost` is not looked up: it is this machine. With
///    [`private_http`](crate::remote::RemoteKeysBuilder::private_http), `http` also goes to a host of which
///    each address is private.
/// 2. A name of which one address is link-local, unspecified, multicast or broadcast is refused:
///    the metadata services of clouds are at such addresses.
/// 3. The server's certificate is checked against the roots that the operating system trusts, as
///    `SSL_CERT_FILE` and `SSL_CERT_DIR` change them, and those of
///    [`root_certificate_pem`](HttpFetchBuilder::root_certificate_pem). There is no switch that
///    turns this off.
/// 4. No redirect is followed, no cookie kept. A proxy is asked if one is [set](HttpFetchBuilder::proxy).
/// 5. A body is read if the status is 2xx, it is not compressed, and it is not longer than
///    [`FetchRequest::max_bytes`]. What is longer is not read to its end.
/// 6. Each request has a connection of its own: requests are minutes apart.
///
/// It needs a tokio runtime with I/O and time. A TCP connection must be there in four seconds, which
/// the addresses of a name share; how long all may take is the caller's to say.
///
/// Cloning it is cheap. TLS is that of AWS-LC, whatever verifies the tokens.
///
/// # Examples
///
/// ```
/// use countersign::remote::HttpFetch;
///
/// # let company_ca = include_bytes!("../../../tests/data/keys/p256.certificate.pem");
/// let fetch = HttpFetch::builder()
///     .root_certificate_pem(company_ca)
///     .header("x-api-key", "secret")
///     .build()?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct HttpFetch {
    pub(super) client: Client<HttpsConnector<Connector>, Full<Bytes>>,
    /// For plain http in private networks.
    pub(super) private: Client<HttpConnector<Resolver>, Full<Bytes>>,
    /// Those of every request.
    pub(super) headers: HeaderMap,
    /// Those with a value of their own for each request.
    pub(super) asked_for: Vec<(HeaderName, Arc<HeaderValueSource>)>,
}

/// Returns the value of a header for the next request.
pub(super) type HeaderValueSource = dyn Fn() -> io::Result<String> + Send + Sync;

impl HttpFetch {
    /// Starts the settings: the system's roots, no additional header.
    pub fn builder() -> HttpFetchBuilder {
        HttpFetchBuilder::new()
    }

    async fn request(&self, asked: &FetchRequest) -> Result<Request<Full<Bytes>>, FetchError> {
        self.check(asked)?;
        let request = Request::get(asked.url()).body(Full::default());
        let mut request = self.with_headers(request).await?;
        // What can be no header was no `ETag`: then ask for the document even if it has not changed.
        if let Some(Ok(etag)) = asked.etag().map(HeaderValue::from_str) {
            request.headers_mut().insert(header::IF_NONE_MATCH, etag);
        }
        Ok(request)
    }

    async fn form(&self, asked: &FormRequest) -> Result<Request<Full<Bytes>>, FetchError> {
        check(asked.url(), asked.allows_private_http())?;
        let body = Bytes::copy_from_slice(asked.form().as_bytes());
        let request = Request::post(asked.url()).body(Full::new(body));
        let mut request = self.with_headers(request).await?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
        if let Some(value) = asked.authorization() {
            // The error must not contain the value.
            let mut value = HeaderValue::from_str(value).map_err(|_| FetchErrorKind::Header)?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    async fn send(
        &self,
        request: Request<Full<Bytes>>,
        url: &str,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        match url::is_plain_http(url) {
            true => self.private.request(request).await,
            false => self.client.request(request).await,
        }
    }

    /// Adds the headers of every request.
    async fn with_headers(
        &self,
        request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    ) -> Result<Request<Full<Bytes>>, FetchError> {
        let mut request =
            request.map_err(|error| FetchError::new(FetchErrorKind::Forbidden, error))?;
        *request.headers_mut() = self.headers.clone();
        for (name, source) in &self.asked_for {
            let value = value(Arc::clone(source)).await;
            let value = value.map_err(|error| FetchError::new(FetchErrorKind::Header, error))?;
            request.headers_mut().append(name, value);
        }
        Ok(request)
    }
}

/// Asks for the value of a header: in a thread that may block, for it can be in a file.
async fn value(source: Arc<HeaderValueSource>) -> io::Result<HeaderValue> {
    let value = spawn_blocking(move || source().map(Zeroizing::new)).await??;
    // The error must not contain the value.
    let value = HeaderValue::from_str(&value)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not visible ASCII"));
    value.map(|mut value| {
        value.set_sensitive(true);
        value
    })
}

impl Fetch for HttpFetch {
    async fn get(&self, asked: FetchRequest) -> Result<FetchResponse, FetchError> {
        let request = self.request(&asked).await?;
        let response = self.send(request, asked.url()).await;
        // An error page: nobody reads it, and it must not hide `Retry-After`.
        answer(response, asked.max_bytes(), |status| status.is_success()).await
    }

    async fn post(&self, asked: FormRequest) -> Result<FetchResponse, FetchError> {
        let request = self.form(&asked).await?;
        let response = self.send(request, asked.url()).await;
        let has_reason = [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED];
        answer(response, asked.max_bytes(), |status| {
            status.is_success() || has_reason.contains(&status)
        })
        .await
    }

    fn check(&self, request: &FetchRequest) -> Result<(), FetchError> {
        check(request.url(), request.allows_private_http())
    }
}

fn check(url: &str, allows_private_http: bool) -> Result<(), FetchError> {
    let http = if allows_private_http {
        PlainHttp::Private
    } else {
        PlainHttp::Loopback
    };
    url::is_allowed(url, http)
        .map_err(|problem| FetchError::new(FetchErrorKind::Forbidden, problem))
}

impl Default for HttpFetch {
    fn default() -> Self {
        // Only settings that the user makes can fail, and there are none.
        Self::builder().build().expect("no setting was made")
    }
}

impl fmt::Debug for HttpFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A value may be a secret.
        let names = self
            .headers
            .keys()
            .chain(self.asked_for.iter().map(|(name, _)| name));
        let names: Vec<&str> = names.map(HeaderName::as_str).collect();
        f.debug_struct("HttpFetch")
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

/// Reads an answer: the headers that matter, and the body if its status is one of those.
async fn answer(
    response: Result<Response<Incoming>, hyper_util::client::legacy::Error>,
    max_bytes: usize,
    is_read: impl Fn(StatusCode) -> bool,
) -> Result<FetchResponse, FetchError> {
    let (head, body) = response.map_err(not_answered)?.into_parts();
    let body = if is_read(head.status) {
        read(&head.headers, body, max_bytes).await?
    } else {
        Vec::new()
    };
    let mut answer = FetchResponse::new(head.status.as_u16(), body);
    for name in PASSED_ON {
        let values = head.headers.get_all(name).iter();
        for value in values.filter_map(|value| value.to_str().ok()) {
            answer = answer.header(name, value);
        }
    }
    Ok(answer)
}

async fn read(
    headers: &HeaderMap,
    mut body: Incoming,
    max_bytes: usize,
) -> Result<Vec<u8>, FetchError> {
    if is_encoded(headers) {
        return Err(FetchErrorKind::Encoded.into());
    }
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > max_bytes {
        return Err(FetchErrorKind::TooLarge.into());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| FetchError::new(FetchErrorKind::Read, error))?;
        if let Some(data) = frame.data_ref() {
            if data.len() > max_bytes - bytes.len() {
                return Err(FetchErrorKind::TooLarge.into());
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

/// Checks both headers that can say that the body is compressed.
fn is_encoded(headers: &HeaderMap) -> bool {
    let is_other_than = |name: HeaderName, plain: &str| {
        let values = headers.get_all(name).iter();
        let codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        codings
            .map(<[u8]>::trim_ascii)
            .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(plain.as_bytes()))
    };
    is_other_than(header::CONTENT_ENCODING, "identity")
        || is_other_than(header::TRANSFER_ENCODING, "chunked")
}

pub(super) fn not_answered(error: hyper_util::client::legacy::Error) -> FetchError {
    let kind = if in_chain::<ForbiddenAddress>(&error).is_some() {
        FetchErrorKind::Forbidden
    } else if in_chain::<io::Error>(&error).is_some_and(|io| io.kind() == ErrorKind::TimedOut) {
        FetchErrorKind::Timeout
    } else if error.is_connect() {
        FetchErrorKind::Connect
    } else {
        FetchErrorKind::Read
    };
    FetchError::new(kind, error)
}

/// Returns the outermost error of this type among an error and its causes.
fn in_chain<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut causes = iter::successors(Some(error), |&error| error.source());
    causes.find_map(|error| error.downcast_ref())
}

const FORM: &str = "application/x-www-form-urlencoded";

/// The headers that a caller reads. Values that are no visible ASCII are left out.
const PASSED_ON: [&str; 6] = [
    "age",
    "cache-control",
    "date",
    "etag",
    "expires",
    "retry-after",
];
