//! Possession: whether the sender of a request has the key or the certificate to which the token is bound.

mod authenticator;
mod check;
mod sender;

pub(super) use self::{
    check::Possession,
    sender::{Sender, challenged_with},
};
