//! The parts of the login example that are not about tokens: accounts, passwords, and connections that
//! no client can hold up. The resource server uses the latter, too.
//!
//! A real app has its own users; look here for how a password is checked.

mod accounts;
#[cfg(feature = "actix")]
pub mod actix;
mod admission;
mod logging;
mod output;
mod passwords;
mod second_factor;
#[cfg(feature = "axum")]
pub mod serve;
mod signing;
mod stopping;

use std::{fmt::Display, io, net::SocketAddr, time::Duration};

pub use self::{
    accounts::{Checked, Login, User, announce_accounts},
    admission::{Door, NotChecked},
    logging::start as start_logging,
    output::{complain, say},
    second_factor::{DEMO_KEY, demo_code},
    signing::key as signing_key,
    stopping::asked_to_stop,
};

/// The media type of a JWK set (RFC 7517 section 8.5.2).
pub const JWK_SET: &str = "application/jwk-set+json";
/// The time that a client has to send the head of a request: 5 seconds.
///
/// A connection that carries no request is closed after that time too.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// The time that a client has to send the body of a request: 5 seconds. Then it is told 408.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// The time that requests still have when the server is asked to stop: 5 seconds.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Ends the process with one line for the operator, and the exit code 2.
pub fn exit(error: impl Display) -> ! {
    complain(format_args!("error: {error}"));
    std::process::exit(2)
}

/// Returns what was bound to the address; an error ends the process with one line and the exit code 2.
pub fn bound_or_exit<T>(address: SocketAddr, bound: io::Result<T>) -> T {
    bound.unwrap_or_else(|error| {
        exit(format_args!(
            "cannot listen on {address}: {error}; choose another address with --listen"
        ))
    })
}
