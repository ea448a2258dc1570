//! The handlers of the endpoints.

use std::{error::Error, iter, sync::atomic::Ordering};

use serde::Serialize;

#[cfg(not(feature = "proof"))]
use super::no_proof::Sender;
#[cfg(feature = "proof")]
use super::proof::Sender;
use super::{
    ask::{Answered, Question},
    reply::{INVALID_GRANT, INVALID_REQUEST, Refusal, Reply, reported, unreadable_login},
    request::{Action, Login},
    routes::SessionRoutes,
};
use crate::{
    auth::{AuthCookies, Authenticate},
    claims::{SessionId, VerifiedToken},
    error::AuthErrorKind,
    session::{ClientInfo, LoginFailure, Session, SessionError, SessionErrorKind, TokenPair},
};

impl SessionRoutes {
    /// Does what a request asks for, and answers it.
    pub(super) async fn perform(&self, action: Action) -> Reply {
        let reply = match action {
            Action::ApiKeys(action) => self.perform_on_api_keys(action).await,
            Action::End(check, id) => self.end(check, id).await,
            Action::Jwks => Ok(self.jwks()),
            Action::List(check) => self.list(check).await,
            Action::LogIn(login) => self.log_in(*login).await,
            Action::LogOut(tokens, check) => self.log_out(&tokens, check).await,
            Action::LogOutEverywhere(check) => self.log_out_everywhere(check).await,
            Action::Pass => Ok(Reply::empty(204)),
            Action::Refresh {
                token,
                client,
                sender,
            } => self.refresh(token, client, sender).await,
        };
        match reply {
            Ok(reply) | Err(Refusal::Reply(reply)) => reply,
            Err(Refusal::Session(error)) => self.refused(&error),
        }
    }

    async fn log_in(&self, request: Login) -> Result<Reply, Refusal> {
        let Login {
            attempt, origin, ..
        } = request;
        let asked = async {
            // A log-out everywhere during the password check must end this login too.
            let login = self.sessions.begin().await?;
            let question = Question::LogIn {
                body: request.body,
                head: request.head,
            };
            let answered = (self.ask)(question).await?;
            Ok::<_, SessionError>((login, answered))
        };
        let asked = asked.await;
        if let Some(attempt) = attempt {
            match &asked {
                Ok((_, Answered::Identified(_))) => attempt.succeeded(),
                Ok((_, Answered::Unknown)) => attempt.failed(),
                Ok((_, Answered::Refused(refusal))) if refusal.counts() => attempt.failed(),
                // The password was not wrong, or not checked: an outage must not close the account.
                Ok((_, Answered::Refused(_) | Answered::Unreadable(_))) | Err(_) => {
                    attempt.undecided();
                }
            }
        }
        let (login, answered) = asked?;
        let identity = match answered {
            Answered::Identified(identity) => identity,
            Answered::Refused(refusal) => {
                let reply = refusal.into_reply()?;
                self.login_failed(LoginFailure::Refused(reply.status()), origin);
                return Err(reply.into());
            }
            Answered::Unknown => {
                self.login_failed(LoginFailure::WrongCredentials, origin);
                let refused = Reply::error(401, INVALID_GRANT, "the credentials are wrong");
                let refused = refused.because(LoginFailure::WrongCredentials.reason());
                return Err(refused.with("www-authenticate", "Bearer").into());
            }
            Answered::Unreadable(field) => {
                self.login_failed(LoginFailure::Unreadable { field }, origin);
                return Err(unreadable_login().into());
            }
        };
        self.use_up(&request.sender).await?;
        let client = request.client.and_proven(request.sender.proven);
        let pair = login.start(&identity, client).await?;
        let reply = request.sender.complete(self.granted(&pair)?);
        // The new cookies replace an older session: end it. If that fails, it expires by itself.
        if let Err(error) = self.end_by_tokens(&request.earlier).await {
            self.report(&error);
        }
        Ok(reply)
    }

