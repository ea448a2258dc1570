//! The renewal of a session whose rights rise.

use serde::Serialize;

use super::{
    error::{SessionError, SessionErrorKind},
    event::EndReason,
    identity::Identity,
    pair::TokenPair,
    pending_login::PendingLogin,
    view::ClientInfo,
};
use crate::claims::SessionId;

impl PendingLogin {
    /// Renews a session after the user has proven more than before, with a second factor or the password once
    /// again: the old session ends, with its access tokens, and a new one takes its place, with another id and
    /// refresh token. A token that somebody has got hold of before never gets the new rights.
    ///
    /// The new session has `auth_time`, `acr` and `amr` of `identity`. Label, binding, and the time of creation are
    /// those of the old one; so are its idle time and data, unless `identity` sets others, and its absolute end, which
    /// `identity` can only bring forward. Data that is [changed](crate::Sessions::update_data) at the same moment may be
    /// lost.
    ///
    /// The id is in the access token: [`VerifiedToken::session_id`](crate::VerifiedToken::session_id), read by
    /// [`SessionId::parse`]. The guide [sessions](crate::guide::sessions#a-second-factor-and-other-answers) has a whole handler.
    ///
    /// Whatever can be checked is checked before the old session ends. If the store goes away in between, or the
    /// answer gets lost, the user has to log in again.
    ///
    /// # Errors
    ///
    /// [`SessionError`]: `Unknown` when the old session is over, or all of its subject were ended since the login
    /// began; `Misconfigured` when it belongs to another subject, or as [`start`](Self::start); `Unavailable` when the
    /// store, or a service that signs, is away.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::{Issuer, MemoryStore, Sessions, SigningKey, session::{ClientInfo, Identity}};
    /// # let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
    /// #     .audience("orders")
    /// #     .build()?;
    /// # let sessions = Sessions::builder(issuer, MemoryStore::new()).build()?;
    /// # fn is_code(_: &str) -> bool { true }
    /// # #[derive(Clone, serde::Serialize)]
    /// # struct User {}
    /// # futures_executor::block_on(async {
    /// let ada = Identity::new("ada", User {});
    /// let old = sessions.start(&ada.clone().amr(["pwd"]), ClientInfo::new()).await?;
    ///
    /// // A handler of your own, for which the access token of the session was verified:
    /// let login = sessions.begin().await?;
    /// if is_code("123456") {
    ///     let proven = ada.acr("urn:example:aal2").amr(["pwd", "otp"]);
    ///     let new = login.renew(old.session().id(), &proven).await?;
    ///     assert_ne!(new.session().id(), old.session().id());
    ///     assert_eq!(new.session().acr(), Some("urn:example:aal2"));
    /// }
    /// # Ok::<(), countersign::session::SessionError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn renew<C: Serialize>(
        self,
        id: &SessionId,
        identity: &Identity<C>,
    ) -> Result<TokenPair, SessionError> {
        let sessions = &self.sessions;
        let Some(old) = sessions.live(id).await? else {
            return Err(SessionErrorKind::Unknown.into());
        };
        if old.subject != identity.subject() {
            return Err(SessionError::misconfigured(OTHER_SUBJECT));
        }
        let client = ClientInfo {
            label: old.label.clone(),
            binding: old.binding,
            proven: old.details.confirmation(),
        };
        let (token, mut new) = self.row(identity, client)?;
        new.created_at = old.created_at;
        new.details.auth_time.get_or_insert(self.began_at);
        new.details.idle = new.details.idle.or(old.details.idle);
        if identity.own_data()?.is_none() {
            new.data.clone_from(&old.data);
        }
        let idle = sessions.settings.idle_of(&new.details);
        new.absolute_expires_at = new.absolute_expires_at.min(old.absolute_expires_at);
        new.expires_at = new
            .last_used_at
            .saturating_add(idle)
            .min(new.absolute_expires_at);
        let draft = sessions.draft(&new, new.expires_at, identity.claims())?;
        let access = sessions.sign(draft).await?;
        // First: of two renewals, or a renewal and a logout, one finds the session.
        if !sessions.end_and_report(&old, EndReason::Renewed).await? {
            return Err(SessionErrorKind::Unknown.into());
        }
        self.insert(&new, &token, access).await
    }
}

const OTHER_SUBJECT: &str = "a session is renewed for its own subject only";
