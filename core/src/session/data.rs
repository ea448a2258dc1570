//! The data of the app in a session.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    error::{SessionError, SessionErrorKind},
    sessions::Sessions,
    store::StoredSession,
    view::Session,
};
use crate::claims::SessionId;

impl Sessions {
    /// Finds a session that has not expired: to read its [data](Session::data), for example.
    ///
    /// # Errors
    ///
    /// [`SessionErrorKind::Unavailable`] when the store is away.
    pub async fn get(&self, id: &SessionId) -> Result<Option<Session>, SessionError> {
        Ok(self.live(id).await?.as_ref().map(Session::from))
    }

    /// Changes the data of a session: `change` gets what is there, and returns what shall be. `None` is no data.
    ///
    /// No change is lost: where two come at once, `change` is called again with what the other has written; and a
    /// refresh leaves the data alone. The access tokens that are out, and the refresh that is under way, have the
    /// claims of before: the next refresh asks for claims with the new data.
    ///
    /// # Errors
    ///
    /// [`SessionError`]: `Unknown` when there is no such session (any more); `Misconfigured` when what is there is no
    /// `T`, or what shall be has more than [2 KiB](Session::MAX_DATA_BYTES); `Unavailable` when the store is away,
    /// or others were faster several times.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::{Issuer, MemoryStore, Sessions, SigningKey, session::{ClientInfo, Identity}};
    /// # let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
    /// #     .audience("orders")
    /// #     .build()?;
    /// # let sessions = Sessions::builder(issuer, MemoryStore::new()).build()?;
    /// #[derive(serde::Deserialize, serde::Serialize)]
    /// struct Tenant {
    ///     organisation: String,
    /// }
    /// # futures_executor::block_on(async {
    /// let ada = Identity::new("ada", serde_json::json!({}));
    /// let pair = sessions.start(&ada, ClientInfo::new()).await?;
    ///
    /// // A handler of your own: the user has chosen another organisation.
    /// let id = pair.session().id();
    /// let chosen = || Some(Tenant { organisation: "acme".into() });
    /// sessions.update_data(id, |_old: Option<Tenant>| chosen()).await?;
    ///
    /// let session = sessions.get(id).await?.expect("it is live");
    /// let tenant = session.data::<Tenant>()?.expect("it was chosen");
    /// assert_eq!(tenant.organisation, "acme");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn update_data<T: Serialize + DeserializeOwned>(
        &self,
        id: &SessionId,
        change: impl Fn(Option<T>) -> Option<T>,
    ) -> Result<Session, SessionError> {
        for _ in 0..ATTEMPTS {
            let Some(mut stored) = self.live(id).await? else {
                return Err(SessionErrorKind::Unknown.into());
            };
            let old = Session::from(&stored).data();
            let new = change(old.map_err(SessionError::misconfigured)?);
            let new = serde_json::to_string(&new).map_err(SessionError::misconfigured)?;
            let new = check(new)?;
            let set = self
                .settings
                .store
                .set_data(id, stored.data.as_deref(), new.as_deref());
            if set.await.map_err(SessionError::unavailable)? {
                stored.data = new;
                return Ok(Session::from(&stored));
            }
        }
        Err(SessionError::unavailable(ALWAYS_OVERTAKEN))
    }

    /// Finds a session of this realm that has not expired.
    pub(super) async fn live(&self, id: &SessionId) -> Result<Option<StoredSession>, SessionError> {
        let found = self.find(id).await?;
        Ok(found.filter(|stored| stored.time(self.row_time()) < stored.expires_at))
    }
}

/// Checks the JSON text of some data. `null` is no data.
pub(super) fn check(text: String) -> Result<Option<String>, SessionError> {
    if text.len() > Session::MAX_DATA_BYTES {
        return Err(SessionError::misconfigured(
            "the data of a session has more than 2 KiB as JSON",
        ));
    }
    Ok(Some(text).filter(|text| text != "null"))
}

/// The number of times that a change is tried while others change the data.
const ATTEMPTS: usize = 16;

const ALWAYS_OVERTAKEN: &str = "the data was changed by others each time that it was looked at";