    async fn refresh(
        &self,
        token: String,
        client: ClientInfo,
        sender: Sender,
    ) -> Result<Reply, Refusal> {
        let client = client.and_proven(sender.proven);
        let ask = async |session: Session| -> Result<_, Refusal> {
            // The refresh token is a good one, and of this client.
            self.use_up(&sender).await?;
            let subject = session.subject().to_owned();
            match (self.ask)(Question::Refresh(session)).await? {
                Answered::Identified(identity) if identity.subject() == subject => {
                    Ok(Some(identity.into_claims()))
                }
                Answered::Identified(_) => Err(SessionError::misconfigured(OTHER_SUBJECT).into()),
                Answered::Refused(refusal) => Err(refusal.into_reply()?.into()),
                Answered::Unknown | Answered::Unreadable(_) => Ok(None),
            }
        };
        let pair = self.sessions.refresh_with(&token, &client, ask).await;
        let pair = pair.map_err(|refusal| match refusal {
            // Its own client may have left the proof out: it keeps its cookies, and comes again with one.
            Refusal::Session(error)
                if error.kind() == SessionErrorKind::WrongClient && sender.proven.is_empty() =>
            {
                self.report(&error);
                Refusal::Reply(Reply::from(&error))
            }
            other => other,
        })?;
        Ok(sender.complete(self.granted(&pair)?))
    }

    /// Answers with a pair as these routes do after a login: both tokens in the body, or in cookies. For logins of
    /// your own, such as a registration, the callback of another provider, a changed password, or a
    /// [second factor](crate::session::PendingLogin::renew).
    ///
    /// The adapters turn the reply into a response: `SessionReply`. In cookie mode, let such a handler check where
    /// the request comes from, as a layer with [`Csrf`](crate::Csrf) does; and end the session that the browser had,
    /// if there was one.
    ///
    /// A pair that does not fit into cookies is answered with 500, and the log has the reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{
    ///     SessionRoutes, Sessions,
    ///     adapter::Reply,
    ///     session::{ClientInfo, Identity, SessionError},
    /// };
    ///
    /// async fn register(
    ///     sessions: &Sessions,
    ///     routes: &SessionRoutes,
    ///     name: String,
    /// ) -> Result<Reply, SessionError> {
    ///     // The user is in the database. Then:
    ///     let user = Identity::new(name, serde_json::json!({ "role": "user" }));
    ///     let pair = sessions.start(&user, ClientInfo::new()).await?;
    ///     Ok(routes.reply(&pair))
    /// }
    /// ```
    #[must_use]
    pub fn reply(&self, pair: &TokenPair) -> Reply {
        match self.granted(pair) {
            Ok(reply) => reply,
            Err(error) => self.refused(&error),
        }
    }

