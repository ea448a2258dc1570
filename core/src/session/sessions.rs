//! Login, refresh, logout: what an app calls.

use std::{error::Error, fmt, sync::Arc};

use serde::Serialize;

use super::{
    begun::Begun,
    builder::SessionsBuilder,
    error::{SessionError, SessionErrorKind},
    event::{EndReason, SessionEvent},
    pair::TokenPair,
    refresh::PresentedToken,
    refresh_token::{RealmTag, RefreshToken},
    share::Shares,
    view::{ClientInfo, Session},
};
use crate::{
    auth::Layouts,
    claims::{Realm, SessionId},
    clock::LARGEST_LEEWAY,
    error::StoreError,
    issue::{IssuedToken, Issuer},
    revocation::Revocation,
    session::{
        login_limits::LoginLimits,
        store::{AnyStore, SessionStore, StoredSession},
    },
    verify::Verifier,
};

/// Sessions of logged-in users: short access tokens, and a refresh token that changes at each use.
/// Cheap to clone.
///
/// The rules (RFC 9700 section 4.14):
///
/// 1. A refresh token is good for one refresh. Its answer holds the next one.
/// 2. Whoever presents a token within the [grace window] after its exchange gets the current one: a
///    browser that restores twenty tabs, or an answer that got lost.
/// 3. Any other used token is a replay: a copy exists, so the session ends, for the thief and for the
///    user, with its access tokens. [`SessionEvent::Ended`] tells it.
/// 4. A session ends when it is not used for the idle time, and after the absolute time in any case.
/// 5. Claims are asked for anew at each refresh, and before the token is exchanged: an outage of the
///    user table costs nobody the session.
/// 6. What the store cannot answer is an outage (503), never a logout.
/// 7. Sessions belong to a [realm](SessionsBuilder::realm), by default the issuer's name. Those of two
///    apps over one store have nothing in common, and neither takes the other's access tokens.
///
/// [grace window]: SessionsBuilder::grace
///
/// # Examples
///
/// ```
/// use countersign::{Issuer, MemoryStore, Sessions, SigningKey, session::{ClientInfo, Identity}};
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
/// let login = sessions.begin().await?; // before the password is read
/// let pair = login.start(&ada, ClientInfo::new().label("Laptop")).await?;
/// let token = sessions.verifier().verify(pair.access_token().as_str()).await?;
/// assert_eq!(token.subject(), Some("ada"));
///
/// let next = sessions
///     .refresh(pair.refresh_token(), &ClientInfo::new(), async |session| {
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
pub struct Sessions {
    pub(super) settings: Arc<SessionSettings>,
    /// Of an answer, to which it matters.
    pub(super) begun: Option<Begun>,
}

/// A function of the app that hears of events.
pub(super) type Listener = dyn Fn(&SessionEvent) + Send + Sync;

/// What the builder has checked. Times in seconds.
pub(super) struct SessionSettings {
    pub(super) issuer: Issuer,
    pub(super) realm: Realm,
    /// The realm that access tokens name. The issuer's own name is in them already.
    pub(super) named_realm: Option<Realm>,
    pub(super) tag: RealmTag,
    pub(super) verifier: Verifier,
    pub(super) store: Arc<dyn AnyStore>,
    pub(super) idle: i64,
    pub(super) absolute: i64,
    pub(super) grace: i64,
    pub(super) per_subject: usize,
    pub(super) revocation: Revocation,
    pub(super) shares: Shares,
    pub(super) listener: Option<Arc<Listener>>,
    pub(super) layouts: Layouts,
    /// Of all routes that have no others.
    pub(super) login_limits: LoginLimits,
}

impl Sessions {
    /// Starts sessions whose access tokens this issuer makes, kept in this store.
    pub fn builder(issuer: Issuer, store: impl SessionStore) -> SessionsBuilder {
        SessionsBuilder::new(issuer, store)
    }

    pub(super) fn new(settings: SessionSettings) -> Self {
        Self {
            settings: Arc::new(settings),
            begun: None,
        }
    }

    /// These sessions for one answer, which is told when an ending begins.
    pub(crate) fn telling(&self, begun: Begun) -> Self {
        Self {
            settings: Arc::clone(&self.settings),
            begun: Some(begun),
        }
    }

