//! Requests to a service, and what its answers mean.

use std::time::Duration;

use countersign::issue::SignerError;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Uri,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Hyper, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{sleep, timeout};

/// A client for HTTPS, which keeps its connections. Plain HTTP goes to this machine only, where an agent listens.
#[derive(Clone, Debug)]
pub struct Client(Hyper<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// The longest time for a request and its answer. It fits twice into the time limit of a signature.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// The longest answer, in bytes. A key has a few hundred.
const MAX_BODY: usize = 64 << 10;
/// The waits before a request that was one too many is made again.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

impl Client {
    /// A client that trusts the certificates of this machine.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up.
    pub fn new() -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let hyper = Hyper::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Ok(Self(hyper))
    }

    /// Sends JSON by POST; without it, a GET.
    pub(crate) async fn call(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: Option<Value>,
    ) -> Result<Vec<u8>, SignerError> {
        self.send(url, headers, body.map(|body| body.to_string()))
            .await
    }

    /// Sends a request; again, a little later, if there were too many.
    pub(crate) async fn send(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: Option<String>,
    ) -> Result<Vec<u8>, SignerError> {
        let mut waits = BACK_OFF.into_iter();
        loop {
            let request = request(url, headers, body.clone())?;
            let answer = timeout(TIME_LIMIT, self.answer(request)).await;
            let (status, body) =
                answer.map_err(|_| SignerError::unavailable("no answer in time"))??;
            match (meaning(status, &body), waits.next()) {
                (Meaning::Done, _) => return Ok(body),
                (Meaning::TooMany, Some(wait)) => sleep(wait).await,
                (Meaning::Refused, _) => return Err(SignerError::refused(text(status, &body))),
                (Meaning::Outage | Meaning::TooMany, _) => {
                    return Err(SignerError::unavailable(text(status, &body)));
                }
            }
        }
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<(u16, Vec<u8>), SignerError> {
        let response = self.0.request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        let body = body.map_err(SignerError::unavailable)?;
        Ok((status, body.to_bytes().to_vec()))
    }
}

fn request(
    url: &str,
    headers: &[(&'static str, String)],
    body: Option<String>,
) -> Result<Request<Full<Bytes>>, SignerError> {
    let url: Uri = url.parse().map_err(SignerError::refused)?;
    let is_here = matches!(url.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme_str() != Some("https") && !is_here {
        return Err(SignerError::refused(
            "the address of the service does not begin with https",
        ));
    }
    let method = if body.is_some() { "POST" } else { "GET" };
    let mut request = Request::builder().method(method).uri(url);
    if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    for (name, value) in headers {
        // The error does not contain the value.
        let value = HeaderValue::from_str(value);
        let mut value = value.map_err(|_| SignerError::refused(format!("{name} is no header")))?;
        value.set_sensitive(true);
        request = request.header(*name, value);
    }
    let body = Full::from(body.unwrap_or_default());
    request.body(body).map_err(SignerError::refused)
}

enum Meaning {
    Done,
    Outage,
    Refused,
    TooMany,
}

fn meaning(status: u16, body: &[u8]) -> Meaning {
    match status {
        200 => Meaning::Done,
        429 => Meaning::TooMany,
        400 if is_aws_throttling(body) => Meaning::TooMany,
        408 | 500..=599 => Meaning::Outage,
        _ => Meaning::Refused,
    }
}

/// AWS says 400 where others say 429.
fn is_aws_throttling(body: &[u8]) -> bool {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let kind = body.as_ref().and_then(|body| body["__type"].as_str());
    kind.is_some_and(|kind| {
        let (_, name) = kind.rsplit_once('#').unwrap_or(("", kind));
        matches!(name, "ThrottlingException" | "RequestLimitExceeded")
    })
}

/// Tells of an answer, in one line.
fn text(status: u16, body: &[u8]) -> String {
    let body = &body[..body.len().min(300)];
    format!("status {status}: {}", body.escape_ascii())
}

/// Reads an answer. One that is not as it should be is an outage.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SignerError> {
    Ok(serde_json::from_slice(body)?)
}
