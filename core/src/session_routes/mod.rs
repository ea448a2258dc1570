//! Login, refresh and logout over HTTP, without a framework.

mod endpoint;
mod perform;
mod read;
mod reply;
mod routes;
mod sign_in;

pub use self::{reply::Reply, routes::SessionRoutes, sign_in::SignIn};
