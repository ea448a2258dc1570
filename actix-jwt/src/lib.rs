#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod extract;
mod head;
mod middleware;
mod require;
mod response;
#[cfg(feature = "sessions")]
mod session_routes;
mod verdict;

#[cfg(feature = "sessions")]
pub use self::session_routes::{SessionReply, session_routes};
pub use self::{
    error::Error,
    extract::{Claims, Optional, Token},
    middleware::{JwtAuth, JwtAuthFuture, JwtAuthMiddleware},
    require::{Require, RequireMiddleware},
    response::{DefaultResponseForAuthError, ResponseForAuthError, ResponseFuture},
};
