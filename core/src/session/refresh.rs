//! A refresh: what a token is worth, and its exchange for the next one.

use serde::Serialize;

use super::{
    decision::{Decision, Instants, decide},
    error::{SessionError, SessionErrorKind},
    event::{EndReason, SessionEvent},
    pair::TokenPair,
    refresh_token::{RealmTag, RefreshToken},
    sessions::{Sessions, TokenFilter, internal, unavailable},
    view::{ClientInfo, Session},
};
use crate::{
    issue::IssuedToken,
    session::store::{PreviousToken, StoredSession, TokenHash},
};

/// What a client presents to refresh.
pub(super) struct PresentedToken {
    token: RefreshToken,
    hash: TokenHash,
    binding: Option<TokenHash>,
    /// When, in seconds since 1970.
    came: i64,
}

impl PresentedToken {
    pub(super) fn parse(
        text: &str,
        realm: RealmTag,
        client: &ClientInfo,
        came: i64,
    ) -> Result<Self, SessionError> {
        let token = RefreshToken::parse(text, realm).ok_or(SessionErrorKind::Malformed)?;
        Ok(Self {
            hash: token.hash(),
            binding: client.binding,
            token,
            came,
        })
    }
}

impl Sessions {
    /// The session of a token that has just come, if the token is good for something. Here, and
    /// nowhere later, an old one is found to be a replay.
    pub(super) async fn admitted(
        &self,
        presented: &PresentedToken,
    ) -> Result<StoredSession, SessionError> {
        let stored = self.found(presented).await?;
        match self.decide(&stored, presented) {
            Decision::Repeat(_) | Decision::Rotate => Ok(stored),
            Decision::Expired => Err(SessionErrorKind::Expired.into()),
            Decision::Replayed => {
                self.finish(&stored, EndReason::Replayed).await?;
                Err(SessionErrorKind::Replayed.into())
            }
            Decision::WrongClient => {
                self.tell(&SessionEvent::WrongClient {
                    session: Session::from(&stored),
                });
                Err(SessionErrorKind::WrongClient.into())
            }
        }
    }

    /// Exchanges a token that was good when it came, now that the claims are there. `seen` is the
    /// session of then: much may have happened to it since.
    pub(super) async fn exchange<C: Serialize>(
        &self,
        presented: &PresentedToken,
        seen: &StoredSession,
        claims: C,
        fits: TokenFilter<'_>,
    ) -> Result<TokenPair, SessionError> {
        // The rotation itself finds out whether this is still so. Nothing else would.
        if self.decide(seen, presented) == Decision::Rotate {
            let (next, successor) = self.next(seen, presented)?;
            // Before the rotation: what fails here must not cost the client its token.
            let access = self.access_token(&next, &claims, fits)?;
            if self.rotated(presented, &next).await? {
                return Ok(self.pair(access, &successor, Session::from(&next)));
            }
        }
        for _ in 0..REPEATS {
            let stored = self.found(presented).await?;
            let chain = match self.decide(&stored, presented) {
                Decision::Repeat(chain) => chain,
                Decision::Expired => return Err(SessionErrorKind::Expired.into()),
                Decision::Rotate => {
                    return Err(unavailable_because(
                        "the token is current, and could not be exchanged: a clock or the store went back",
                    ));
                }
                // No replay, as it was good when it came; and no answer, as there is a newer token.
                Decision::Replayed | Decision::WrongClient => {
                    return Err(SessionErrorKind::Superseded.into());
                }
            };
            let current = presented.token.follow(chain);
            if current.hash() != stored.current {
                return Err(unavailable_because(
                    "the stored salts lead to another token",
                ));
            }
            let access = self.access_token(&stored, &claims, fits)?;
            if self.remembered(&stored, &access).await? {
                return Ok(self.repeated(&stored, &current, access));
            }
        }
        Err(unavailable_because(
            "the session was refreshed by others each time that it was looked at",
        ))
    }

    /// Whether the token was the current one until now.
    async fn rotated(
        &self,
        presented: &PresentedToken,
        next: &StoredSession,
    ) -> Result<bool, SessionError> {
        let rotated = self
            .settings
            .store
            .rotate(presented.hash, next.clone())
            .await;
        let rotated = rotated.map_err(unavailable)?;
        if rotated {
            self.tell(&SessionEvent::Refreshed {
                session: Session::from(next),
            });
        }
        Ok(rotated)
    }

    /// The current token once more, with a new access token.
    fn repeated(
        &self,
        stored: &StoredSession,
        current: &RefreshToken,
        access: IssuedToken,
    ) -> TokenPair {
        let session = Session::from(stored);
        self.tell(&SessionEvent::Repeated {
            session: session.clone(),
        });
        self.pair(access, current, session)
    }

    /// Notes how long the session's access tokens live, when an answer took longer than the window in
    /// which it may be given again. `false`: the session has changed, and nothing was noted.
    async fn remembered(
        &self,
        stored: &StoredSession,
        access: &IssuedToken,
    ) -> Result<bool, SessionError> {
        let tokens_until = self.tokens_until(access.issued_at());
        if tokens_until <= stored.tokens_until {
            return Ok(true);
        }
        let next = StoredSession {
            tokens_until,
            ..stored.clone()
        };
        let rotated = self.settings.store.rotate(stored.current, next).await;
        rotated.map_err(unavailable)
    }

    fn decide<'s>(&self, stored: &'s StoredSession, presented: &PresentedToken) -> Decision<'s> {
        decide(
            stored,
            &presented.hash,
            presented.binding.as_ref(),
            self.moment(presented.came),
        )
    }

    /// The session after the exchange, and the token that is then its current one.
    fn next(
        &self,
        stored: &StoredSession,
        presented: &PresentedToken,
    ) -> Result<(StoredSession, RefreshToken), SessionError> {
        let salt = RefreshToken::salt().map_err(internal)?;
        let successor = presented.token.successor(&salt);
        let now = stored.time(self.now());
        let exchanged = PreviousToken {
            hash: presented.hash,
            salt,
            exchanged_at: now,
        };
        let recent = self.moment(now).recent(stored);
        let expires_at = stored
            .absolute_expires_at
            .min(now.saturating_add(self.settings.idle));
        let next = StoredSession {
            last_used_at: now,
            expires_at,
            // Tokens from before may live longer: another node may have another lifetime for them.
            tokens_until: self
                .tokens_until(now.saturating_add(self.settings.grace))
                .max(stored.tokens_until),
            current: successor.hash(),
            previous: std::iter::once(exchanged)
                .chain(stored.previous[..recent].iter().cloned())
                .take(PreviousToken::MOST)
                .collect(),
            ..stored.clone()
        };
        Ok((next, successor))
    }

    fn moment(&self, came: i64) -> Instants {
        Instants {
            now: self.now(),
            came,
            grace: self.settings.grace,
        }
    }

    async fn found(&self, presented: &PresentedToken) -> Result<StoredSession, SessionError> {
        let stored = self.find(&presented.token.session_id()).await?;
        stored.ok_or_else(|| SessionErrorKind::Unknown.into())
    }
}

/// How often an exchanged token is looked at for an answer, when others refresh the session meanwhile.
const REPEATS: usize = 4;

fn unavailable_because(cause: &'static str) -> SessionError {
    SessionError::because(SessionErrorKind::Unavailable, cause)
}
