//! The certificate of the client, from the TLS connection into the extensions of its requests.

#[cfg(feature = "axum-server")]
mod acceptor;
mod layer;
mod service;
#[cfg(feature = "tonic")]
mod tonic;

#[cfg(feature = "axum-server")]
pub use self::acceptor::{ClientCertificateAccept, ClientCertificateAcceptor};
#[cfg(feature = "tonic")]
pub use self::tonic::{TonicCertificateLayer, TonicCertificateService};
pub use self::{layer::ClientCertificateLayer, service::ClientCertificateService};