    /// Logs out by refresh tokens, and by the access token of a client that has lost its refresh token.
    async fn log_out(
        &self,
        tokens: &[String],
        check: Option<Authenticate>,
    ) -> Result<Reply, Refusal> {
        self.end_by_tokens(tokens).await?;
        let Some(check) = check else {
            return Ok(self.logged_out());
        };
        match check.await {
            Ok(Some(token)) => {
                let id = token.session_id().and_then(SessionId::parse);
                let id = id.ok_or_else(|| reported(AuthErrorKind::MissingClaim))?;
                self.sessions.end(&id).await?;
            }
            Ok(None) => {}
            // In cookie mode there is something to clear, even for a client that is not logged in.
            Err(error) if self.cookies.is_some() && error.kind().status() == 401 => {}
            Err(error) => return Err(Reply::from(&error).into()),
        }
        Ok(self.logged_out())
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

    async fn log_out_everywhere(&self, check: Authenticate) -> Result<Reply, Refusal> {
        let token = authenticated(check).await?;
        self.sessions.end_all(subject_of(&token)?).await?;
        Ok(self.logged_out())
    }

    async fn list(&self, check: Authenticate) -> Result<Reply, Refusal> {
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
        let sessions = self.sessions.list(subject_of(&token)?).await?;
        let listed = sessions.iter().map(|session| Listed {
            session,
            current: token.session_id() == Some(session.id().as_str()),
        });
        let sessions = listed.collect();
        Ok(Reply::json(200, &Sessions { sessions }))
    }

    async fn end(&self, check: Authenticate, id: Option<SessionId>) -> Result<Reply, Refusal> {
        let token = authenticated(check).await?;
        let ended = match &id {
            Some(id) => self.sessions.end_of(subject_of(&token)?, id).await?,
            None => false,
        };
        if !ended {
            let refused = Reply::error(404, INVALID_REQUEST, "there is no such session");
            return Err(refused.because("no_such_session").into());
        }
        // A client that ends its own session has logged out.
        match token.session_id() == id.as_ref().map(SessionId::as_str) {
            true => Ok(self.logged_out()),
            false => Ok(Reply::empty(204)),
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

    /// Answers with a new pair.
    fn granted(&self, pair: &TokenPair) -> Result<Reply, SessionError> {
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
        let (id, access) = (pair.session().id(), pair.access_token());
        let csrf = self.csrf.token(id.as_str());
        let csrf = csrf.map_err(SessionError::misconfigured)?;
        let set = cookies.set(
            (access.as_str(), lifetime(access.expires_in())),
            (pair.refresh_token(), lifetime(pair.refresh_expires_in())),
            csrf.as_deref(),
        );
        let body = Body {
            access_token: cookies.has_no_access_cookie().then_some(access.as_str()),
            token_type: pair.session().token_type(),
            expires_in: access.expires_in(),
            session_id: id,
        };
        let reply = Reply::json(200, &body).with_cookies(set.map_err(SessionError::misconfigured)?);
        self.warn_of_size(&reply);
        Ok(reply)
    }

    /// Warns, once, of cookies that fill the buffer that proxies have for the head of an answer.
    fn warn_of_size(&self, reply: &Reply) {
        let bytes: usize = reply
            .headers()
            .map(|(name, text)| name.len() + text.len() + ": \r\n".len())
            .sum();
        if bytes > LARGE_HEAD && !self.warned.size.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "countersign",
                bytes,
                "the cookies of a login are large: with 4096 bytes of headers, nginx answers 502 unless \
                 `proxy_buffer_size` is set, and browsers drop a cookie. Put less into the claims",
            );
        }
    }

    /// Answers a client whose session is over by its own wish.
    fn logged_out(&self) -> Reply {
        let reply = Reply::empty(204).with_cookies(self.cleared());
        match self.clears_site_data {
            true => reply.with("clear-site-data", r#""cache", "storage""#),
            false => reply,
        }
    }

    /// Answers an error. When the client has to log in again, its cookies go.
    fn refused(&self, error: &SessionError) -> Reply {
        self.report(error);
        match error.kind() {
            // The browser has a newer cookie than the one that came: with that it may come again.
            SessionErrorKind::Superseded if self.cookies.is_some() => {
                Reply::from(&SessionError::from(SessionErrorKind::Unavailable))
                    .because(error.reason())
            }
            SessionErrorKind::Superseded => Reply::from(error),
            kind if kind.status() == 400 => Reply::from(error).with_cookies(self.cleared()),
            _ => Reply::from(error),
        }
    }

    /// Writes an error to the log: ten lines for each reason in ten seconds.
    fn report(&self, error: &SessionError) {
        let (reason, status) = (error.reason(), error.kind().status());
        let admitted = || {
            self.sessions
                .settings
                .error_lines
                .admit(error.kind() as usize)
        };
        if status >= 500 {
            if let Some(left_out) = admitted() {
                let cause = Error::source(error).map(chain);
                tracing::warn!(target: "countersign", reason, status, cause, left_out, "cannot handle a session");
            }
        } else if tracing::enabled!(target: "countersign", tracing::Level::DEBUG)
            && let Some(left_out) = admitted()
        {
            tracing::debug!(target: "countersign", reason, status, left_out, "session refused");
        }
    }

    fn cleared(&self) -> Vec<String> {
        self.cookies
            .as_deref()
            .map_or_else(Vec::new, AuthCookies::clear)
    }
}

/// Bytes of headers that leave 400 for those of the app and its server.
const LARGE_HEAD: usize = 3_700;
const OTHER_SUBJECT: &str = "a refresh was answered with another subject than that of the session";

pub(super) async fn authenticated(check: Authenticate) -> Result<VerifiedToken, Reply> {
    match check.await {
        Ok(Some(token)) => Ok(token),
        Ok(None) => Err(reported(AuthErrorKind::MissingToken)),
        Err(error) => Err(Reply::from(&error)),
    }
}

/// Returns the subject. All tokens of these sessions have one, and no others pass the verifier.
pub(super) fn subject_of(token: &VerifiedToken) -> Result<&str, Reply> {
    token
        .subject()
        .ok_or_else(|| reported(AuthErrorKind::MissingClaim))
}

/// Joins an error and its causes into one line for the log.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn lifetime(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0)
}
