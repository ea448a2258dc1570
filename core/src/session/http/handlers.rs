//! Doing what a request asks for.

use std::error::Error;

use serde::Serialize;

use super::{
    reply::{INVALID_GRANT, INVALID_REQUEST, Reply, reported, unreadable_login},
    request::Action,
    routes::SessionRoutes,
    sign_in::{NoIdentity, Question},
};
use crate::{
    auth::{AuthCookies, Authenticate},
    claims::{SessionId, VerifiedToken},
    error::AuthErrorKind,
    issue::IssuedToken,
    session::{
        ClientInfo, Identity, Session, SessionError, SessionErrorKind, TokenPair,
        login_limits::LoginAttempt,
    },
};

impl SessionRoutes {
    /// The answer. An `Err` is one, too: it only ends a function early.
    pub(super) async fn perform(&self, task: Action) -> Reply {
        let reply = match task {
            Action::End(check, id) => self.end(check, id).await,
            Action::Jwks => Ok(self.jwks()),
            Action::List(check) => self.list(check).await,
            Action::LogIn {
                attempt,
                body,
                client,
                earlier,
            } => self.log_in(attempt, body, client, earlier).await,
            Action::LogOut(tokens, check) => self.log_out(&tokens, check).await,
            Action::LogOutEverywhere(check) => self.log_out_everywhere(check).await,
            Action::Refresh { token, client } => self.refresh(token, client).await,
        };
        reply.unwrap_or_else(|refused| refused)
    }

    async fn log_in(
        &self,
        attempt: Option<LoginAttempt>,
        body: Vec<u8>,
        client: ClientInfo,
        earlier: Vec<String>,
    ) -> Result<Reply, Reply> {
        // A log-out everywhere during the password check must end this login too.
        let login = match self.sessions.begin().await {
            Ok(login) => login,
            Err(error) => {
                // The password was not looked at: an outage must not close the account.
                if let Some(attempt) = attempt {
                    attempt.undecided();
                }
                return Err(self.refused(&error));
            }
        };
        let identity = (self.ask)(Question::Credentials(body)).await;
        if let Some(attempt) = attempt {
            match &identity {
                Ok(Some(_)) => attempt.succeeded(),
                Ok(None) => attempt.failed(),
                Err(_) => attempt.undecided(),
            }
        }
        let Some(identity) = identity.map_err(|none| self.no_identity(none))? else {
            return Err(
                Reply::error(401, INVALID_GRANT, "the credentials are wrong")
                    .with("www-authenticate", "Bearer"),
            );
        };
        let pair = login
            .start_with(&identity, client, &|token| self.fits(token))
            .await;
        let reply = self.granted(&pair.map_err(|error| self.refused(&error))?)?;
        // The browser forgets the session that it had. If that cannot be ended now, it expires.
        if let Err(error) = self.end_by_tokens(&earlier).await {
            self.report(&error);
        }
        Ok(reply)
    }

    async fn refresh(&self, token: String, client: ClientInfo) -> Result<Reply, Reply> {
        let asked = async |session: Session| -> Result<_, SessionError> {
            let subject = session.subject().to_owned();
            let identity = (self.ask)(Question::Refresh(session)).await?;
            match identity {
                Some(identity) if identity.subject() != subject => {
                    Err(NoIdentity::OtherSubject.into())
                }
                identity => Ok(identity.map(Identity::into_claims)),
            }
        };
        let pair = self
            .sessions
            .refresh_with(&token, &client, asked, &|token| self.fits(token))
            .await;
        self.granted(&pair.map_err(|error| self.refused(&error))?)
    }

    async fn log_out(
        &self,
        tokens: &[String],
        check: Option<Authenticate>,
    ) -> Result<Reply, Reply> {
        let ended = self.end_by_tokens(tokens).await;
        ended.map_err(|error| self.refused(&error))?;
        match check {
            Some(check) => self.log_out_bearer(check).await,
            None => Ok(self.gone()),
        }
    }

    /// Ends the sessions of all these refresh tokens, whether or not one of them fails.
    async fn end_by_tokens(&self, tokens: &[String]) -> Result<(), SessionError> {
        let mut all_ended = Ok(());
        for token in tokens {
            let ended = self.sessions.end_by_token(token).await;
            all_ended = all_ended.and(ended.map(drop));
        }
        all_ended
    }

    /// A client that has lost its refresh token logs out with the access token. In cookie mode,
    /// there is something to clear even for one who is not logged in.
    async fn log_out_bearer(&self, check: Authenticate) -> Result<Reply, Reply> {
        match check.await {
            Ok(Some(token)) => {
                let id = session_of(&token)?;
                let ended = self.sessions.end(&id).await;
                ended.map_err(|error| self.refused(&error))?;
                Ok(self.gone())
            }
            Err(error) if self.cookies.is_some() && error.kind().status() == 401 => Ok(self.gone()),
            Err(error) => Err(Reply::from(&error)),
            Ok(None) => Ok(self.gone()),
        }
    }

    async fn log_out_everywhere(&self, check: Authenticate) -> Result<Reply, Reply> {
        let token = authenticated(check).await?;
        let ended = self.sessions.end_all(subject_of(&token)?).await;
        ended.map_err(|error| self.refused(&error))?;
        Ok(self.gone())
    }

