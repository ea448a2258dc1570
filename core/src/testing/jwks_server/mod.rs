//! An identity provider on this machine that fails in every way that matters.

mod answer;
mod connection;
mod documents;
mod fault;
mod gate;
mod gzip;
mod request;
mod server;
mod state;

pub use self::{fault::Fault, gate::Gate, request::ReceivedRequest, server::JwksServer};
