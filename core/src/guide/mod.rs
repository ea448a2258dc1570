//! Guides: one page for each task, from choosing who issues the tokens to watching the server.
//!
//! | you want to | read |
//! |---|---|
//! | decide who issues the tokens | [`choosing`] |
//! | log users in and keep them logged in | [`sessions`] |
//! | serve a web page: cookies, CSRF, single-page apps | [`browsers`] |
//! | test your app | [`testing`] |
//! | run it: readiness, metrics, logs, alarms | [`operating`] |
//! | read keys from files or the environment, and replace them | [`keys`] |
//! | use another framework than axum, tonic, hyper or actix-web | [`frameworks`] |
//!
//! For the tokens of each identity provider, see [`Provider`](crate::Provider).
//!
//! The guides are documentation only: the module exists for rustdoc.

#[doc = include_str!("browsers.md")]
pub mod browsers {}

#[doc = include_str!("choosing.md")]
pub mod choosing {}

#[doc = include_str!("frameworks.md")]
pub mod frameworks {}

#[doc = include_str!("keys.md")]
pub mod keys {}

#[doc = include_str!("operating.md")]
pub mod operating {}

#[doc = include_str!("sessions.md")]
pub mod sessions {}

#[doc = include_str!("testing.md")]
pub mod testing {}
