//! Login, refresh, logout: what an app calls.

use std::{error::Error, fmt, sync::Arc};

use serde::Serialize;

use crate::{
    issue::{IssuedToken, Issuer},
    revocation::{Revocation, RevocationEntry, Revoked},
    session::{
        Client, Digest, Ending, Identity, Session, SessionError, SessionErrorKind, SessionEvent,
        SessionId, SessionStore, SessionsBuilder, StoreError, StoredSession, TokenPair,
        decision::{Decision, Moment, decide},
        everywhere::{Everywhere, Mark},
        record::Predecessor,
        refresh_token::RefreshToken,
        store::AnyStore,
    },
    verify::{Verifier, VerifierBuilder},
};

/// Sessions of logged-in users: short access tokens, and a refresh token that changes at each use.
/// Cheap to clone.
///
/// The rules (RFC 9700 section 4.14):
///
/// 1. A refresh token is good for one refresh. Its answer holds the next one.
/// 2. Whoever presents the token before the current one within the [grace window] gets the same next
///    one again: two tabs, or an answer that got lost.
/// 3. Any other used token is a replay: a copy exists, so the session ends, for the thief and for the
///    user, with its access tokens. [`SessionEvent::Ended`] tells it.
/// 4. A session ends when it is not used for the idle time, and after the absolute time in any case.
/// 5. Claims are asked for anew at each refresh, and before the token is exchanged: an outage of the
///    user table costs nobody the session.
/// 6. What the store cannot answer is an outage (503), never a logout.
///
/// [grace window]: SessionsBuilder::grace
///
/// # Examples
///
/// ```
/// use countersign::{Client, Identity, Issuer, MemoryStore, Sessions, SigningKey};
///
/// #[derive(serde::Serialize)]
/// struct User {
///     role: &'static str,
/// }
/// # futures_executor::block_on(async {
/// let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
///     .audience("orders")
///     .build()?;
/// let sessions = Sessions::builder(issuer, MemoryStore::new()).build()?;
///
/// let ada = Identity::new("ada", User { role: "admin" });
/// let pair = sessions.start(&ada, Client::new().label("Laptop")).await?;
/// let token = sessions.verifier().verify(pair.access_token().as_str()).await?;
/// assert_eq!(token.subject(), Some("ada"));
///
/// let next = sessions
///     .refresh(pair.refresh_token(), &Client::new(), async |session| {
///         // Ask your users here: is there still such a one, and with what rights?
///         assert_eq!(session.subject(), "ada");
///         Ok::<_, std::io::Error>(Some(User { role: "editor" }))
///     })
///     .await?;
/// assert_ne!(next.refresh_token(), pair.refresh_token());
///
/// sessions.end(next.session().id()).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Sessions(Arc<Settings>);

/// A function of the app that hears of events.
pub(super) type Listener = dyn Fn(&SessionEvent) + Send + Sync;

/// What the builder has checked. Times in seconds.
pub(super) struct Settings {
    pub(super) issuer: Issuer,
    pub(super) store: Arc<dyn AnyStore>,
    pub(super) idle: i64,
    pub(super) absolute: i64,
    pub(super) grace: i64,
    pub(super) per_subject: usize,
    pub(super) revocation: Revocation,
    pub(super) everywhere: Everywhere,
    pub(super) listener: Option<Arc<Listener>>,
}

