//! A summary of the app's claims: those that an issuer sets or checks.

use serde::Serialize;
use serde_json::Serializer;

use super::ClaimInspector;
use crate::{
    claims::{ClaimSlot, ClaimSpec, RegisteredClaims},
    issue::{Cause, IssueError},
};

/// A summary of the app's claims: those that an issuer sets or checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClaimSummary {
    /// True if there is a `cnf`.
    pub(crate) is_bound: bool,
    /// True if there is an `act`.
    pub(crate) is_delegated: bool,
    /// True if there is an `iss`, `iat` or `jti`.
    pub(crate) is_reserved: bool,
    /// The number of names in `aud`.
    pub(crate) audiences: Option<usize>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) not_before: Option<i64>,
}

impl From<&RegisteredClaims> for ClaimSummary {
    fn from(claims: &RegisteredClaims) -> Self {
        Self {
            is_bound: claims.has(ClaimSlot::CONFIRMATION),
            is_delegated: claims.has(ClaimSlot::ACTOR),
            is_reserved: [ClaimSlot::ISSUER, ClaimSlot::ISSUED_AT, ClaimSlot::ID]
                .into_iter()
                .any(|slot| claims.has(slot)),
            audiences: claims.texts(ClaimSlot::AUDIENCE, "").map(Iterator::count),
            expires_at: claims.date(ClaimSlot::EXPIRES_AT),
            not_before: claims.date(ClaimSlot::NOT_BEFORE),
        }
    }
}

/// The text of the claims, and what they say if that was clear while they were written. If not,
/// [`read`] tells.
pub(crate) fn write<C: Serialize + ?Sized>(
    claims: &C,
) -> Result<(Vec<u8>, Option<ClaimSummary>), IssueError> {
    let mut json = Vec::with_capacity(USUAL_PAYLOAD);
    let mut watch = ClaimInspector::default();
    claims
        .serialize(&mut Serializer::with_formatter(&mut json, &mut watch))
        .map_err(|_| IssueError(Cause::NotAnObject))?;
    Ok((json, watch.given()))
}

/// Reads claims as a verifier does: one object, no duplicates, each registered claim of its type.
pub(crate) fn read<'j>(
    json: &'j [u8],
    spec: &ClaimSpec,
) -> Result<(&'j str, RegisteredClaims), IssueError> {
    let not_an_object = IssueError(Cause::NotAnObject);
    let text = std::str::from_utf8(json).map_err(|_| not_an_object)?;
    let claims = RegisteredClaims::parse(text, spec).map_err(IssueError::unreadable)?;
    Ok((text, claims))
}

/// The room of the first allocation for a payload, in bytes.
const USUAL_PAYLOAD: usize = 1_024;
