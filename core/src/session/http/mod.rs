//! Login, refresh and logout over HTTP, without a framework.

mod account;
pub(crate) mod answer;
mod api_keys;
mod ask;
mod endpoint;
mod forms;
mod handlers;
mod layer;
#[cfg(not(feature = "proof"))]
mod no_proof;
mod outcome;
#[cfg(feature = "proof")]
mod proof;
pub(crate) mod reply;
mod request;
pub(crate) mod routes;
mod sign_in;

pub use self::{
    forms::{FormPages, FormToken, PageLoad},
    outcome::{LoginRefusal, SignInAnswer, SignInOutcome},
    sign_in::{LoginBody, LoginRequest, SignIn},
};
