#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod extensions;
mod extract;
mod head;
mod middleware;
mod require;
mod response;
mod session_routes;

pub use self::{
    error::Error,
    extract::{Claims, Optional, Token},
    middleware::{JwtAuth, JwtAuthFuture, JwtAuthService},
    require::{Require, RequireService},
    response::{DefaultResponseForAuthError, ResponseForAuthError, ResponseFuture},
    session_routes::{SessionReply, session_routes},
};
