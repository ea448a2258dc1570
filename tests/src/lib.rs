//! One suite for every way into the library: core alone, tower, actix-web.
//!
//! A [`Request`] goes through an [`Entry`] and comes back as an [`Answer`]. A scenario says which
//! answer it expects; every entry has to give the same one.

#![allow(clippy::missing_panics_doc)] // a test that meets bad data stops

mod actix;
mod core;
pub mod hostile;
mod request;
mod tower;

pub use self::request::{Answer, Request};

use countersign::Authenticator;

/// A way into the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Through actix-web's `JwtAuth`.
    Actix,
    /// Through the core's two calls, without a framework.
    Core,
    /// Through tower's `JwtAuthLayer`.
    Tower,
}

impl Entry {
    /// Every way in.
    pub const ALL: [Self; 3] = [Self::Core, Self::Tower, Self::Actix];

    /// Sends a request to a route behind `authenticator`.
    ///
    /// The route answers 200 with the subject of the token, or with `anonymous`.
    #[must_use]
    pub fn send(self, authenticator: &Authenticator, request: &Request) -> Answer {
        match self {
            Self::Actix => actix::send(authenticator, request),
            Self::Core => core::send(authenticator, request),
            Self::Tower => tower::send(authenticator, request),
        }
    }
}

/// What the route behind the authentication says to somebody without a token.
pub const ANONYMOUS: &str = "anonymous";

/// The snippets of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
