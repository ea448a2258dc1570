//! Login, refresh and logout over HTTP, without a framework.

mod account;
mod answer;
mod endpoint;
mod perform;
mod read;
mod reply;
mod routes;
mod sign_in;

pub use self::{answer::Answer, reply::Reply, routes::SessionRoutes, sign_in::SignIn};
