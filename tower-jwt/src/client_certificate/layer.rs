//! The layer for one connection.

use countersign::proof::ClientCertificate;
use tower_layer::Layer;

use super::ClientCertificateService;

/// Puts the certificate of the client into the extensions of each request: for an accept loop of your own.
///
/// It is made for each connection, after its handshake. The layer of the app, which reads the extension, stays the same.
///
/// # Examples
///
/// A loop of `hyper-util` over `tokio-rustls`:
///
#[cfg_attr(feature = "client-certificates", doc = "```")]
#[cfg_attr(not(feature = "client-certificates"), doc = "```ignore")]
/// use countersign::proof::ClientCertificate;
/// use countersign_tower::ClientCertificateLayer;
/// # use axum::Router;
/// use hyper_util::{
///     rt::{TokioExecutor, TokioIo},
///     server::conn::auto::Builder,
///     service::TowerToHyperService,
/// };
/// use tokio::net::TcpListener;
/// use tokio_rustls::TlsAcceptor;
/// use tower_layer::Layer;
///
/// async fn serve(listener: TcpListener, tls: TlsAcceptor, app: Router) -> std::io::Result<()> {
///     loop {
///         let (stream, _) = listener.accept().await?;
///         let (tls, app) = (tls.clone(), app.clone());
///         tokio::spawn(async move {
///             let Ok(stream) = tls.accept(stream).await else {
///                 return;
///             };
///             let certificate = ClientCertificate::of_connection(stream.get_ref().1);
///             let app = ClientCertificateLayer::new(certificate).layer(app);
///             let served = Builder::new(TokioExecutor::new())
///                 .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
///                 .await;
///             drop(served);
///         });
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClientCertificateLayer(Option<ClientCertificate>);

impl ClientCertificateLayer {
    /// Takes the certificate of the connection; `None` if the client sent none.
    #[must_use]
    pub fn new(certificate: Option<ClientCertificate>) -> Self {
        Self(certificate)
    }
}

impl<S> Layer<S> for ClientCertificateLayer {
    type Service = ClientCertificateService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientCertificateService::new(inner, self.0)
    }
}
