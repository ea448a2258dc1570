//! Access tokens of sessions.

use std::sync::Arc;

use serde::Serialize;

use super::{
    inspect::ClaimSummary,
    issuer::{Issuer, open},
    numeric_subject,
    token::{Cause, IssueError, IssuedToken},
};
use crate::{
    claims::{ClaimSlot, Realm, RegisteredClaims, SessionId},
    clock::Clock,
};

impl Issuer {
    /// Issues an access token of a session: with its subject and its id (`sid`, OpenID Connect
    /// Front-Channel Logout section 3), for the usual lifetime, but not beyond `session_end` (seconds
    /// since 1970). A `realm` is written into its [claim](Realm::CLAIM).
    pub(crate) fn issue_for<C: Serialize + ?Sized>(
        &self,
        claims: &C,
        subject: &str,
        session: &SessionId,
        session_end: i64,
        realm: Option<&Realm>,
    ) -> Result<IssuedToken, IssueError> {
        #[derive(Serialize)]
        struct OfSession<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            sub: Option<&'a str>,
            sid: &'a SessionId,
            #[serde(skip_serializing_if = "Option::is_none")]
            session_realm: Option<&'a Realm>,
            exp: i64,
        }
        const NOT_AN_OBJECT: IssueError = IssueError(Cause::NotAnObject);

        let json = serde_json::to_string(claims).map_err(|_| NOT_AN_OBJECT)?;
        let mut spec = self.spec();
        let own_realm = spec.text(Realm::CLAIM).ok_or(NOT_AN_OBJECT)?;
        let own = RegisteredClaims::parse(&json, &spec).map_err(|_| NOT_AN_OBJECT)?;
        let is_reserved = [ClaimSlot::EXPIRES_AT, ClaimSlot::SESSION_ID, own_realm];
        if is_reserved.iter().any(|slot| own.has(*slot)) {
            return Err(IssueError(Cause::SessionClaim));
        }
        let own_subject = own.text(ClaimSlot::SUBJECT, &json);
        if own_subject.is_some_and(|own_sub| own_sub != subject) {
            return Err(IssueError(Cause::OtherSubject));
        }
        let usual = self.0.clock.now().saturating_add(self.0.ttl);
        let expires_at = usual.min(session_end);
        let of_session = OfSession {
            sub: own_subject.is_none().then_some(subject),
            sid: session,
            session_realm: realm,
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
