//! Login, refresh, logout: what an app calls.

use std::{error::Error, fmt, sync::Arc};

use serde::Serialize;

use crate::{
    cookie::Layouts,
    issue::{IssuedToken, Issuer},
    revocation::Revocation,
    session::{
        Client, Ending, Identity, Session, SessionError, SessionErrorKind, SessionEvent, SessionId,
        SessionStore, SessionsBuilder, StoreError, StoredSession, TokenPair,
        everywhere::{Everywhere, Mark},
        exchange::Presented,
        refresh_token::RefreshToken,
        store::AnyStore,
    },
    verify::Verifier,
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
pub struct Sessions(pub(super) Arc<Settings>);

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
    pub(super) layouts: Layouts,
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

    /// The cookies of the session routes over these sessions.
    pub(crate) fn cookie_layouts(&self) -> &Layouts {
        &self.0.layouts
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
            Some(claims) => self.exchange(&presented, &stored, claims, fits).await,
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

    pub(super) async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, SessionError> {
        self.0.store.find(id.clone()).await.map_err(unavailable)
    }

    /// An access token of the session. It does not outlive it.
    pub(super) fn access_token<C: Serialize>(
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

    pub(super) fn pair(
        &self,
        access: IssuedToken,
        token: &RefreshToken,
        session: Session,
    ) -> TokenPair {
        let expires_in = session.expires_at().saturating_sub(self.now()).max(0);
        TokenPair::new(access, token.encode(), expires_in, session)
    }

    pub(super) fn now(&self) -> i64 {
        self.0.issuer.clock().now()
    }

    /// Tells the log and the app. Neither gets a token.
    pub(super) fn tell(&self, event: &SessionEvent) {
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

/// Whether a client can take this access token.
pub(crate) type Fits<'f> = &'f (dyn Fn(&IssuedToken) -> Result<(), SessionError> + Sync);

/// What every store can keep, and every log can show.
fn is_subject(subject: &str) -> bool {
    (1..=255).contains(&subject.len()) && !subject.contains(char::is_control)
}

pub(super) fn unavailable(error: StoreError) -> SessionError {
    SessionError::because(SessionErrorKind::Unavailable, error)
}

pub(super) fn internal(error: impl Error + Send + Sync + 'static) -> SessionError {
    SessionError::because(SessionErrorKind::Misconfigured, error)
}
