//! The sessions of an issuer, over a store.

use std::{fmt, sync::Arc};

use serde::Serialize;

use super::{
    builder::SessionsBuilder,
    error::{SessionError, SessionErrorKind},
    event::{EventLines, SessionEvent},
    login_limits::LoginLimits,
    logout::EndingFlag,
    pair::TokenPair,
    refresh_token::{RealmTag, RefreshToken},
    share::Shares,
    store::{AnyStore, SessionDetails, SessionStore, StoredSession},
    store_queue::StoreQueue,
    view::Session,
};
use crate::{
    auth::{AuthCookies, Layouts},
    claims::{Realm, SessionId},
    clock::LARGEST_LEEWAY,
    error::LineLimits,
    issue::{Draft, IssuedToken, Issuer, SessionClaims},
    revocation::Revocation,
    verify::Verifier,
};

/// Sessions of logged-in users: short access tokens, and a refresh token that changes at each use.
/// Cheap to clone.
///
/// The rules (RFC 9700 section 4.14):
///
/// 1. A refresh token is good for one refresh. The answer contains the next one.
/// 2. A token that comes again within the [grace window] after its exchange is answered with the current
///    one: a browser has restored twenty tabs, or an answer got lost.
/// 3. Any other used token is a replay: a copy exists, so the session ends, for the thief and for the
///    user, with its access tokens. [`SessionEvent::Ended`] reports it.
/// 4. A session ends when it is not used for the idle time, and after the absolute time in any case.
/// 5. Claims are asked for anew at each refresh, and the access token is signed, before the refresh token is exchanged: an
///    outage of the user table, or of a [service that signs](crate::guide::signers), costs nobody the session.
/// 6. An error of the store is an outage (503), never a logout.
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
///         // Look the user up here: does it still exist, and with what rights?
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
    /// The cookies that an access token has to fit into, where routes set any.
    pub(super) cookies: Option<Arc<AuthCookies>>,
    /// Set when an ending begins, for the answer that must finish it.
    pub(super) ending: Option<EndingFlag>,
}

/// A listener of the app.
pub(super) type Listener = dyn Fn(&SessionEvent) + Send + Sync;

/// The settings, checked by the builder. Times in seconds.
pub(super) struct SessionSettings {
    pub(super) issuer: Issuer,
    pub(super) realm: Realm,
    /// The realm that access tokens name. The issuer's own name is in them already.
    pub(super) named_realm: Option<Realm>,
    pub(super) tag: RealmTag,
    pub(super) verifier: Verifier,
    pub(super) store: Arc<dyn AnyStore>,
    /// For the calls of a refresh.
    pub(super) refreshes: StoreQueue,
    /// For those of a logout by a refresh token: no crowd of refreshes is in front of it.
    pub(super) logouts: StoreQueue,
    pub(super) idle: i64,
    pub(super) absolute: i64,
    pub(super) grace: i64,
    /// How long after the store may have lost writes a token that it has never seen ends no session; 0: it does.
    pub(super) spared_after_lost_writes: i64,
    pub(super) per_subject: usize,
    pub(super) revocation: Revocation,
    pub(super) shares: Shares,
    pub(super) listener: Option<Arc<Listener>>,
    pub(super) event_lines: EventLines,
    /// By the kind of the error.
    pub(super) error_lines: LineLimits<{ SessionErrorKind::ALL.len() }>,
    pub(super) layouts: Layouts,
    /// The default of all routes.
    pub(super) login_limits: LoginLimits,
}

impl SessionSettings {
    /// Returns the idle time of a session, in seconds: its own, and no more than that of the settings.
    pub(super) fn idle_of(&self, details: &SessionDetails) -> i64 {
        details.idle.map_or(self.idle, |own| own.min(self.idle))
    }
}

impl Sessions {
    /// Starts sessions whose access tokens this issuer makes, kept in this store.
    pub fn builder(issuer: Issuer, store: impl SessionStore) -> SessionsBuilder {
        SessionsBuilder::new(issuer, store)
    }

