//! Certificates of clients, over real TLS: what a handler sees of them, in each server and behind nginx.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod actix;
mod axum;
mod client;
mod handshake;
mod identity;
mod nginx;
mod tonic;

use std::{net::SocketAddr, sync::Arc};

use rustls::{ServerConfig, SupportedProtocolVersion, version};
use tokio::runtime::Runtime;

use self::{
    client::{Client, Http},
    identity::{Identity, server_config},
};

/// A server that answers with the thumbprint of the client's certificate, or with `none`.
pub(crate) trait Server {
    const HTTP: Http;

    fn start(runtime: &Runtime, config: ServerConfig) -> SocketAddr;
}

/// Checks what the handlers of a server see of clients, in both versions of TLS.
pub(crate) fn check<S: Server>() {
    let runtime = Runtime::new().unwrap();
    let server = Identity::new("localhost");
    let [first, second] = ["first", "second"].map(Identity::new);
    for version in VERSIONS {
        let config = server_config(&server, version, false);
        let address = S::start(&runtime, config);
        let client = |identity| Client::new(&server, identity, version, S::HTTP);
        let ask = |client: &Client| runtime.block_on(client.ask(address, &[])).unwrap();

        let known = client(Some(&first));
        assert_eq!(ask(&known).body, first.thumbprint(), "{version:?}");
        // A handshake that resumes a session sends no certificate again.
        let again = ask(&known);
        assert!(again.is_resumed, "{version:?}");
        assert_eq!(again.body, first.thumbprint(), "{version:?}");
        assert_eq!(ask(&client(Some(&second))).body, second.thumbprint());
        assert_eq!(ask(&client(None)).body, "none", "{version:?}");
    }
}

/// Both versions of TLS.
pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
