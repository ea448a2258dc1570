#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod extensions;
#[cfg(feature = "axum")]
mod extract;
mod future;
#[cfg(feature = "grpc")]
mod grpc;
mod head;
mod layer;
mod require;
mod response;
mod service;
#[cfg(feature = "sessions")]
mod session_routes;

#[cfg(all(feature = "axum", feature = "sessions"))]
pub use self::extract::SessionReply;
#[cfg(feature = "axum")]
pub use self::extract::{Claims, ClaimsRejection, Token};
#[cfg(feature = "grpc")]
pub use self::grpc::GrpcStatus;
#[cfg(feature = "sessions")]
pub use self::session_routes::{SessionFuture, SessionService, session_routes};
pub use self::{
    future::ResponseFuture,
    layer::JwtAuthLayer,
    require::{Require, RequireLayer},
    response::{DefaultResponseForAuthError, ResponseForAuthError},
    service::JwtAuth,
};
