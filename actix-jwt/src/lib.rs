#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "token-client")]
mod client;
#[cfg(feature = "client-certificates")]
mod client_certificate;
mod error;
mod extensions;
mod extract;
mod head;
mod middleware;
mod require;
mod response;
#[cfg(feature = "sessions")]
mod session_routes;

#[cfg(feature = "token-client")]
pub use self::client::{TokenClientMiddleware, TokenClientService};
#[cfg(feature = "client-certificates")]
pub use self::client_certificate::client_certificate;
#[cfg(feature = "sessions")]
pub use self::session_routes::{SessionReply, session_routes};
pub use self::{
    error::Error,
    extract::{Claims, Optional, Principal, Token},
    head::Head,
    middleware::{JwtAuth, JwtAuthFuture, JwtAuthService},
    require::{Require, RequireService},
    response::{DefaultResponseForAuthError, ResponseForAuthError, ResponseFuture},
};
