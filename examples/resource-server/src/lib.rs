//! An API that accepts the tokens of one or several identity providers, configured by a file.
//!
//! 1. [`Config`] reads the file. What is wrong with it is a [`Mistake`]: one line, with the place.
//! 2. [`Api`] is made from it: who may come in, and what the routes say. It knows no framework.
//! 3. [`Server`] runs it on axum or on actix-web, whichever the file names, and reads the file again.

mod api;
mod config;
mod health;
mod issuers;
mod keys;
mod on_actix;
mod on_axum;
mod place;
mod proof;
mod providers;
mod replay;
mod rules;
mod server;
mod sources;
mod state;
mod tenant_keys;
mod tenants;
mod texts;

use std::{io, net::TcpListener};

use demo::Drain;

pub use self::{
    api::Api,
    config::{Config, Framework},
    place::Mistake,
    server::Server,
};

/// Serves the API until `stop` ends. Then requests under way may end, within 5 seconds.
///
/// # Errors
///
/// The system does not let us serve on this listener.
pub async fn serve(
    framework: Framework,
    api: Api,
    listener: TcpListener,
    drain: Drain,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    match framework {
        Framework::Actix => on_actix::serve(api, listener, drain, stop)?.await,
        Framework::Axum => on_axum::serve(api, listener, drain, stop).await,
    }
}
