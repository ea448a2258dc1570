//! A client with a certificate, or without one.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion,
    client::ResolvesClientCert, pki_types::ServerName,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower::BoxError;

use crate::{Identity, provider};

/// The version that a client speaks.
#[derive(Clone, Copy)]
pub(crate) enum Http {
    One,
    Two,
}

/// A client. It resumes its sessions.
pub(crate) struct Client {
    config: Arc<ClientConfig>,
    http: Http,
}

/// The answer to both requests of one connection.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: String,
    pub(crate) is_resumed: bool,
}

impl Client {
    pub(crate) fn new(
        server: &Identity,
        own: Option<&Identity>,
        version: &'static SupportedProtocolVersion,
        http: Http,
    ) -> Self {
        let config = trusting(server, version);
        let config = match own {
            Some(own) => config
                .with_client_auth_cert(vec![own.certificate.clone()], own.key())
                .unwrap(),
            None => config.with_no_client_auth(),
        };
        Self {
            config: Arc::new(config),
            http,
        }
    }

    pub(crate) fn with_resolver(
        server: &Identity,
        resolver: Arc<dyn ResolvesClientCert>,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let config = trusting(server, version).with_client_cert_resolver(resolver);
        Self {
            config: Arc::new(config),
            http: Http::One,
        }
    }

    /// Sends two requests with some headers on one connection. Their answers must be equal.
    pub(crate) async fn ask(
        &self,
        address: SocketAddr,
        headers: &[(&str, &str)],
    ) -> Result<Answer, BoxError> {
        let stream = TcpStream::connect(address).await?;
        let connector = TlsConnector::from(self.config.clone());
        let name = ServerName::try_from("localhost")?;
        let stream = connector.connect(name, stream).await?;
        let is_resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        let mut bodies = [String::new(), String::new()];
        let mut sender = Sender::connect(stream, self.http).await?;
        for body in &mut bodies {
            let mut request = Request::get("https://localhost/test.Thumbprint/Show");
            if matches!(self.http, Http::One) {
                request = Request::get("/").header("host", "localhost");
            }
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response = sender.send(request.body(Empty::new())?).await?;
            let bytes = response.into_body().collect().await?.to_bytes();
            *body = String::from_utf8(bytes.to_vec())?;
        }
        let [body, second] = bodies;
        assert_eq!(body, second);
        Ok(Answer { body, is_resumed })
    }
}

fn trusting(
    server: &Identity,
    version: &'static SupportedProtocolVersion,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
}

enum Sender {
    One(conn::http1::SendRequest<Empty<Bytes>>),
    Two(conn::http2::SendRequest<Empty<Bytes>>),
}

impl Sender {
    async fn connect(stream: TlsStream<TcpStream>, http: Http) -> Result<Self, hyper::Error> {
        let stream = TokioIo::new(stream);
        match http {
            Http::One => {
                let (sender, connection) = conn::http1::handshake(stream).await?;
                tokio::spawn(connection);
                Ok(Self::One(sender))
            }
            Http::Two => {
                let executor = TokioExecutor::new();
                let (sender, connection) = conn::http2::handshake(executor, stream).await?;
                tokio::spawn(connection);
                Ok(Self::Two(sender))
            }
        }
    }

    async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        match self {
            Self::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Two(sender) => sender.send_request(request).await,
        }
    }
}
