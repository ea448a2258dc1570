//! Guides: one page for each task, from choosing who issues the tokens to watching the server.
//!
//! | you want to | read |
//! |---|---|
//! | decide who issues the tokens | [`choosing`] |
//! | log users in and keep them logged in | [`sessions`] |
//! | serve a web page: cookies, CSRF, single-page apps | [`browsers`] |
//! | fit page, API and proxy together: subdomains and CORS, frames, path prefixes, streams, mobile shells | [`set_ups`] |
//! | load the user of each token, and refuse the locked ones | [`principals`] |
//! | call other services with tokens of your own | [`service_to_service`] |
//! | let services, agents or staff act for a user | [`delegation`] |
//! | accept API keys beside tokens | [`api_keys`] |
//! | accept the tokens of tenants that come and go, each with an issuer of its own | [`tenants`] |
//! | come from `jsonwebtoken`, alone or behind `actix-web-httpauth` | [`from_jsonwebtoken`] |
//! | come from `jwt-authorizer`, `axum-jwt-auth` or `openidconnect` | [`from_middleware`] |
//! | come from lax tokens: numeric `sub`, no `iss`, no `aud` | [`migrating`] |
//! | test your app | [`testing`] |
//! | run it: readiness, metrics, logs, alarms | [`operating`] |
//! | read keys from files or the environment, and replace them | [`keys`] |
//! | keep the signing key in a KMS or an HSM | [`signers`] |
//! | see that for AWS, Google, Azure, Vault or an HSM | [`kms`] |
//! | limit requests in front of a login: `tower_governor`, `actix-governor` | [`rate_limits`] |
//! | serve gRPC, or gRPC-Web for browsers | [`grpc`] |
//! | use another framework than axum, tonic, hyper or actix-web: poem, salvo, rocket, ntex | [`frameworks`] |
//! | get the certificates of clients, for tokens that are bound to one | [`certificates`] |
//! | get them from nginx, Envoy or a load balancer | [`behind_a_proxy`] |
//! | make stolen tokens useless: DPoP and mutual TLS | [`sender_constrained`] |
//! | compile it to WebAssembly | [`wasm`] |
//!
//! For the tokens of each identity provider, see [`Provider`](crate::Provider).
//!
//! The guides are documentation only: the module exists for rustdoc.

#[doc = include_str!("../docs/guide/api_keys.md")]
pub mod api_keys {}

#[cfg(any(not(doctest), feature = "proof"))]
#[doc = include_str!("../docs/guide/behind_a_proxy.md")]
pub mod behind_a_proxy {}

#[doc = include_str!("../docs/guide/browsers.md")]
pub mod browsers {}

#[doc = include_str!("../docs/guide/certificates.md")]
pub mod certificates {}

#[doc = include_str!("../docs/guide/choosing.md")]
pub mod choosing {}

#[doc = include_str!("../docs/guide/delegation.md")]
pub mod delegation {}

#[doc = include_str!("../docs/guide/frameworks.md")]
pub mod frameworks {}

#[doc = include_str!("../docs/guide/from_jsonwebtoken.md")]
pub mod from_jsonwebtoken {}

#[doc = include_str!("../docs/guide/from_middleware.md")]
pub mod from_middleware {}

#[doc = include_str!("../docs/guide/grpc.md")]
pub mod grpc {}

#[doc = include_str!("../docs/guide/keys.md")]
pub mod keys {}

#[doc = include_str!("../docs/guide/kms.md")]
pub mod kms {}

#[doc = include_str!("../docs/guide/migrating.md")]
pub mod migrating {}

#[doc = include_str!("../docs/guide/operating.md")]
pub mod operating {}

#[doc = include_str!("../docs/guide/principals.md")]
pub mod principals {}

#[doc = include_str!("../docs/guide/rate_limits.md")]
pub mod rate_limits {}

#[cfg(any(not(doctest), all(feature = "proof", feature = "test-util")))]
#[doc = include_str!("../docs/guide/sender_constrained.md")]
pub mod sender_constrained {}

#[doc = include_str!("../docs/guide/service_to_service.md")]
pub mod service_to_service {}

#[doc = include_str!("../docs/guide/sessions.md")]
pub mod sessions {}

#[doc = include_str!("../docs/guide/set_ups.md")]
pub mod set_ups {}

#[cfg(any(not(doctest), feature = "signer"))]
#[doc = include_str!("../docs/guide/signers.md")]
pub mod signers {}

#[doc = include_str!("../docs/guide/tenants.md")]
pub mod tenants {}

#[doc = include_str!("../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/guide/wasm.md")]
pub mod wasm {}
