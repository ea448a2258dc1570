//! Access tokens of sessions.

use std::sync::Arc;

use serde::Serialize;

use super::{
    draft::Draft,
    inspect::ClaimSummary,
    issuer::{Issuer, open},
    numeric_subject,
    token::{Cause, IssueError},
};
use crate::{
    claims::{ClaimSlot, Confirmation, Realm, RegisteredClaims, SessionId},
    clock::Clock,
};

/// The claims of a session's access tokens that the session sets. Times in seconds since 1970.
pub(crate) struct SessionClaims<'a> {
    pub(crate) subject: &'a str,
    /// The id, as `sid` (OpenID Connect Front-Channel Logout section 3).
    pub(crate) session: &'a SessionId,
    /// Written into its [claim](Realm::CLAIM).
    pub(crate) realm: Option<&'a Realm>,
    /// The time when the user was authenticated (RFC 9068 section 2.2.1), unless the claims have another.
    pub(crate) auth_time: i64,
    /// True if the login has said when that was: then the claims may not say it.
    pub(crate) is_auth_time_given: bool,
    pub(crate) acr: Option<&'a str>,
    pub(crate) amr: &'a [String],
    /// What the session is bound to.
    pub(crate) confirmation: Confirmation,
    /// No token lives longer.
    pub(crate) session_end: i64,
}

impl Issuer {
    /// Drafts an access token of a session, for the usual lifetime, but not beyond the session's end. Claims that
    /// serialise as `null` are none.
    pub(crate) fn draft_for<C: Serialize + ?Sized>(
        &self,
        claims: &C,
        of: &SessionClaims<'_>,
    ) -> Result<Draft, IssueError> {
        #[derive(Serialize)]
        struct OfSession<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            sub: Option<&'a str>,
            sid: &'a SessionId,
            #[serde(skip_serializing_if = "Option::is_none")]
            session_realm: Option<&'a Realm>,
            #[serde(skip_serializing_if = "Option::is_none")]
            auth_time: Option<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            acr: Option<&'a str>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            amr: &'a [String],
            #[serde(skip_serializing_if = "Confirmation::is_empty")]
            cnf: Confirmation,
            exp: i64,
        }
        const NOT_AN_OBJECT: IssueError = IssueError(Cause::NotAnObject);

        let mut json = serde_json::to_string(claims).map_err(|_| NOT_AN_OBJECT)?;
        // Of a user without claims, such as `()`.
        if json == "null" {
            json = "{}".to_owned();
        }
        let mut spec = self.spec();
        let own_realm = spec.text(Realm::CLAIM).ok_or(NOT_AN_OBJECT)?;
        let own_amr = spec.text("amr").ok_or(NOT_AN_OBJECT)?;
        let own = RegisteredClaims::parse(&json, &spec).map_err(IssueError::unreadable)?;
        let is_reserved = [
            (ClaimSlot::ACTOR, true),
            (ClaimSlot::ACR, of.acr.is_some()),
            (ClaimSlot::AUTH_TIME, of.is_auth_time_given),
            (ClaimSlot::EXPIRES_AT, true),
            (ClaimSlot::ID, true),
            (ClaimSlot::ISSUED_AT, true),
            (ClaimSlot::ISSUER, true),
            (ClaimSlot::SESSION_ID, true),
            (own_amr, !of.amr.is_empty()),
            (own_realm, true),
        ];
        if is_reserved
            .iter()
            .any(|(slot, reserved)| *reserved && own.has(*slot))
        {
            return Err(IssueError(Cause::SessionClaim));
        }
        let own_subject = own.text(ClaimSlot::SUBJECT, &json);
        if own_subject.is_some_and(|own_sub| own_sub != of.subject) {
            return Err(IssueError(Cause::OtherSubject));
        }
        let usual = self.0.clock.now().saturating_add(self.0.ttl);
        let expires_at = usual.min(of.session_end);
        let of_session = OfSession {
            sub: own_subject.is_none().then_some(of.subject),
            sid: of.session,
            session_realm: of.realm,
            auth_time: (!own.has(ClaimSlot::AUTH_TIME)).then_some(of.auth_time),
            acr: of.acr,
            amr: of.amr,
            cnf: of.confirmation,
            exp: expires_at,
        };
        let of_session = serde_json::to_string(&of_session).map_err(|_| NOT_AN_OBJECT)?;
        let summary = ClaimSummary {
            expires_at: Some(expires_at),
            ..ClaimSummary::from(&own)
        };
        let mut json = json.into_bytes();
        open(&mut json);
        json.extend_from_slice(&of_session.as_bytes()[1..]);
        if self.0.numeric_subjects {
            numeric_subject::write_as_number(&mut json)?;
        }
        self.sign(json, summary)
    }

    /// Returns the `iss` of its tokens.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the lifetime of a token unless its claims set another, in seconds.
    pub(crate) fn ttl(&self) -> i64 {
        self.0.ttl
    }

    /// Returns the longest lifetime of a token, in seconds.
    pub(crate) fn max_ttl(&self) -> i64 {
        self.0.max_ttl
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }
}
