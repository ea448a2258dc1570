//! axum, by `axum-server` and by an accept loop over `hyper-util`.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, extract::Request, routing::any};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use countersign::{adapter::RequestHead, proof::ClientCertificate};
use countersign_tower::{ClientCertificateAcceptor, ClientCertificateLayer, Head};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::TlsAcceptor;
use tower::Layer;

use crate::{Http, Server, check};

struct AxumServer;
struct HyperUtil;
struct HyperUtilHttp2;

#[test]
fn a_handler_sees_the_certificate_under_axum_server() {
    check::<AxumServer>();
}

#[test]
fn a_handler_sees_the_certificate_under_hyper_util() {
    check::<HyperUtil>();
}

#[test]
fn a_handler_sees_the_certificate_in_http_2() {
    check::<HyperUtilHttp2>();
}

fn app() -> Router {
    Router::new().fallback(any(async |request: Request| {
        let head = Head::from(&request);
        let certificate = head.client_certificate();
        certificate.map_or("none".into(), |own| own.thumbprint().to_string())
    }))
}

impl Server for AxumServer {
    const HTTP: Http = Http::One;

    fn start(runtime: &Runtime, config: ServerConfig) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let tls = RustlsAcceptor::new(RustlsConfig::from_config(Arc::new(config)));
        runtime.spawn(async move {
            axum_server::from_tcp(listener)
                .unwrap()
                .acceptor(ClientCertificateAcceptor::new(tls))
                .serve(app().into_make_service_with_connect_info::<SocketAddr>())
                .await
        });
        address
    }
}

impl Server for HyperUtil {
    const HTTP: Http = Http::One;

    fn start(runtime: &Runtime, config: ServerConfig) -> SocketAddr {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, TlsAcceptor::from(Arc::new(config))));
        address
    }
}

impl Server for HyperUtilHttp2 {
    const HTTP: Http = Http::Two;

    fn start(runtime: &Runtime, config: ServerConfig) -> SocketAddr {
        HyperUtil::start(runtime, config)
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let tls = tls.clone();
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else {
                return;
            };
            let certificate = ClientCertificate::of_connection(stream.get_ref().1);
            let app = ClientCertificateLayer::new(certificate).layer(app());
            let served = Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
                .await;
            drop(served);
        });
    }
}
