//! The parts of the login example that are not about tokens: accounts, passwords, and connections that
//! no client can hold up. The resource server uses the latter, too.
//!
//! A real app has its own users; look here for how a password is checked.

mod accepting;
mod accounts;
#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
mod admin;
mod admission;
mod drain;
mod logging;
mod output;
mod passwords;
#[cfg(feature = "axum")]
mod patience;
mod second_factor;
mod secret;
#[cfg(feature = "axum")]
pub mod serve;
mod signing;

use std::{
    fmt::Display,
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

#[cfg(feature = "axum")]
pub use self::admin::{Admin, Metrics, Readiness};
pub use self::{
    accounts::{Checked, Login, User, announce_accounts},
    admission::{Door, NotChecked},
    drain::{Drain, Reloads},
    logging::{Log, LogFormat, start as start_logging},
    output::{complain, say},
    second_factor::{DEMO_KEY, demo_code},
    secret::{Secret, SecretError},
    signing::key as signing_key,
};

/// The media type of a JWK set (RFC 7517 section 8.5.2).
pub const JWK_SET: &str = "application/jwk-set+json";
/// The time that a client has to send the head of a request: 5 seconds.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for which a connection may carry no request: 75 seconds.
///
/// Balancers close such a connection after 60 seconds (nginx, AWS ALB). If the server did so first, a request could
/// meet a connection that is being closed.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// The time that a client has to send the body of a request: 5 seconds. Then it is told 408.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// The time that a new connection has for its first request when the server stops: a second. Its client cannot
/// tell whether somebody has read the request.
pub const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// The time that requests still have when the server is asked to stop: 5 seconds.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Ends the process with one line for the operator, and the exit code 2.
pub fn exit(error: impl Display) -> ! {
    complain(format_args!("error: {error}"));
    std::process::exit(2)
}

/// Returns what was bound to the address of an option; an error ends the process with one line and the exit code 2.
pub fn bound_or_exit<T>(option: &str, address: SocketAddr, bound: io::Result<T>) -> T {
    bound.unwrap_or_else(|error| {
        exit(format_args!(
            "cannot listen on {address}: {error}; choose another address with {option}"
        ))
    })
}

/// Listens on an address. The listener does not block.
///
/// # Errors
///
/// The address is taken, or not of this machine.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
