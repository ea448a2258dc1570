#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "token-client")]
mod client;
#[cfg(feature = "proof")]
mod client_certificate;
mod extensions;
#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "grpc")]
mod grpc;
mod head;
mod middleware;
mod require;
mod response;
#[cfg(feature = "sessions")]
mod session_routes;

#[cfg(feature = "token-client")]
pub use self::client::{TokenClientLayer, TokenClientService};
#[cfg(feature = "axum-server")]
pub use self::client_certificate::{ClientCertificateAccept, ClientCertificateAcceptor};
#[cfg(feature = "proof")]
pub use self::client_certificate::{ClientCertificateLayer, ClientCertificateService};
#[cfg(feature = "tonic")]
pub use self::client_certificate::{TonicCertificateLayer, TonicCertificateService};
#[cfg(feature = "axum")]
pub use self::extract::{Claims, ClaimsRejection, Principal, Token};
#[cfg(feature = "grpc")]
pub use self::grpc::GrpcStatus;
#[cfg(all(feature = "axum", feature = "sessions"))]
pub use self::session_routes::SessionReply;
#[cfg(feature = "sessions")]
pub use self::session_routes::{SessionFuture, SessionService, session_routes};
pub use self::{
    head::Head,
    middleware::{JwtAuthFuture, JwtAuthLayer, JwtAuthService},
    require::{RequireLayer, RequireService},
    response::{DefaultResponseForAuthError, ResponseForAuthError, ResponseFuture},
};
