//! tonic.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use countersign::{adapter::RequestHead, proof::ClientCertificate};
use countersign_tower::{Head, TonicCertificateLayer};
use futures_util::stream;
use http::{Request, Response};
use rustls::ServerConfig;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::TlsAcceptor;
use tonic::{body::Body, server::NamedService, transport};
use tower::Service;

use crate::{Http, Server, check};

struct Tonic;

#[test]
fn a_handler_sees_the_certificate_under_tonic() {
    check::<Tonic>();
}

#[derive(Clone)]
struct Thumbprint;

impl NamedService for Thumbprint {
    const NAME: &'static str = "test.Thumbprint";
}

impl Service<Request<Body>> for Thumbprint {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let head = Head::from(&request);
        let certificate: Option<ClientCertificate> = head.client_certificate();
        let text = certificate.map_or("none".into(), |own| own.thumbprint().to_string());
        ready(Ok(Response::new(Body::new(text))))
    }
}

impl Server for Tonic {
    const HTTP: Http = Http::Two;

    fn start(runtime: &Runtime, config: ServerConfig) -> SocketAddr {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let tls = TlsAcceptor::from(Arc::new(config));
        let connections = stream::unfold((listener, tls), async |(listener, tls)| {
            let (stream, _) = listener.accept().await.unwrap();
            Some((tls.accept(stream).await, (listener, tls)))
        });
        runtime.spawn(
            transport::Server::builder()
                .layer(TonicCertificateLayer::new())
                .add_service(Thumbprint)
                .serve_with_incoming(connections),
        );
        address
    }
}