    async fn list(&self, check: Authenticate) -> Result<Reply, Reply> {
        #[derive(Serialize)]
        struct Sessions<'a> {
            sessions: Vec<Listed<'a>>,
        }
        #[derive(Serialize)]
        struct Listed<'a> {
            #[serde(flatten)]
            session: &'a Session,
            current: bool,
        }
        let token = authenticated(check).await?;
        let sessions = self.sessions.list(subject_of(&token)?).await;
        let sessions = sessions.map_err(|error| self.refused(&error))?;
        let listed = sessions.iter().map(|session| Listed {
            session,
            current: token.session_id() == Some(session.id().as_str()),
        });
        Ok(Reply::json(
            200,
            &Sessions {
                sessions: listed.collect(),
            },
        ))
    }

    async fn end(&self, check: Authenticate, id: Option<SessionId>) -> Result<Reply, Reply> {
        let token = authenticated(check).await?;
        let ended = match &id {
            Some(id) => self.sessions.end_of(subject_of(&token)?, id).await,
            None => Ok(false),
        };
        match ended.map_err(|error| self.refused(&error))? {
            // One who ends the session at hand has logged out.
            true if token.session_id() == id.as_ref().map(SessionId::as_str) => Ok(self.gone()),
            true => Ok(Reply::empty(204)),
            false => Err(Reply::error(
                404,
                INVALID_REQUEST,
                "there is no such session",
            )),
        }
    }

    fn jwks(&self) -> Reply {
        Reply::text(
            200,
            "application/jwk-set+json",
            self.sessions.issuer().jwks(),
        )
        .replacing("cache-control", "public, max-age=300")
    }

    /// The answer with a new pair.
    fn granted(&self, pair: &TokenPair) -> Result<Reply, Reply> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            access_token: Option<&'a str>,
            token_type: &'a str,
            expires_in: i64,
            session_id: &'a SessionId,
        }
        let Some(cookies) = &self.cookies else {
            return Ok(Reply::from(pair));
        };
        let id = pair.session().id();
        let misconfigured = |error: Box<dyn Error + Send + Sync>| {
            self.refused(&SessionError::because(
                SessionErrorKind::Misconfigured,
                error,
            ))
        };
        let csrf = self.csrf.token(id.as_str());
        let csrf = csrf.map_err(|error| misconfigured(error.into()))?;
        let set = cookies.set(
            (
                pair.access_token().as_str(),
                lifetime(pair.access_token().expires_in()),
            ),
            (pair.refresh_token(), lifetime(pair.refresh_expires_in())),
            csrf.as_deref(),
        );
        let set = set.map_err(|error| misconfigured(error.into()))?;
        let access = pair.access_token();
        let body = Body {
            access_token: cookies.has_no_access_cookie().then_some(access.as_str()),
            token_type: "Bearer",
            expires_in: access.expires_in(),
            session_id: id,
        };
        Ok(Reply::json(200, &body).with_cookies(set))
    }

    /// The answer when a session is over by the user's wish.
    fn gone(&self) -> Reply {
        Reply::empty(204).with_cookies(self.cleared())
    }

    /// The answer to what went wrong. When the client has to log in again, its cookies go.
    fn refused(&self, error: &SessionError) -> Reply {
        self.report(error);
        match error.kind() {
            // The browser has a newer cookie than the one that came: with that it may come again.
            SessionErrorKind::Superseded if self.cookies.is_some() => {
                Reply::from(&SessionError::from(SessionErrorKind::Unavailable))
            }
            SessionErrorKind::Superseded => Reply::from(error),
            kind if kind.status() == 400 => Reply::from(error).with_cookies(self.cleared()),
            _ => Reply::from(error),
        }
    }

    /// Says in the log what went wrong.
    fn report(&self, error: &SessionError) {
        let (reason, status) = (error.reason(), error.kind().status());
        if status >= 500 {
            let cause = Error::source(error).map(chain);
            tracing::warn!(target: "countersign", reason, status, cause, "cannot handle a session");
        } else {
            tracing::debug!(target: "countersign", reason, status, "session refused");
        }
    }

    /// A browser drops a cookie that is too large without a word. Better not to start with it.
    fn fits(&self, token: &IssuedToken) -> Result<(), SessionError> {
        let Some(cookies) = &self.cookies else {
            return Ok(());
        };
        let fits = cookies.check_access(token.as_str());
        fits.map_err(|error| SessionError::because(SessionErrorKind::Misconfigured, error))
    }

    fn no_identity(&self, none: NoIdentity) -> Reply {
        match none {
            NoIdentity::Unreadable => unreadable_login(),
            none => self.refused(&none.into()),
        }
    }

    fn cleared(&self) -> Vec<String> {
        self.cookies
            .as_deref()
            .map_or_else(Vec::new, AuthCookies::clear)
    }
}

async fn authenticated(check: Authenticate) -> Result<VerifiedToken, Reply> {
    match check.await {
        Ok(Some(token)) => Ok(token),
        Ok(None) => Err(reported(AuthErrorKind::MissingToken)),
        Err(error) => Err(Reply::from(&error)),
    }
}

/// The tokens of these sessions have both, and nobody else's pass the verifier.
fn subject_of(token: &VerifiedToken) -> Result<&str, Reply> {
    token
        .subject()
        .ok_or_else(|| reported(AuthErrorKind::MissingClaim))
}

fn session_of(token: &VerifiedToken) -> Result<SessionId, Reply> {
    token
        .session_id()
        .and_then(SessionId::parse)
        .ok_or_else(|| reported(AuthErrorKind::MissingClaim))
}

/// An error and what caused it, in one line for the log.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Seconds for a cookie.
fn lifetime(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0)
}
