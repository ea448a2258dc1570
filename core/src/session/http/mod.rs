//! Login, refresh and logout over HTTP, without a framework.

mod account;
pub(crate) mod answer;
mod endpoint;
mod handlers;
pub(crate) mod reply;
mod request;
pub(crate) mod routes;
mod sign_in;

pub use self::sign_in::SignIn;
