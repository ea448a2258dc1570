//! Both forms of an app meet the same tokens.

mod guide;
mod login;
mod nodes;
mod provider;
mod self_issued;
mod wire;
