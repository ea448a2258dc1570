//! A login, from before the credentials are read to the session.

use std::fmt;

use serde::Serialize;

use super::{
    error::{SessionError, SessionErrorKind},
    event::SessionEvent,
    identity::Identity,
    pair::TokenPair,
    refresh_token::RefreshToken,
    sessions::Sessions,
    store::{StoreMark, StoredSession},
    view::{ClientInfo, Session},
};
use crate::issue::IssuedToken;

/// A login that is under way. Made by [`Sessions::begin`], before anything of the credentials is read.
///
/// It marks the login's place in the order of the store's events. When all sessions of the subject
/// are [ended](Sessions::end_all) before it [starts](Self::start) one, at this node or another, no
/// session comes of it: the credentials may have been those of before.
///
/// It is good for an hour.
#[must_use = "a login is nothing until it starts a session"]
pub struct PendingLogin {
    pub(super) sessions: Sessions,
    began: StoreMark,
    pub(super) began_at: i64,
}

/// The longest time that a login takes, in seconds. Stores remember for twice as long what may concern it.
const LONGEST: i64 = 3_600;

impl Sessions {
    /// Begins a login. Call it before the password is read from the database, or any other proof of
    /// who the user is.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::{Issuer, MemoryStore, Sessions, SigningKey, session::{ClientInfo, Identity}};
    /// # let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
    /// #     .audience("orders")
    /// #     .build()?;
    /// # let sessions = Sessions::builder(issuer, MemoryStore::new()).build()?;
    /// # fn check_password(_: &str) -> Option<&'static str> { Some("ada") }
    /// # #[derive(serde::Serialize)]
    /// # struct User {}
    /// # futures_executor::block_on(async {
    /// let login = sessions.begin().await?;
    /// if let Some(subject) = check_password("secret") {
    ///     let pair = login.start(&Identity::new(subject, User {}), ClientInfo::new()).await?;
    ///     assert_eq!(pair.session().subject(), "ada");
    /// }
    /// # Ok::<(), countersign::session::SessionError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn begin(&self) -> Result<PendingLogin, SessionError> {
        let began_at = self.row_time();
        let began = self.settings.store.mark().await;
        Ok(PendingLogin {
            sessions: self.clone(),
            began: began.map_err(SessionError::unavailable)?,
            began_at,
        })
    }

    /// Starts a session for a user who has just been authenticated: [`begin`](Self::begin) and
    /// [`PendingLogin::start`] in one. Always a new session.
    ///
    /// Only right where nothing was checked that could have changed since, such as after a
    /// registration. A login with a password begins before the password is read.
    ///
    /// # Errors
    ///
    /// As [`PendingLogin::start`].
    pub async fn start<C: Serialize>(
        &self,
        identity: &Identity<C>,
        client: ClientInfo,
    ) -> Result<TokenPair, SessionError> {
        self.begin().await?.start(identity, client).await
    }

    /// Logs a user out everywhere and starts one new session for it: for a changed password, or
    /// anything else that users prove with who they are. Call it when the new password is stored.
    ///
    /// Every older session of the subject ends, at all nodes, and so does every login that is under
    /// way, for it may have read the old password. The new session, and logins that begin after this
    /// has returned, live on. It goes by the order of events in the store: no clock decides.
    ///
    /// If it fails, older sessions may go on: call it again. Where the user has no session of its own,
    /// as when an administrator sets a password, [`end_all`](Self::end_all) is enough.
    ///
    /// # Errors
    ///
    /// As [`end_all`](Self::end_all) and [`PendingLogin::start`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::{Issuer, MemoryStore, Sessions, SigningKey, session::{ClientInfo, Identity}};
    /// # let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
    /// #     .audience("orders")
    /// #     .build()?;
    /// # let sessions = Sessions::builder(issuer, MemoryStore::new()).build()?;
    /// # #[derive(serde::Serialize)]
    /// # struct User {}
    /// # futures_executor::block_on(async {
    /// let ada = Identity::new("ada", User {});
    /// let old = sessions.start(&ada, ClientInfo::new()).await?;
    /// // The new password is in the database. Then:
    /// let new = sessions.password_changed(&ada, ClientInfo::new()).await?;
    ///
    /// let live = sessions.list("ada").await?;
    /// assert_eq!(live.len(), 1);
    /// assert_eq!(live[0].id(), new.session().id());
    /// # Ok::<(), countersign::session::SessionError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn password_changed<C: Serialize>(
        &self,
        identity: &Identity<C>,
        client: ClientInfo,
    ) -> Result<TokenPair, SessionError> {
        self.end_all(identity.subject()).await?;
        self.start(identity, client).await
    }
}

