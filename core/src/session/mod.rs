//! Logged-in users: refresh tokens, their rotation, and the stores that keep them.
//!
//! Start with [`Sessions`](crate::Sessions) and [`SessionRoutes`](crate::SessionRoutes), and the guide
//! [sessions](crate::guide::sessions). Look here for the arguments of your `sign_in` ([`SignIn`], [`Identity`]), limits of
//! failed logins, [events](SessionEvent) for an audit log, and routes of your own ([`TokenPair`],
//! [`PendingLogin`]). Stores are in [`store`]. [`ApiKeys`] are for programs of users, beside their sessions.

mod api_keys;
mod builder;
mod data;
mod decision;
mod error;
mod event;
mod everything;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(crate) mod http;
mod identity;
mod login_limits;
mod logout;
mod lost_writes;
mod pair;
mod pending_login;
mod refresh;
mod refresh_token;
mod renew;
pub(crate) mod sessions;
mod share;
pub mod store;
mod store_queue;
mod view;

pub use self::{
    api_keys::{ApiKey, ApiKeyError, ApiKeyText, ApiKeys, ApiKeysBuilder, NewApiKey},
    builder::SessionsBuilder,
    error::{SessionError, SessionErrorKind},
    event::{EndReason, LoginFailure, SessionEvent},
    http::{
        FormPages, FormToken, LoginBody, LoginRefusal, LoginRequest, PageLoad, SignIn,
        SignInAnswer, SignInOutcome,
    },
    identity::Identity,
    login_limits::{LoginAttempt, LoginLimits, LoginLimitsBuilder, TooManyLogins},
    pair::TokenPair,
    pending_login::PendingLogin,
    view::{ClientInfo, Session},
};
pub use crate::{
    auth::CookieError,
    claims::{realm::Realm, session_id::SessionId},
};
