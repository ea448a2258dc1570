//! Ways into what reads the answers of a provider: see `crate::fuzzing`.

use std::time::Duration;

use crate::remote::document::{discovery, http_caching};
use crate::remote::http::{
    FetchResponse,
    url::{self, PlainHttp},
};

/// Reads the `jwks_uri` out of metadata; `None` when this is none. An error is the reason.
pub fn keys_url(
    metadata: &str,
    issuer: &str,
    keys_host: Option<&str>,
) -> Option<Result<String, &'static str>> {
    let url = discovery::parse(metadata)?.keys_url(issuer, keys_host, false);
    Some(url.map_err(|failure| failure.reason()))
}

/// The places where the metadata of an issuer can be.
pub fn metadata_urls(issuer: &str) -> [String; 2] {
    discovery::urls(issuer)
}

/// The host of a URL that `HttpFetch` asks by default; `None` for any other.
pub fn host_to_ask(text: &str) -> Option<String> {
    url::is_allowed(text, PlainHttp::Loopback)
        .ok()
        .and_then(|()| url::host(text))
}

/// Returns the time for which an answer is fresh.
pub fn lifetime(response: &FetchResponse) -> Option<Duration> {
    http_caching::lifetime(response)
}

/// Returns the pause that the provider asks for.
pub fn retry_after(response: &FetchResponse) -> Option<Duration> {
    http_caching::retry_after(response)
}

/// The validator of an answer.
pub fn etag(response: &FetchResponse) -> Option<String> {
    http_caching::etag(response)
}

/// Reads the answer of a token endpoint: the token, and its lifetime.
#[cfg(feature = "token-client")]
pub fn token_answer(
    status: u16,
    body: &[u8],
) -> Result<(String, Duration), crate::remote::TokenError> {
    let granted = crate::remote::token_client::read(&FetchResponse::new(status, body))?;
    Ok((granted.text.to_string(), granted.lifetime))
}
