//! Possession: the proof of a sender that it has the key, or the certificate, to which the token is bound.
//!
//! A stolen bearer token is good for everybody. One that is bound names a key in its claim `cnf` (RFC 7800), and a request
//! with it is accepted only if it proves that key: by a DPoP proof (RFC 9449), or by the certificate of the TLS connection
//! (RFC 8705).

#[cfg(feature = "client-certificates")]
mod any_client_certificate;
mod certificate_header;
mod dpop;
mod external_url;
mod mode;
mod mutual_tls;
mod nonce;
mod presented;
mod replay;

#[cfg(feature = "client-certificates")]
pub use self::any_client_certificate::AnyClientCertificate;
#[cfg(fuzzing)]
pub(crate) use self::external_url::ExternalUrl;
pub use self::{
    certificate_header::{CertificateFormat, CertificateHeaderError, ClientCertificateHeader},
    dpop::{Dpop, DpopBuilder, NonceMode},
    mode::ProofMode,
    mutual_tls::MutualTls,
    nonce::NonceKey,
    replay::{MemoryReplayStore, MemoryReplayStoreBuilder, ReplayKey, ReplayStore},
};
pub(crate) use self::{dpop::Refused, mode::Modes, presented::Presented, replay::Use};
pub use crate::{claims::confirmation::Confirmation, jose::Thumbprint, request::ClientCertificate};
