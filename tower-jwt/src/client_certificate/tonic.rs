//! The layer for tonic.

use std::task::{Context, Poll};

use ::tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use countersign::proof::ClientCertificate;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

/// Puts the certificate of the client into the extensions of each call, where tonic's own TLS knows it.
///
/// It reads the extension `TlsConnectInfo<TcpConnectInfo>`, and stands outside of the layer that authenticates. tonic gives
/// the whole certificate to each call and has nothing that is made for a connection: its thumbprint is computed for each
/// call, which is one SHA-256 of about a kilobyte.
///
/// tonic's `ServerTlsConfig` takes certificates of one root only. For self-signed ones, take connections by `tokio-rustls`
/// with [`AnyClientCertificate`](countersign::proof::AnyClientCertificate), and give them to `serve_with_incoming`: the
/// extension is the same.
///
/// # Examples
///
/// ```
/// use countersign::Authenticator;
/// use countersign_tower::{JwtAuthLayer, TonicCertificateLayer};
/// use tonic::transport::Server;
///
/// fn server(authenticator: Authenticator) {
///     let server = Server::builder()
///         .layer(TonicCertificateLayer::new())
///         .layer(JwtAuthLayer::new(authenticator));
/// #   let _ = server;
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TonicCertificateLayer {}

impl TonicCertificateLayer {
    /// Makes the layer.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

impl<S> Layer<S> for TonicCertificateLayer {
    type Service = TonicCertificateService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TonicCertificateService { inner }
    }
}

/// The service of [`TonicCertificateLayer`].
#[derive(Clone, Copy, Debug)]
pub struct TonicCertificateService<S> {
    inner: S,
}

impl<S> TonicCertificateService<S> {
    /// Returns the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service itself.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B> Service<Request<B>> for TonicCertificateService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(certificate) = certificate(&request) {
            request.extensions_mut().insert(certificate);
        }
        self.inner.call(request)
    }
}

fn certificate<B>(request: &Request<B>) -> Option<ClientCertificate> {
    let connection = request.extensions();
    let certificates = connection
        .get::<TlsConnectInfo<TcpConnectInfo>>()?
        .peer_certs()?;
    Some(ClientCertificate::from_der(certificates.first()?))
}
