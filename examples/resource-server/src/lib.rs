//! An API that accepts the tokens of one or several identity providers, configured by a file.
//!
//! 1. [`Config`] reads the file. What is wrong with it is a [`Mistake`]: one line, with the place.
//! 2. [`Api`] is made from it: who may come in, and what the routes say. It knows no framework.
//! 3. [`serve`] runs it on axum or on actix-web, whichever the file names, and [`manage`] the routes
//!    for the operator at an address of their own.

mod api;
mod config;
mod health;
mod issuers;
mod keys;
mod management;
mod on_actix;
mod on_axum;
mod place;
mod sources;
mod texts;

use std::{io, net::TcpListener};

pub use self::{
    api::Api,
    config::{Config, Framework},
    health::Readiness,
    management::manage,
    place::Mistake,
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
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    match framework {
        Framework::Actix => on_actix::serve(api, listener, stop).await,
        Framework::Axum => on_axum::serve(api, listener, stop).await,
    }
}
