//! The service of one connection.

use std::task::{Context, Poll};

use countersign::proof::ClientCertificate;
use http::Request;
use tower_service::Service;

/// The service of a connection, whose requests all have the certificate of its client in their extensions.
#[derive(Clone, Copy, Debug)]
pub struct ClientCertificateService<S> {
    inner: S,
    certificate: Option<ClientCertificate>,
}

impl<S> ClientCertificateService<S> {
    /// Takes the service of a connection, and the certificate of its client.
    #[must_use]
    pub fn new(inner: S, certificate: Option<ClientCertificate>) -> Self {
        Self { inner, certificate }
    }

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

impl<S, B> Service<Request<B>> for ClientCertificateService<S>
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
        match self.certificate {
            Some(certificate) => request.extensions_mut().insert(certificate),
            None => request.extensions_mut().remove(),
        };
        self.inner.call(request)
    }
}