impl Sessions {
    /// Starts sessions whose access tokens this issuer makes, kept in this store.
    pub fn builder(issuer: Issuer, store: impl SessionStore) -> SessionsBuilder {
        SessionsBuilder::new(issuer, store)
    }

    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }

    /// A verifier for the access tokens. It refuses those of sessions that have ended.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        let revocation = self.0.revocation.clone();
        self.0.issuer.verifier().with_revocation(revocation)
    }

    /// Which access tokens are revoked: for a readiness endpoint, or to revoke a single one.
    #[must_use]
    pub fn revocation(&self) -> &Revocation {
        &self.0.revocation
    }

    /// The issuer of the access tokens.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// Starts a session for a user who has just proven who it is. Always a new one.
    ///
    /// # Errors
    ///
    /// [`SessionError`]: `Misconfigured` when the claims or the subject do not fit, `Unavailable`
    /// when the store is away.
    pub async fn start<C: Serialize>(
        &self,
        identity: &Identity<C>,
        client: Client,
    ) -> Result<TokenPair, SessionError> {
        let began = self.mark();
        self.start_with(identity, client, began, &|_| Ok(())).await
    }

    /// The beginning of a login, for [`start_with`](Self::start_with).
    pub(crate) fn mark(&self) -> Mark {
        self.0.everywhere.mark()
    }

    /// The same for a login that began earlier, and a client that cannot take every access token:
    /// nothing happens unless it `fits`.
    pub(crate) async fn start_with<C: Serialize>(
        &self,
        identity: &Identity<C>,
        client: Client,
        began: Mark,
        fits: Fits<'_>,
    ) -> Result<TokenPair, SessionError> {
        let subject = identity.subject();
        if !is_subject(subject) {
            return Err(SessionError::because(
                SessionErrorKind::Misconfigured,
                "a subject needs 1 to 255 bytes without control characters",
            ));
        }
        let now = self.now();
        let token = RefreshToken::generate().map_err(internal)?;
        let absolute_expires_at = now.saturating_add(self.0.absolute);
        let stored = StoredSession {
            id: token.session_id(),
            subject: subject.to_owned(),
            label: client.label,
            binding: client.binding,
            created_at: now,
            last_used_at: now,
            expires_at: absolute_expires_at.min(now.saturating_add(self.0.idle)),
            absolute_expires_at,
            current: token.hash(),
            previous: None,
        };
        let access = self.access_token(&stored, identity.claims(), fits)?;
        self.make_room(subject).await?;
        let inserted = self.0.store.insert(stored.clone()).await;
        inserted.map_err(unavailable)?;
        if self.0.everywhere.concerns(subject, began) {
            self.finish(&stored, Ending::LoggedOutEverywhere).await?;
            return Err(SessionErrorKind::Unknown.into());
        }
        let session = Session::from(&stored);
        self.tell(&SessionEvent::Started {
            session: session.clone(),
        });
        Ok(self.pair(access, &token, session))
    }

    /// Exchanges a refresh token for a new pair.
    ///
    /// `claims` is asked who the subject of the session is *now*: `None` when there is no such user
    /// any more, which ends the session; an error when nobody can say, which is an outage and
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// [`SessionError`]: `Malformed`, `Unknown`, `Expired`, `Replayed`, `WrongClient` and
    /// `SubjectGone` mean that the client has to log in again; `Superseded`, that it already has a newer
    /// token; `Unavailable`, that it may come again with the same token, within the grace window.
    pub async fn refresh<C, E>(
        &self,
        refresh_token: &str,
        client: &Client,
        claims: impl AsyncFnOnce(Session) -> Result<Option<C>, E>,
    ) -> Result<TokenPair, SessionError>
    where
        C: Serialize,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let asked = async move |session| {
            let answer = claims(session).await;
            answer.map_err(|cause| SessionError::because(SessionErrorKind::Unavailable, cause))
        };
        self.refresh_with(refresh_token, client, asked, &|_| Ok(()))
            .await
    }

    /// The same for an app that knows better what its trouble is, and a client that cannot take every
    /// access token: nothing happens unless it `fits`.
    pub(crate) async fn refresh_with<C: Serialize>(
        &self,
        refresh_token: &str,
        client: &Client,
        claims: impl AsyncFnOnce(Session) -> Result<Option<C>, SessionError>,
        fits: Fits<'_>,
    ) -> Result<TokenPair, SessionError> {
        let presented = Presented::parse(refresh_token, client, self.now())?;
        let stored = self.admitted(&presented).await?;
        match claims(Session::from(&stored)).await? {
            Some(claims) => self.exchange(&presented, &stored, &claims, fits).await,
            None => {
                self.finish(&stored, Ending::SubjectGone).await?;
                Err(SessionErrorKind::SubjectGone.into())
            }
        }
    }

    /// The session that a refresh token names, whether or not there is one.
    pub(crate) fn id_of_token(refresh_token: &str) -> Option<SessionId> {
        Some(RefreshToken::parse(refresh_token)?.session_id())
    }

    /// Ends a session and revokes its access tokens. Says whether there was one; its tokens are revoked
    /// in any case.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away, and the session may go on; or when the
    /// [list of revocations](SessionsBuilder::revocation) is full, and its access tokens may.
    pub async fn end(&self, id: &SessionId) -> Result<bool, SessionError> {
        if let Some(stored) = self.find(id).await? {
            return self.finish(&stored, Ending::LoggedOut).await;
        }
        self.end_stored(id, self.now()).await
    }

    /// Ends the session that a refresh token belongs to, whichever of its tokens it is: a logout
    /// (RFC 7009 section 2.1). Says whether there was one.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end).
    pub async fn end_by_token(&self, refresh_token: &str) -> Result<bool, SessionError> {
        let Some(id) = Self::id_of_token(refresh_token) else {
            return Ok(false);
        };
        match self.find(&id).await? {
            Some(stored) => self.finish(&stored, Ending::LoggedOut).await,
            // Anybody can invent a token: an unknown one must not take up room in the list.
            None => Ok(false),
        }
    }

    /// Ends the session if it is one of this subject. Says whether it was.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away: the session may go on.
    pub async fn end_of(&self, subject: &str, id: &SessionId) -> Result<bool, SessionError> {
        match self.find(id).await? {
            Some(stored) if stored.subject == subject => {
                self.finish(&stored, Ending::LoggedOut).await
            }
            _ => Ok(false),
        }
    }

    /// Ends all sessions of the subject, and revokes all tokens that it was issued before: for "log
    /// out everywhere", a changed password, a blocked account. Returns how many sessions there were.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away: sessions may go on.
    pub async fn end_all(&self, subject: &str) -> Result<usize, SessionError> {
        let now = self.now();
        let until = self.last_second_of_tokens(now);
        let of_subject = Revoked::Subject {
            subject: subject.to_owned(),
            issued_before: now,
        };
        // First: a login on its way either finds this, or is found by the store.
        self.0.everywhere.add(subject);
        let revoking = Revoking::new(&self.0.revocation, of_subject, until);
        let ended = self.0.store.end_all(subject.to_owned(), now, until).await;
        let ended = revoking.conclude(ended)?;
        let count = ended.len();
        for id in ended {
            let of_session = Revoked::Session(id.clone());
            Revoking::new(&self.0.revocation, of_session, until).conclude(Ok(()))?;
            self.tell(&SessionEvent::Ended {
                id,
                subject: subject.to_owned(),
                why: Ending::LoggedOutEverywhere,
            });
        }
        Ok(count)
    }

    /// The sessions of the subject, the last used one first.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away.
    pub async fn list(&self, subject: &str) -> Result<Vec<Session>, SessionError> {
        let stored = self.0.store.list(subject.to_owned(), self.now()).await;
        let mut sessions: Vec<Session> = stored
            .map_err(unavailable)?
            .iter()
            .map(Session::from)
            .collect();
        sessions.sort_by(|one, other| {
            let newest_first = other.last_used_at().cmp(&one.last_used_at());
            newest_first.then_with(|| one.id().cmp(other.id()))
        });
        Ok(sessions)
    }

    /// Removes expired sessions from the store. Returns how many. To be called now and then, by one
    /// node: the stores' documentation says how.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away.
    pub async fn sweep(&self) -> Result<u64, SessionError> {
        self.0.store.sweep(self.now()).await.map_err(unavailable)
    }

    /// The session of a token that has just come, if the token is good for something. Here, and
    /// nowhere later, an old one is found to be a replay.
    async fn admitted(&self, presented: &Presented) -> Result<StoredSession, SessionError> {
        let stored = self.found(presented).await?;
        match self.decide(&stored, presented) {
            Decision::Repeat(_) | Decision::Rotate => Ok(stored),
            Decision::Expired => Err(SessionErrorKind::Expired.into()),
            Decision::Replayed => {
                self.finish(&stored, Ending::Replayed).await?;
                Err(SessionErrorKind::Replayed.into())
            }
            Decision::WrongClient => Err(SessionErrorKind::WrongClient.into()),
        }
    }

    /// Exchanges a token that was good when it came, now that the claims are there. `seen` is the
    /// session of then: much may have happened to it since.
    async fn exchange<C: Serialize>(
        &self,
        presented: &Presented,
        seen: &StoredSession,
        claims: &C,
        fits: Fits<'_>,
    ) -> Result<TokenPair, SessionError> {
        // The rotation itself finds out whether this is still so. Nothing else would.
        if self.decide(seen, presented) == Decision::Rotate
            && let Some(pair) = self.rotated(presented, seen, claims, fits).await?
        {
            return Ok(pair);
        }
        let stored = self.found(presented).await?;
        match self.decide(&stored, presented) {
            Decision::Repeat(previous) => self.repeated(presented, &stored, previous, claims, fits),
            Decision::Expired => Err(SessionErrorKind::Expired.into()),
            // No replay, as it was good when it came; and no answer, as there is a newer token.
            _ => Err(SessionErrorKind::Superseded.into()),
        }
    }

    /// The next pair; `None` when the token is not the current one any more.
    async fn rotated<C: Serialize>(
        &self,
        presented: &Presented,
        seen: &StoredSession,
        claims: &C,
        fits: Fits<'_>,
    ) -> Result<Option<TokenPair>, SessionError> {
        let (next, successor) = self.next(seen, presented)?;
        // Before the rotation: what fails here must not cost the client its token.
        let access = self.access_token(&next, claims, fits)?;
        let rotated = self.0.store.rotate(presented.hash, next.clone()).await;
        if !rotated.map_err(unavailable)? {
            return Ok(None);
        }
        let session = Session::from(&next);
        self.tell(&SessionEvent::Refreshed {
            session: session.clone(),
        });
        Ok(Some(self.pair(access, &successor, session)))
    }

    /// The pair that the token was exchanged for, with the same refresh token.
    fn repeated<C: Serialize>(
        &self,
        presented: &Presented,
        stored: &StoredSession,
        previous: &Predecessor,
        claims: &C,
        fits: Fits<'_>,
    ) -> Result<TokenPair, SessionError> {
        let successor = presented.token.successor(&previous.salt);
        if successor.hash() != stored.current {
            return Err(unavailable_because(
                "the stored salt leads to another token",
            ));
        }
        let access = self.access_token(stored, claims, fits)?;
        Ok(self.pair(access, &successor, Session::from(stored)))
    }

    fn decide<'s>(&self, stored: &'s StoredSession, presented: &Presented) -> Decision<'s> {
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
        presented: &Presented,
    ) -> Result<(StoredSession, RefreshToken), SessionError> {
        let salt = RefreshToken::salt().map_err(internal)?;
        let successor = presented.token.successor(&salt);
        let now = stored.time(self.now());
        let next = StoredSession {
            last_used_at: now,
            expires_at: stored
                .absolute_expires_at
                .min(now.saturating_add(self.0.idle)),
            current: successor.hash(),
            previous: Some(Predecessor {
                hash: presented.hash,
                salt,
            }),
            ..stored.clone()
        };
        Ok((next, successor))
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, SessionError> {
        self.0.store.find(id.clone()).await.map_err(unavailable)
    }

    async fn found(&self, presented: &Presented) -> Result<StoredSession, SessionError> {
        let stored = self.find(&presented.token.session_id()).await?;
        stored.ok_or_else(|| SessionErrorKind::Unknown.into())
    }

    /// Ends a session, and revokes its access tokens.
    async fn finish(&self, stored: &StoredSession, why: Ending) -> Result<bool, SessionError> {
        let ended = self.end_stored(&stored.id, stored.time(self.now())).await?;
        if ended {
            self.tell(&SessionEvent::Ended {
                id: stored.id.clone(),
                subject: stored.subject.clone(),
                why,
            });
        }
        Ok(ended)
    }

    async fn end_stored(&self, id: &SessionId, now: i64) -> Result<bool, SessionError> {
        let until = self.last_second_of_tokens(now);
        let revoked = Revoked::Session(id.clone());
        let revoking = Revoking::new(&self.0.revocation, revoked, until);
        let ended = self.0.store.end(id.clone(), until).await;
        revoking.conclude(ended)
    }

    /// Ends the sessions of the subject that were used least recently, until there is room for one
    /// more: nobody fills the store with logins of one account.
    async fn make_room(&self, subject: &str) -> Result<(), SessionError> {
        let listed = self.0.store.list(subject.to_owned(), self.now()).await;
        let mut listed = listed.map_err(unavailable)?;
        let over = (listed.len() + 1).saturating_sub(self.0.per_subject);
        listed.sort_by_key(|session| session.last_used_at);
        for oldest in listed.iter().take(over) {
            self.finish(oldest, Ending::Displaced).await?;
        }
        Ok(())
    }

    /// An access token of the session. It does not outlive it.
    fn access_token<C: Serialize>(
        &self,
        stored: &StoredSession,
        claims: &C,
        fits: Fits<'_>,
    ) -> Result<IssuedToken, SessionError> {
        if stored.expires_at <= self.now() {
            return Err(SessionErrorKind::Expired.into());
        }
        let token = self
            .0
            .issuer
            .issue_for(claims, &stored.subject, &stored.id, stored.expires_at)
            .map_err(internal)?;
        fits(&token).map(|()| token)
    }

    fn pair(&self, access: IssuedToken, token: &RefreshToken, session: Session) -> TokenPair {
        let expires_in = session.expires_at().saturating_sub(self.now()).max(0);
        TokenPair::new(access, token.encode(), expires_in, session)
    }

    /// When every token issued until now has expired, for every verifier. Not by the usual lifetime:
    /// it may have been longer before a restart, and a token may have asked for more.
    fn last_second_of_tokens(&self, now: i64) -> i64 {
        now.saturating_add(self.0.issuer.max_ttl())
            .saturating_add(MAX_LEEWAY + SLACK)
    }

    fn moment(&self, came: i64) -> Moment {
        Moment {
            now: self.now(),
            came,
            grace: self.0.grace,
        }
    }

    fn now(&self) -> i64 {
        self.0.issuer.clock().now()
    }

    /// Tells the log and the app. Neither gets a token.
    fn tell(&self, event: &SessionEvent) {
        match event {
            SessionEvent::Ended { id, why, .. } if *why == Ending::Replayed => {
                tracing::warn!(target: "countersign", sid = id.as_str(), "a used refresh token came back: the session is ended");
            }
            SessionEvent::Ended { id, why, .. } => {
                tracing::debug!(target: "countersign", sid = id.as_str(), ?why, "session ended");
            }
            SessionEvent::Refreshed { session } => {
                tracing::trace!(target: "countersign", sid = session.id().as_str(), "session refreshed");
            }
            SessionEvent::Started { session } => {
                tracing::debug!(target: "countersign", sid = session.id().as_str(), "session started");
            }
        }
        if let Some(listener) = &self.0.listener {
            listener(event);
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("issuer", &self.0.issuer)
            .field("idle", &self.0.idle)
            .field("absolute", &self.0.absolute)
            .field("grace", &self.0.grace)
            .finish_non_exhaustive()
    }
}

/// The largest leeway that a verifier of ours can have, in seconds.
#[allow(clippy::cast_possible_wrap)] // 300
const MAX_LEEWAY: i64 = VerifierBuilder::MAX_LEEWAY.as_secs() as i64;

/// Seconds for an answer on its way: a token may be issued while its session is being ended.
const SLACK: i64 = 60;

/// Whether a client can take this access token.
pub(crate) type Fits<'f> = &'f (dyn Fn(&IssuedToken) -> Result<(), SessionError> + Sync);

/// A revocation at this node that goes with a step of the store; the other nodes hear of it from the
/// store. It happens also when the request is dropped while the store is at it: a client that closes
/// the connection must not keep its token.
struct Revoking<'r> {
    revocation: &'r Revocation,
    entry: Option<RevocationEntry>,
}

