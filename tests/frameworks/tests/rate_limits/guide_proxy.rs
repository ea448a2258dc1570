//! What the guide shows for a server behind a proxy.

use std::net::IpAddr;

use axum::http::Request;
use tower_governor::{GovernorError, key_extractor::KeyExtractor};

/// The address that your proxy writes into `X-Real-IP`, over whatever the client has sent.
#[derive(Clone)]
struct RealIp;

impl KeyExtractor for RealIp {
    type Key = IpAddr;

    fn extract<B>(&self, request: &Request<B>) -> Result<IpAddr, GovernorError> {
        let value = request.headers().get("x-real-ip");
        let address = value.and_then(|value| value.to_str().ok()?.parse().ok());
        address.ok_or(GovernorError::UnableToExtractKey)
    }
}

pub(crate) fn real_ip() -> impl KeyExtractor<Key = IpAddr> + Send + Sync + 'static {
    RealIp
}
