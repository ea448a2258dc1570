//! Claims of the app that say what the issuer says itself: `iss`, `iat` and `jti`, as in a struct that was written for
//! another library.

use serde_json::value::RawValue;

use super::{
    inspect::summary,
    issuer::Issuer,
    token::{Cause, IssueError},
};
use crate::{
    claims::ClaimSlot,
    jose::{member, position},
};

/// The claims that the issuer need not write any more.
#[derive(Default)]
pub(super) struct OwnClaims {
    pub(super) issuer: bool,
    pub(super) issued_at: bool,
    pub(super) id: Option<Box<str>>,
}

impl Issuer {
    /// Checks that the claims do not contradict the issuer. A time of issue that differs by no more than clocks do
    /// becomes the issuer's own.
    #[cold]
    pub(super) fn take_own_claims(
        &self,
        payload: &mut Vec<u8>,
        now: i64,
    ) -> Result<OwnClaims, IssueError> {
        let (text, claims) = summary::read(payload, &self.spec())?;
        let issuer = claims.text(ClaimSlot::ISSUER, text);
        if issuer.is_some_and(|name| name != self.0.name) {
            return Err(IssueError(Cause::OtherIssuer));
        }
        let id = claims.text(ClaimSlot::ID, text);
        if id.is_some_and(|id| !(1..=LONGEST_ID).contains(&id.len())) {
            return Err(IssueError(Cause::NoId));
        }
        let issued_at = claims.date(ClaimSlot::ISSUED_AT);
        if issued_at.is_some_and(|at| at.abs_diff(now) > self.0.leeway.unsigned_abs()) {
            return Err(IssueError(Cause::OtherTime));
        }
        let own = OwnClaims {
            issuer: issuer.is_some(),
            issued_at: issued_at.is_some(),
            id: id.map(Into::into),
        };
        if own.issued_at {
            let not_an_object = || IssueError(Cause::NotAnObject);
            let value = member::<&RawValue>(text, "iat").ok().flatten();
            let place = value.and_then(|value| position(text, value.get()));
            let (start, end) = place.ok_or_else(not_an_object)?;
            payload.splice(start as usize..end as usize, now.to_string().into_bytes());
        }
        Ok(own)
    }
}

/// The longest identifier of a token, in bytes.
const LONGEST_ID: usize = 255;