impl<'r> Revoking<'r> {
    fn new(revocation: &'r Revocation, revoked: Revoked, until: i64) -> Self {
        Self {
            revocation,
            entry: Some(RevocationEntry { revoked, until }),
        }
    }

    /// The store has answered. If it could not do its part, nothing is revoked here.
    fn conclude<T>(mut self, answer: Result<T, StoreError>) -> Result<T, SessionError> {
        let entry = self.entry.take();
        let done = answer.map_err(unavailable)?;
        if let Some(entry) = entry {
            let result = self.revocation.revoke(&entry);
            result.map_err(|full| SessionError::because(SessionErrorKind::Unavailable, full))?;
        }
        Ok(done)
    }
}

impl Drop for Revoking<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            // A full list alarms by itself.
            let _ = self.revocation.revoke(&entry);
        }
    }
}

/// What a client presents to refresh.
struct Presented {
    token: RefreshToken,
    hash: Digest,
    binding: Option<Digest>,
    /// When, in seconds since 1970.
    came: i64,
}

impl Presented {
    fn parse(text: &str, client: &Client, came: i64) -> Result<Self, SessionError> {
        let token = RefreshToken::parse(text).ok_or(SessionErrorKind::Malformed)?;
        Ok(Self {
            hash: token.hash(),
            binding: client.binding,
            token,
            came,
        })
    }
}

/// What every store can keep, and every log can show.
fn is_subject(subject: &str) -> bool {
    (1..=255).contains(&subject.len()) && !subject.contains(char::is_control)
}

fn unavailable(error: StoreError) -> SessionError {
    SessionError::because(SessionErrorKind::Unavailable, error)
}

fn unavailable_because(cause: &'static str) -> SessionError {
    SessionError::because(SessionErrorKind::Unavailable, cause)
}

fn internal(error: impl Error + Send + Sync + 'static) -> SessionError {
    SessionError::because(SessionErrorKind::Misconfigured, error)
}