    /// A verifier for the access tokens. It refuses those of sessions that have ended, and of another
    /// [realm](Realm::CLAIM).
    ///
    /// A token that the app issues beside its sessions, with [`Issuer::issue`], passes if it names the
    /// realm as those of the sessions do.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.settings.verifier.clone()
    }

    /// Which access tokens are revoked: for a readiness endpoint, or to revoke a single one.
    #[must_use]
    pub fn revocation(&self) -> &Revocation {
        &self.settings.revocation
    }

    /// The cookies of the session routes over these sessions.
    pub(crate) fn cookie_layouts(&self) -> &Layouts {
        &self.settings.layouts
    }

    /// The issuer of the access tokens.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.settings.issuer
    }

    /// The realm of the sessions.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        &self.settings.realm
    }

    /// The limits of failed logins that routes have by default.
    pub(crate) fn login_limits(&self) -> LoginLimits {
        self.settings.login_limits.clone()
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
        client: &ClientInfo,
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
        client: &ClientInfo,
        claims: impl AsyncFnOnce(Session) -> Result<Option<C>, SessionError>,
        fits: TokenFilter<'_>,
    ) -> Result<TokenPair, SessionError> {
        let presented =
            PresentedToken::parse(refresh_token, self.settings.tag, client, self.now())?;
        let stored = self.admitted(&presented).await?;
        match claims(Session::from(&stored)).await? {
            Some(claims) => self.exchange(&presented, &stored, claims, fits).await,
            None => {
                self.finish(&stored, EndReason::SubjectGone).await?;
                Err(SessionErrorKind::SubjectGone.into())
            }
        }
    }

    /// The session that a refresh token names, whether or not there is one.
    pub(crate) fn id_of_token(&self, refresh_token: &str) -> Option<SessionId> {
        Some(RefreshToken::parse(refresh_token, self.settings.tag)?.session_id())
    }

    /// The sessions of the subject, the last used one first.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away.
    pub async fn list(&self, subject: &str) -> Result<Vec<Session>, SessionError> {
        let mut sessions: Vec<Session> = self
            .stored(subject)
            .await?
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
        self.settings
            .store
            .sweep(self.now())
            .await
            .map_err(unavailable)
    }

    /// The session of this id, if it is one of this realm.
    pub(super) async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, SessionError> {
        let found = self
            .settings
            .store
            .find(id.clone())
            .await
            .map_err(unavailable)?;
        Ok(found.filter(|stored| stored.realm == self.settings.realm))
    }

    /// The sessions of the subject in this realm.
    pub(super) async fn stored(&self, subject: &str) -> Result<Vec<StoredSession>, SessionError> {
        let realm = self.settings.realm.clone();
        let stored = self
            .settings
            .store
            .list(realm, subject.to_owned(), self.now());
        stored.await.map_err(unavailable)
    }

    /// No verifier accepts an access token after this second that was issued up to this time. The session
    /// may end before that: so the time tells when the youngest token was issued.
    pub(super) fn tokens_until(&self, issued_at: i64) -> i64 {
        issued_at
            .saturating_add(self.settings.issuer.ttl())
            .saturating_add(MAX_LEEWAY)
    }

    /// An access token of the session. It does not outlive it.
    pub(super) fn access_token<C: Serialize>(
        &self,
        stored: &StoredSession,
        claims: &C,
        fits: TokenFilter<'_>,
    ) -> Result<IssuedToken, SessionError> {
        if stored.expires_at <= self.now() {
            return Err(SessionErrorKind::Expired.into());
        }
        let token = self
            .settings
            .issuer
            .issue_for(
                claims,
                &stored.subject,
                &stored.id,
                stored.expires_at,
                self.settings.named_realm.as_ref(),
            )
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
        self.settings.issuer.clock().now()
    }

    /// Tells the log and the app. Neither gets a token.
    pub(super) fn tell(&self, event: &SessionEvent) {
        event.log(&self.settings.realm);
        if let Some(listener) = &self.settings.listener {
            listener(event);
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("issuer", &self.settings.issuer)
            .field("realm", &self.settings.realm)
            .field("idle", &self.settings.idle)
            .field("absolute", &self.settings.absolute)
            .field("grace", &self.settings.grace)
            .finish_non_exhaustive()
    }
}

/// Whether a client can take this access token.
pub(crate) type TokenFilter<'f> = &'f (dyn Fn(&IssuedToken) -> Result<(), SessionError> + Sync);

/// The largest leeway that a verifier of ours can have, in seconds.
#[allow(clippy::cast_possible_wrap)] // 300
pub(super) const MAX_LEEWAY: i64 = LARGEST_LEEWAY.as_secs() as i64;

pub(super) fn unavailable(error: StoreError) -> SessionError {
    SessionError::because(SessionErrorKind::Unavailable, error)
}

pub(super) fn internal(error: impl Error + Send + Sync + 'static) -> SessionError {
    SessionError::because(SessionErrorKind::Misconfigured, error)
}