    /// Returns a verifier for the access tokens. It refuses those of sessions that have ended, and of another
    /// [realm](Realm::CLAIM).
    ///
    /// A token that the app issues beside its sessions, with [`Issuer::issue`], passes if it names the
    /// realm as those of the sessions do.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.settings.verifier.clone()
    }

    /// Returns the list of revoked access tokens: for a readiness endpoint, or to revoke a single one.
    #[must_use]
    pub fn revocation(&self) -> &Revocation {
        &self.settings.revocation
    }

    /// Returns the issuer of the access tokens.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.settings.issuer
    }

    /// Returns the realm of the sessions.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        &self.settings.realm
    }

    /// Returns the id of the session that a refresh token names, whether or not there is one.
    pub(crate) fn id_of_token(&self, refresh_token: &str) -> Option<SessionId> {
        Some(RefreshToken::parse(refresh_token, self.settings.tag)?.session_id())
    }

    /// Lists the sessions of the subject, the last used one first.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away.
    pub async fn list(&self, subject: &str) -> Result<Vec<Session>, SessionError> {
        let stored = self.stored(subject).await?;
        let mut sessions: Vec<_> = stored.iter().map(Session::from).collect();
        sessions.sort_by(|one, other| {
            let newest_first = other.last_used_at().cmp(&one.last_used_at());
            newest_first.then_with(|| one.id().cmp(other.id()))
        });
        Ok(sessions)
    }

    /// Removes expired sessions from the store, and returns how many. Call it now and then, at one
    /// node: the documentation of each store says how.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away.
    pub async fn sweep(&self) -> Result<u64, SessionError> {
        let swept = self.settings.store.sweep(self.now()).await;
        swept.map_err(SessionError::unavailable)
    }

    /// Asks the store whether it can be read and written now: for a readiness endpoint, beside
    /// [`Revocation::ready`].
    ///
    /// A store that still answers reads and refuses writes, as a full disk, a demoted primary or Redis without
    /// memory do, is none that sessions can use. Nothing is left behind, but each call is a write: ask every few
    /// seconds, and not for anybody who comes. It waits for as long as any call of the store; put a bound of your
    /// own around it if that is too long.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when it cannot.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::Sessions;
    ///
    /// /// For `GET /readyz`.
    /// async fn status(sessions: &Sessions) -> u16 {
    ///     match sessions.revocation().status().is_available() && sessions.health().await.is_ok() {
    ///         true => 200,
    ///         false => 503,
    ///     }
    /// }
    /// ```
    pub async fn health(&self) -> Result<(), SessionError> {
        let health = self.settings.store.health().await;
        health.map_err(SessionError::unavailable)
    }

    /// Finds the session of this id in this realm.
    pub(super) async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, SessionError> {
        let found = self.settings.store.find(id).await;
        let found = found.map_err(SessionError::unavailable)?;
        Ok(found.filter(|stored| stored.realm == self.settings.realm))
    }

    /// Lists the sessions of the subject in this realm.
    pub(super) async fn stored(&self, subject: &str) -> Result<Vec<StoredSession>, SessionError> {
        self.stored_at(subject, self.row_time()).await
    }

    /// Lists the sessions of the subject in this realm that have not expired at a time.
    pub(super) async fn stored_at(
        &self,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, SessionError> {
        let SessionSettings { store, realm, .. } = &*self.settings;
        let stored = store.list(realm, subject, now).await;
        stored.map_err(SessionError::unavailable)
    }

    /// Returns the second after which no verifier accepts an access token that was issued up to this
    /// time. It does not depend on the end of the session, so it tells when the youngest token was issued.
    pub(super) fn tokens_until(&self, issued_at: i64) -> i64 {
        issued_at
            .saturating_add(self.settings.issuer.ttl())
            .saturating_add(MAX_LEEWAY)
    }

    /// Drafts an access token of a session that ends then, and which it does not outlive. What is left to do may take time:
    /// [`sign`](Self::sign).
    pub(super) fn draft<C: Serialize>(
        &self,
        stored: &StoredSession,
        session_end: i64,
        claims: &C,
    ) -> Result<Draft, SessionError> {
        if session_end <= self.now().max(self.row_time()) {
            return Err(SessionErrorKind::Expired.into());
        }
        let of_session = SessionClaims {
            subject: &stored.subject,
            session: &stored.id,
            realm: self.settings.named_realm.as_ref(),
            auth_time: stored.auth_time(),
            is_auth_time_given: stored.details.auth_time.is_some(),
            acr: stored.details.acr.as_deref(),
            amr: &stored.details.amr,
            confirmation: stored.details.confirmation(),
            session_end,
        };
        let draft = self.settings.issuer.draft_for(claims, &of_session);
        draft.map_err(SessionError::misconfigured)
    }

    /// Signs an access token. A browser drops a cookie that is too large without a word, so a token that does not fit into
    /// one is an error.
    pub(super) async fn sign(&self, draft: Draft) -> Result<IssuedToken, SessionError> {
        let token = draft
            .finish()
            .await
            .map_err(|error| match error.is_unavailable() {
                true => SessionError::unavailable(error),
                false => SessionError::misconfigured(error),
            })?;
        if let Some(cookies) = &self.cookies {
            cookies.check_access(token.as_str()).map_err(|error| {
                SessionError::misconfigured(format!(
                    "{error}: put less into the claims of `Identity`"
                ))
            })?;
        }
        Ok(token)
    }

    pub(super) fn pair(
        &self,
        access: IssuedToken,
        token: &RefreshToken,
        session: Session,
    ) -> TokenPair {
        TokenPair {
            access,
            refresh: token.encode(),
            refresh_expires_in: session.expires_at().saturating_sub(self.row_time()).max(0),
            session,
        }
    }

    /// Returns the time of this node: that of its access tokens.
    pub(super) fn now(&self) -> i64 {
        self.settings.issuer.clock().now()
    }

    /// Returns the time by the clock of the store: that of rows, which all nodes write and judge. It is this node's
    /// own where the store has no clock, where nobody has [compared](crate::revocation::RevocationLog::time) them, and
    /// where they differ by an hour or more.
    pub(super) fn row_time(&self) -> i64 {
        let ahead = self.settings.revocation.clock_ahead();
        self.now().saturating_sub(ahead)
    }

    /// Emits an event to the log and to the app. Neither gets a token.
    pub(super) fn emit(&self, event: &SessionEvent) {
        event.log(&self.settings.realm, &self.settings.event_lines);
        #[cfg(feature = "metrics")]
        if !matches!(event, SessionEvent::LoginFailed { .. }) {
            crate::metrics::session_event(self.settings.realm.as_str(), event.name());
        }
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

/// The largest leeway that a verifier of ours can have, in seconds.
#[allow(clippy::cast_possible_wrap)] // 300
pub(super) const MAX_LEEWAY: i64 = LARGEST_LEEWAY.as_secs() as i64;
