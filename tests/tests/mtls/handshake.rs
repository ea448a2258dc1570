//! What the handshake asks of a client: the key of its certificate, and a certificate where one is required.

use std::{net::SocketAddr, sync::Arc};

use rustls::{
    SignatureScheme, client::ResolvesClientCert, crypto::aws_lc_rs::sign::any_supported_type,
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Runtime,
};
use tokio_rustls::TlsAcceptor;

use crate::{Client, Http, Identity, VERSIONS, server_config};

#[test]
fn a_certificate_without_its_key_ends_the_handshake() {
    let [server, own, stolen] = ["localhost", "own", "stolen"].map(Identity::new);
    let runtime = Runtime::new().unwrap();
    for version in VERSIONS {
        let address = start(
            &runtime,
            TlsAcceptor::from(Arc::new(server_config(&server, version, false))),
        );
        let ask = |certificate: &Identity, key: &Identity| {
            let key = any_supported_type(&key.key()).unwrap();
            let chain = vec![certificate.certificate.clone()];
            let resolver = Resolver(Arc::new(CertifiedKey::new(chain, key)));
            let client = Client::with_resolver(&server, Arc::new(resolver), version);
            runtime.block_on(client.ask(address, &[]))
        };
        assert_eq!(ask(&own, &own).unwrap().body, "ok", "{version:?}");
        assert!(ask(&stolen, &own).is_err(), "{version:?}");
    }
}

#[test]
fn a_certificate_is_required_only_if_the_server_says_so() {
    let [server, own] = ["localhost", "own"].map(Identity::new);
    let runtime = Runtime::new().unwrap();
    for version in VERSIONS {
        let ask = |is_required, identity| {
            let config = server_config(&server, version, is_required);
            let address = start(&runtime, TlsAcceptor::from(Arc::new(config)));
            let client = Client::new(&server, identity, version, Http::One);
            runtime.block_on(client.ask(address, &[])).is_ok()
        };
        assert!(ask(false, None), "{version:?}");
        assert!(!ask(true, None), "{version:?}");
        assert!(ask(true, Some(&own)), "{version:?}");
    }
}

/// A server that answers each request with `ok`.
fn start(runtime: &Runtime, tls: TlsAcceptor) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = tls.accept(stream).await else {
                continue;
            };
            tokio::spawn(async move {
                let mut request = [0; 1024];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    if stream.write_all(answer).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

/// Sends a certificate without a look at its key.
#[derive(Debug)]
struct Resolver(Arc<CertifiedKey>);

impl ResolvesClientCert for Resolver {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