impl PendingLogin {
    /// Starts a session for the user that the credentials have proven. Always a new one, created when
    /// the login began.
    ///
    /// # Errors
    ///
    /// [`SessionError`]: `Misconfigured` when the claims or the subject do not fit; `Unavailable`
    /// when the store, or a service that signs, is away; `Unknown` when all sessions of the subject were ended since the login
    /// began, or it began more than an hour ago: the user has to log in again.
    pub async fn start<C: Serialize>(
        self,
        identity: &Identity<C>,
        client: ClientInfo,
    ) -> Result<TokenPair, SessionError> {
        let (token, stored) = self.row(identity, client)?;
        let draft = self
            .sessions
            .draft(&stored, stored.expires_at, identity.claims())?;
        let access = self.sessions.sign(draft).await?;
        self.sessions.make_room(&stored.subject).await?;
        self.insert(&stored, &token, access).await
    }

    /// Makes the row of a new session, and its token.
    pub(super) fn row<C>(
        &self,
        identity: &Identity<C>,
        client: ClientInfo,
    ) -> Result<(RefreshToken, StoredSession), SessionError> {
        let sessions = &self.sessions;
        let subject = identity.subject();
        // Every store can keep such a subject, and every log can show it.
        if !(1..=255).contains(&subject.len()) || subject.contains(char::is_control) {
            return Err(SessionError::misconfigured(
                "a subject needs 1 to 255 bytes without control characters",
            ));
        }
        let now = sessions.row_time().max(self.began_at);
        if now.saturating_sub(self.began_at) > LONGEST {
            return Err(SessionError::because(
                SessionErrorKind::Unknown,
                "the login took more than an hour",
            ));
        }
        let settings = &*sessions.settings;
        let token = RefreshToken::generate(settings.tag).map_err(SessionError::misconfigured)?;
        let mut details = identity.details(settings, now.max(sessions.now()))?;
        details.bind(client.proven);
        let absolute_expires_at = self.began_at.saturating_add(identity.longest(settings)?);
        let idle_until = now.saturating_add(settings.idle_of(&details));
        let stored = StoredSession {
            id: token.session_id(),
            realm: settings.realm.clone(),
            subject: subject.to_owned(),
            label: client.label,
            binding: client.binding,
            created_at: self.began_at,
            last_used_at: now,
            expires_at: absolute_expires_at.min(idle_until),
            absolute_expires_at,
            tokens_until: sessions.tokens_until(sessions.now().max(now)),
            current: token.hash(),
            previous: Vec::new(),
            details,
            data: identity.own_data()?.flatten(),
        };
        Ok((token, stored))
    }

    /// Adds the session, unless all of its subject were ended since the login began.
    pub(super) async fn insert(
        &self,
        stored: &StoredSession,
        token: &RefreshToken,
        access: IssuedToken,
    ) -> Result<TokenPair, SessionError> {
        let sessions = &self.sessions;
        let inserted = sessions.settings.store.insert(stored, self.began).await;
        if !inserted.map_err(SessionError::unavailable)? {
            return Err(SessionError::because(
                SessionErrorKind::Unknown,
                "all sessions of the subject were ended since the login began",
            ));
        }
        let session = Session::from(stored);
        sessions.emit(&SessionEvent::Started {
            session: session.clone(),
        });
        Ok(sessions.pair(access, token, session))
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLogin")
            .field("began_at", &self.began_at)
            .finish_non_exhaustive()
    }
}
