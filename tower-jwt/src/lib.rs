#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "axum")]
mod axum;
mod future;
#[cfg(feature = "grpc")]
mod grpc;
mod head;
mod layer;
mod require;
mod response;
mod service;
mod verdict;

#[cfg(feature = "axum")]
pub use self::axum::{Claims, ClaimsRejection, Token};
#[cfg(feature = "grpc")]
pub use self::grpc::GrpcStatus;
pub use self::{
    future::ResponseFuture,
    layer::JwtAuthLayer,
    require::{Require, RequireLayer},
    response::{DefaultResponseForAuthError, ResponseForAuthError},
    service::JwtAuth,
};
