//! One suite for every way into the library: core alone, tower, actix-web.
//!
//! A [`Request`] goes through an [`Entry`] and comes back as an [`Answer`]. A scenario names the
//! answer that it expects; every entry has to give the same one.

#![allow(clippy::missing_panics_doc)] // a test that meets bad data stops

mod actix;
pub mod browser;
mod core;
pub mod hostile;
#[cfg(unix)]
pub mod nginx;
pub mod programs;
mod request;
pub mod server;
#[cfg(unix)]
pub mod services;
pub mod sessions;
mod tower;
pub mod wire;

pub use self::request::{Answer, Request};

use countersign::{AuthError, Authenticator, Policy, VerifiedToken};

/// A way into the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Through actix-web's `JwtAuth`.
    Actix,
    /// Through the core alone, without a framework.
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

    /// Sends a request to one of several routes, behind `authenticator` or beside it.
    ///
    /// | route | it answers with | it is for |
    /// |---|---|---|
    /// | `/claims` | the subject | everybody with a token |
    /// | `/claims-if-any` | the subject, or `anonymous` | everybody |
    /// | `/misfit` | nothing, ever: it asks for claims of another shape | nobody |
    /// | `/admin` | the subject | the role `admin` |
    /// | `/principal` | the name of the [`Person`] | everybody with a token, if the app finds persons |
    /// | `/principal-if-any` | the name, or `anonymous` | everybody, if the app finds persons |
    /// | `/actor` | the name of the actor, or `direct` | everybody with a token |
    /// | `/uncovered` | nothing, ever: no authentication covers it | nobody |
    #[must_use]
    pub fn visit(self, authenticator: &Authenticator, request: &Request) -> Answer {
        match self {
            Self::Actix => actix::visit(authenticator, request),
            Self::Core => core::visit(authenticator, request),
            Self::Tower => tower::visit(authenticator, request),
        }
    }
}

/// The answer of the route behind the authentication to a request without a token.
pub const ANONYMOUS: &str = "anonymous";

/// Returns the name of a token's actor.
fn actor(token: &VerifiedToken) -> Result<String, AuthError> {
    let actor = token.actor()?;
    Ok(actor.map_or("direct".to_owned(), |actor| actor.subject().to_owned()))
}

/// The principal that the routes ask for.
pub struct Person(
    /// The name.
    pub String,
);

/// The claims that the routes ask for.
#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

/// Claims that no token has.
#[derive(serde::Deserialize)]
struct Misfit {
    #[allow(dead_code)] // never read, because it never fits
    sub: Vec<u8>,
}

fn admins() -> Policy {
    Policy::role("admin")
}
