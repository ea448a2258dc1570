//! What a sender proves beside the token: that it has the key, or the certificate, to which the token is bound.
//!
//! A stolen bearer token is good for everybody. One that is bound names a key in its claim `cnf` (RFC 7800), and a request
//! with it is accepted only if it proves that key: by a DPoP proof (RFC 9449), or by the certificate of the TLS connection
//! (RFC 8705).

#[cfg(feature = "client-certificates")]
mod any_client_certificate;
mod certificate_header;
mod replay;

#[cfg(feature = "client-certificates")]
pub use self::any_client_certificate::AnyClientCertificate;
pub use self::{
    certificate_header::{CertificateFormat, CertificateHeaderError, ClientCertificateHeader},
    replay::{ReplayKey, ReplayStore},
};
pub use crate::{jose::Thumbprint, request::ClientCertificate};
