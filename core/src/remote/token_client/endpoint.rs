//! The address of a token endpoint, known or still to be discovered.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde::Deserialize;
use tokio::sync::Mutex;

use super::error::TokenError;
use crate::remote::{
    document::discovery,
    http::{
        DynFetch, FetchRequest,
        url::{self, PlainHttp},
    },
};

/// The token endpoint of a server.
pub(super) struct TokenEndpoint {
    location: Location,
    /// Found in the metadata.
    found: Mutex<Option<String>>,
    /// True if it may have moved since.
    is_doubted: AtomicBool,
}

/// What the app has named.
pub(super) enum Location {
    Endpoint(String),
    Issuer(String),
}

impl Location {
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Endpoint(url) | Self::Issuer(url) => url,
        }
    }
}

impl TokenEndpoint {
    pub(super) fn new(location: Location) -> Self {
        Self {
            location,
            found: Mutex::new(None),
            is_doubted: AtomicBool::new(false),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.location.url()
    }

    /// Returns the URL, which one call may have to look for; the others wait.
    pub(super) async fn url(
        &self,
        fetch: &Arc<dyn DynFetch>,
        private_http: bool,
    ) -> Result<String, TokenError> {
        let issuer = match &self.location {
            Location::Endpoint(url) => return Ok(url.clone()),
            Location::Issuer(issuer) => issuer,
        };
        let mut found = self.found.lock().await;
        // Taken before the search: if nobody answers that, the next call goes to the old one.
        let is_doubted = self.is_doubted.swap(false, Ordering::Relaxed);
        if let Some(url) = &*found
            && !is_doubted
        {
            return Ok(url.clone());
        }
        match (look_for(issuer, fetch, private_http).await, &*found) {
            (Ok(url), _) => Ok(found.insert(url).clone()),
            (Err(_), Some(old)) => Ok(old.clone()),
            (Err(error), None) => Err(error),
        }
    }

    /// Notes that nobody was there: it may have moved, and the next call looks for it again.
    pub(super) fn doubt(&self) {
        self.is_doubted.store(true, Ordering::Relaxed);
    }
}

/// Looks for the endpoint in the metadata, in both places where that can be.
async fn look_for(
    issuer: &str,
    fetch: &Arc<dyn DynFetch>,
    private_http: bool,
) -> Result<String, TokenError> {
    let mut last = TokenError::unavailable("there is no metadata");
    for url in discovery::urls(issuer) {
        let request = FetchRequest::new(url, LARGEST_METADATA);
        let request = match private_http {
            true => request.with_private_http(),
            false => request,
        };
        last = match Arc::clone(fetch).get_boxed(request).await {
            Ok(answer) if answer.status() == 200 => {
                match read(answer.body(), issuer, private_http) {
                    // A page of an app that answers each path.
                    Err(error) if error.is_unavailable() => error,
                    read => return read,
                }
            }
            Ok(answer) => TokenError::unavailable(format!(
                "the metadata: the answer has status {}",
                answer.status()
            )),
            Err(error) => TokenError::unavailable(error),
        };
    }
    Err(last)
}

/// In bytes.
const LARGEST_METADATA: usize = 256 << 10;

/// Reads the `token_endpoint` of exactly this issuer's metadata (RFC 8414 section 3.3). A client's secret goes there, so it is as
/// protected as the issuer.
fn read(body: &[u8], issuer: &str, private_http: bool) -> Result<String, TokenError> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
        token_endpoint: String,
    }

    let metadata: Metadata = serde_json::from_slice(body).map_err(|_| {
        TokenError::unavailable("the metadata is no JSON object with `issuer` and `token_endpoint`")
    })?;
    if metadata.issuer != issuer {
        return Err(TokenError::unusable(
            "the metadata is that of another issuer",
        ));
    }
    let endpoint = metadata.token_endpoint;
    let http = match private_http {
        true => PlainHttp::Private,
        false => PlainHttp::Loopback,
    };
    url::is_allowed(&endpoint, http).map_err(TokenError::unusable)?;
    if endpoint.starts_with("http:") && !issuer.starts_with("http:") {
        return Err(TokenError::unusable(
            "the `token_endpoint` is less protected than the issuer",
        ));
    }
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_that_of_the_issuer_and_protected() {
        let found = |issuer: &str, endpoint: &str| {
            let body = serde_json::json!({"issuer": issuer, "token_endpoint": endpoint});
            read(body.to_string().as_bytes(), "https://id.example", false).ok()
        };
        let good = "https://id.example/token";
        assert_eq!(found("https://id.example", good), Some(good.to_owned()));
        let elsewhere = "https://tokens.example/";
        assert_eq!(
            found("https://id.example", elsewhere),
            Some(elsewhere.to_owned())
        );
        assert_eq!(found("https://id.example/", good), None);
        for bad in [
            "http://id.example/token",
            "http://127.0.0.1/token",
            "https://169.254.169.254/",
            "/token",
            "",
        ] {
            assert_eq!(found("https://id.example", bad), None, "{bad}");
        }
    }
}
