//! The acceptor for `axum-server`.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum_server::{accept::Accept, tls_rustls::RustlsAcceptor};
use countersign::proof::ClientCertificate;
use pin_project_lite::pin_project;
use tokio_rustls::server::TlsStream;

use super::ClientCertificateService;

/// An acceptor of `axum-server` that puts the certificate of the client into the extensions of each request.
///
/// It stands around `RustlsAcceptor`, or around another acceptor that ends in a stream of `tokio-rustls`. The server asks for
/// certificates if its `ServerConfig` does: see [`AnyClientCertificate`](countersign::proof::AnyClientCertificate).
///
/// # Examples
///
/// ```
/// use std::{net::SocketAddr, sync::Arc};
///
/// # use axum::Router;
/// use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
/// use countersign_tower::ClientCertificateAcceptor;
/// use tokio_rustls::rustls::ServerConfig;
///
/// async fn serve(address: SocketAddr, tls: Arc<ServerConfig>, app: Router) -> std::io::Result<()> {
///     let tls = RustlsAcceptor::new(RustlsConfig::from_config(tls));
///     axum_server::bind(address)
///         .acceptor(ClientCertificateAcceptor::new(tls))
///         .serve(app.into_make_service_with_connect_info::<SocketAddr>())
///         .await
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ClientCertificateAcceptor<A = RustlsAcceptor>(A);

impl<A> ClientCertificateAcceptor<A> {
    /// Takes the acceptor that does the handshake.
    pub fn new(inner: A) -> Self {
        Self(inner)
    }
}

impl<I, S, A, T> Accept<I, S> for ClientCertificateAcceptor<A>
where
    A: Accept<I, S, Stream = TlsStream<T>>,
{
    type Stream = TlsStream<T>;
    type Service = ClientCertificateService<A::Service>;
    type Future = ClientCertificateAccept<A::Future>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        ClientCertificateAccept {
            inner: self.0.accept(stream, service),
        }
    }
}

pin_project! {
    /// The future of [`ClientCertificateAcceptor`].
    pub struct ClientCertificateAccept<F> {
        #[pin]
        inner: F,
    }
}

impl<F, T, S> Future for ClientCertificateAccept<F>
where
    F: Future<Output = io::Result<(TlsStream<T>, S)>>,
{
    type Output = io::Result<(TlsStream<T>, ClientCertificateService<S>)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (stream, service) = ready!(self.project().inner.poll(cx))?;
        let certificate = ClientCertificate::of_connection(stream.get_ref().1);
        let service = ClientCertificateService::new(service, certificate);
        Poll::Ready(Ok((stream, service)))
    }
}

impl<F> fmt::Debug for ClientCertificateAccept<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificateAccept")
            .finish_non_exhaustive()
    }
}
