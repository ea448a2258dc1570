//! The refresh protocol: a token is parsed, checked, and exchanged for the next one.

use std::{error::Error, iter};

use serde::Serialize;

use super::{
    decision::{Decision, Instants, Presenter, decide},
    error::{Named, SessionError, SessionErrorKind},
    event::{EndReason, SessionEvent},
    pair::TokenPair,
    refresh_token::{RealmTag, RefreshToken},
    sessions::Sessions,
    store::{PreviousToken, StoredSession, TokenHash},
    view::{ClientInfo, Session},
};
use crate::{
    claims::Confirmation,
    issue::{Draft, IssuedToken},
};

impl Sessions {
    /// Exchanges a refresh token for a new pair.
    ///
    /// `claims` is asked for the claims that the subject of the session has *now*: `None` when there is
    /// no such user any more, which ends the session; an error when nobody can say, which is an outage
    /// and changes nothing.
    ///
    /// # Errors
    ///
    /// [`SessionError`]: `Malformed`, `Unknown`, `Expired`, `Replayed`, `WritesLost`, `WrongClient` and
    /// `SubjectGone` mean that the client has to log in again; `Superseded`, that it already has a newer
    /// token; `Unavailable` and `Overloaded`, that it may come again with the same token, within the grace
    /// window.
    pub async fn refresh<C, E>(
        &self,
        refresh_token: &str,
        client: &ClientInfo,
        claims: impl AsyncFnOnce(Session) -> Result<Option<C>, E>,
    ) -> Result<TokenPair, SessionError>
    where
        C: Serialize,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let ask = async move |session| claims(session).await.map_err(SessionError::unavailable);
        self.refresh_with(refresh_token, client, ask).await
    }

    /// Refreshes for a caller with errors of its own, with the feature `spans` in a span.
    pub(crate) async fn refresh_with<C: Serialize, E: From<SessionError> + Named>(
        &self,
        refresh_token: &str,
        client: &ClientInfo,
        ask: impl AsyncFnOnce(Session) -> Result<Option<C>, E>,
    ) -> Result<TokenPair, E> {
        let work = self.exchange(refresh_token, client, ask);
        #[cfg(feature = "spans")]
        let work = crate::log::in_span(
            tracing::info_span!(
                target: "countersign", "countersign.refresh",
                realm = self.settings.realm.as_str(), outcome = tracing::field::Empty
            ),
            |pair: &Result<_, E>| pair.as_ref().map_or_else(Named::name, |_| "refreshed"),
            work,
        );
        work.await
    }

    async fn exchange<C: Serialize, E: From<SessionError>>(
        &self,
        refresh_token: &str,
        client: &ClientInfo,
        ask: impl AsyncFnOnce(Session) -> Result<Option<C>, E>,
    ) -> Result<TokenPair, E> {
        let came = self.row_time();
        let token = PresentedToken::parse(refresh_token, self.settings.tag, client, came)?;
        let seen = self.check_presented(&token).await?;
        let Some(claims) = ask(Session::from(&seen)).await? else {
            let _turn = self.settings.refreshes.next_turn(|| self.now()).await?;
            self.end_and_report(&seen, EndReason::SubjectGone).await?;
            return Err(SessionError::from(SessionErrorKind::SubjectGone).into());
        };
        // Signed before anything is exchanged, and before the turn: a key in a KMS takes its time.
        if let Some(draft) = self.draft_next(&token, &seen, &claims)? {
            let access = self.sign(draft).await?;
            let _turn = self.settings.refreshes.next_turn(|| self.now()).await?;
            if let Some(exchange) = self.prepare(&token, &seen, access)?
                && let Some(pair) = self.rotate(&token, exchange).await?
            {
                return Ok(pair);
            }
        }
        Ok(self.after_lost_race(&token, claims).await?)
    }

    /// Finds the session of a token that has just come, and checks that the token is good for an answer.
    /// A replay is detected here, and nowhere later.
    async fn check_presented(&self, token: &PresentedToken) -> Result<StoredSession, SessionError> {
        // For the end of the session too: a replay that was detected is not turned away.
        let _turn = self.settings.refreshes.turn(|| self.now()).await?;
        let stored = self.session_of(token).await?;
        match self.decide(&stored, token) {
            Decision::Repeat(_) | Decision::Rotate => Ok(stored),
            Decision::Expired => Err(SessionErrorKind::Expired.into()),
            Decision::Replayed => Err(self.refuse_replayed(&stored, &token.hash).await),
            Decision::WrongClient => {
                let session = Session::from(&stored);
                self.emit(&SessionEvent::WrongClient { session });
                Err(SessionErrorKind::WrongClient.into())
            }
        }
    }

    /// Drafts the next access token. `seen` is the session before the claims were asked for. `None`: there is nothing
    /// to exchange.
    fn draft_next<C: Serialize>(
        &self,
        token: &PresentedToken,
        seen: &StoredSession,
        claims: &C,
    ) -> Result<Option<Draft>, SessionError> {
        if self.decide(seen, token) != Decision::Rotate {
            return Ok(None);
        }
        let session_end = self.end_if_used(seen, seen.time(self.row_time()));
        self.draft(seen, session_end, claims).map(Some)
    }

    /// Returns when a session expires that is used now.
    fn end_if_used(&self, seen: &StoredSession, now: i64) -> i64 {
        let idle_until = now.saturating_add(self.settings.idle_of(&seen.details));
        seen.absolute_expires_at.min(idle_until)
    }

    /// Makes the next token: with the access token, all that can fail without costing the client its own
    /// token. `None`: there is nothing to exchange any more.
    fn prepare(
        &self,
        token: &PresentedToken,
        seen: &StoredSession,
        access: IssuedToken,
    ) -> Result<Option<Exchange>, SessionError> {
        if self.decide(seen, token) != Decision::Rotate {
            return Ok(None);
        }
        let salt = RefreshToken::salt().map_err(SessionError::misconfigured)?;
        let successor = token.token.successor(&salt);
        let now = seen.time(self.row_time());
        let exchanged = PreviousToken {
            hash: token.hash,
            salt,
            exchanged_at: now,
        };
        let recent = self.instants(now).recent(seen);
        let latest = self.now().max(now).saturating_add(self.settings.grace);
        let tokens_until = self.tokens_until(latest);
        let next = StoredSession {
            last_used_at: now,
            expires_at: self.end_if_used(seen, now),
            // Tokens from before may live longer: another node may have another lifetime for them.
            tokens_until: tokens_until.max(seen.tokens_until),
            current: successor.hash(),
            previous: iter::once(exchanged)
                .chain(seen.previous[..recent].iter().cloned())
                .take(PreviousToken::MOST)
                .collect(),
            ..seen.clone()
        };
        Ok(Some(Exchange {
            next,
            successor,
            access,
        }))
    }

    /// Exchanges the token. `None` when it is no longer the current one: only the store can tell, which
    /// compares and swaps.
    async fn rotate(
        &self,
        token: &PresentedToken,
        exchange: Exchange,
    ) -> Result<Option<TokenPair>, SessionError> {
        let next = exchange.next;
        let rotated = self.settings.store.rotate(&token.hash, &next).await;
        if !rotated.map_err(SessionError::unavailable)? {
            return Ok(None);
        }
        let session = Session::from(&next);
        self.emit(&SessionEvent::Refreshed {
            session: session.clone(),
        });
        Ok(Some(self.pair(
            exchange.access,
            &exchange.successor,
            session,
        )))
    }

    /// Answers a token that others have exchanged with the current one, which it leads to.
    async fn after_lost_race<C: Serialize>(
        &self,
        token: &PresentedToken,
        claims: C,
    ) -> Result<TokenPair, SessionError> {
        for _ in 0..REPEATS {
            let turn = self.settings.refreshes.next_turn(|| self.now()).await?;
            let stored = self.session_of(token).await?;
            drop(turn);
            let chain = match self.decide(&stored, token) {
                Decision::Repeat(chain) => chain,
                Decision::Expired => return Err(SessionErrorKind::Expired.into()),
                Decision::Rotate => return Err(SessionError::unavailable(WENT_BACK)),
                // No replay, as it was good when it came; and no answer, as there is a newer token.
                Decision::Replayed | Decision::WrongClient => {
                    return Err(SessionErrorKind::Superseded.into());
                }
            };
            let current = token.token.follow(chain);
            if current.hash() != stored.current {
                return Err(SessionError::unavailable(WRONG_SALTS));
            }
            let draft = self.draft(&stored, stored.expires_at, &claims)?;
            let access = self.sign(draft).await?;
            if self.note_lifetime(&stored, access.issued_at()).await? {
                let session = Session::from(&stored);
                self.emit(&SessionEvent::Repeated {
                    session: session.clone(),
                });
                return Ok(self.pair(access, &current, session));
            }
        }
        Err(SessionError::unavailable(ALWAYS_OVERTAKEN))
    }

    /// Makes the stored session outlast an access token, where the answer took longer than the grace
    /// window. `false`: the session has changed, and nothing was written.
    async fn note_lifetime(
        &self,
        stored: &StoredSession,
        issued_at: i64,
    ) -> Result<bool, SessionError> {
        let tokens_until = self.tokens_until(issued_at);
        if tokens_until <= stored.tokens_until {
            return Ok(true);
        }
        let next = StoredSession {
            tokens_until,
            ..stored.clone()
        };
        let _turn = self.settings.refreshes.next_turn(|| self.now()).await?;
        let rotated = self.settings.store.rotate(&stored.current, &next).await;
        rotated.map_err(SessionError::unavailable)
    }

    fn decide<'s>(&self, stored: &'s StoredSession, token: &PresentedToken) -> Decision<'s> {
        let instants = self.instants(token.came);
        let client = Presenter {
            binding: token.binding.as_ref(),
            proven: token.proven,
        };
        decide(stored, &token.hash, client, instants)
    }

    fn instants(&self, came: i64) -> Instants {
        Instants {
            now: self.row_time(),
            came,
            grace: self.settings.grace,
        }
    }

    async fn session_of(&self, token: &PresentedToken) -> Result<StoredSession, SessionError> {
        let stored = self.find(&token.token.session_id()).await?;
        stored.ok_or_else(|| SessionErrorKind::Unknown.into())
    }
}

/// A refresh token as a client presents it.
struct PresentedToken {
    token: RefreshToken,
    hash: TokenHash,
    binding: Option<TokenHash>,
    proven: Confirmation,
    /// When, in seconds since 1970.
    came: i64,
}

impl PresentedToken {
    fn parse(
        text: &str,
        realm: RealmTag,
        client: &ClientInfo,
        came: i64,
    ) -> Result<Self, SessionError> {
        let token = RefreshToken::parse(text, realm).ok_or(SessionErrorKind::Malformed)?;
        Ok(Self {
            hash: token.hash(),
            binding: client.binding,
            proven: client.proven,
            token,
            came,
        })
    }
}

/// An exchange that only the store has to agree to.
struct Exchange {
    next: StoredSession,
    successor: RefreshToken,
    access: IssuedToken,
}

/// The number of times that an exchanged token is looked up for an answer while others refresh the session.
const REPEATS: usize = 4;

const WENT_BACK: &str =
    "the token is current, and could not be exchanged: a clock or the store went back";
const WRONG_SALTS: &str = "the stored salts lead to another token";
const ALWAYS_OVERTAKEN: &str =
    "the session was refreshed by others each time that it was looked at";
