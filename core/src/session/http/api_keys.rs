//! The routes of API keys, beside those of sessions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    handlers::{authenticated, subject_of},
    reply::{INVALID_REQUEST, Refusal, Reply, invalid, reported},
    routes::SessionRoutes,
};
use crate::{
    auth::Authenticate,
    claims::VerifiedToken,
    error::AuthErrorKind,
    jose::json,
    session::{ApiKey, ApiKeyError, ApiKeys, NewApiKey, SessionError, store::ApiKeyId},
};

/// The API keys that the routes make, and the scopes that a user may give to one.
#[derive(Clone)]
pub(super) struct ApiKeyRoutes {
    keys: ApiKeys,
    may_give: Arc<MayGive>,
    /// `None`: each user may.
    may_create: Option<Arc<MayCreate>>,
}

type MayGive = dyn Fn(&VerifiedToken, &str) -> bool + Send + Sync;
type MayCreate = dyn Fn(&VerifiedToken) -> bool + Send + Sync;

/// A request about API keys, as far as it is read.
pub(super) enum ApiKeyAction {
    Create(Authenticate, NewApiKey),
    End(Authenticate, Option<ApiKeyId>),
    List(Authenticate),
}

impl SessionRoutes {
    /// Adds routes by which users make, list and end their own API keys. Default: there are none.
    ///
    /// | endpoint | needs | answer |
    /// |---|---|---|
    /// | `GET /api-keys` | the access token | 200 with the keys of the user, without their texts; 401 |
    /// | `POST /api-keys` | the access token, `{"label": "..", "scopes": [".."], "expires_at": 1900000000}` | 201 with the key and, this once, its text as `key`; 400; 401; 403 `invalid_scope`; 409 when there are too many |
    /// | `DELETE /api-keys/{id}` | the access token | 204; 401; 404 when it is no key of the user |
    ///
    /// Only a token of a session will do, from the place where these routes have it: a key makes, lists and ends no keys. `scopes`
    /// and `expires_at` may be absent, unless there is a [longest lifetime](crate::session::ApiKeysBuilder::max_lifetime). A scope that the token does not
    /// [have](VerifiedToken::has_scope) is refused: see [`api_keys_with`](Self::api_keys_with) for another rule. A token that is bound to a key
    /// (`cnf`) makes none (403), for a key would not be bound.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{ConfigError, MemoryStore, SessionRoutes, session::ApiKeys};
    ///
    /// fn with_keys(routes: SessionRoutes, store: MemoryStore, pepper: &[u8]) -> Result<SessionRoutes, ConfigError> {
    ///     let keys = ApiKeys::builder(store, pepper).build()?;
    ///     Ok(routes.api_keys(keys))
    /// }
    /// ```
    pub fn api_keys(self, keys: ApiKeys) -> Self {
        self.api_keys_with(keys, VerifiedToken::has_scope)
    }

    /// [`api_keys`](Self::api_keys), where a function says whether the user of a token may give a scope to a key. It is asked for each
    /// scope, and so for a key without scopes not at all: see [`api_keys_if`](Self::api_keys_if).
    pub fn api_keys_with<F>(mut self, keys: ApiKeys, may_give: F) -> Self
    where
        F: Fn(&VerifiedToken, &str) -> bool + Send + Sync + 'static,
    {
        let may_give = Arc::new(may_give);
        let may_create = None;
        self.api_keys = Some(ApiKeyRoutes {
            keys,
            may_give,
            may_create,
        });
        self
    }

    /// [`api_keys`](Self::api_keys), where a function says, once for each key, whether the user of a token may make one at all: 403
    /// `access_denied` otherwise. Default: each user may, with the token of a session. The scopes are asked about as well.
    ///
    /// For products where keys are for some, and for a login that must be recent: a key may outlive the session by years.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{SessionRoutes, session::ApiKeys};
    ///
    /// fn for_developers(routes: SessionRoutes, keys: ApiKeys) -> SessionRoutes {
    ///     routes.api_keys_if(keys, |token| token.has_scope("keys:create"))
    /// }
    /// ```
    pub fn api_keys_if<F>(self, keys: ApiKeys, may_create: F) -> Self
    where
        F: Fn(&VerifiedToken) -> bool + Send + Sync + 'static,
    {
        let mut routes = self.api_keys(keys);
        if let Some(own) = &mut routes.api_keys {
            own.may_create = Some(Arc::new(may_create));
        }
        routes
    }

    /// Does what a request about API keys asks for.
    pub(super) async fn perform_on_api_keys(&self, action: ApiKeyAction) -> Result<Reply, Refusal> {
        #[derive(Serialize)]
        struct Listed {
            api_keys: Vec<ApiKey>,
        }
        #[derive(Serialize)]
        struct Created<'k> {
            key: &'k str,
            #[serde(flatten)]
            api_key: &'k ApiKey,
        }
        let Some(ApiKeyRoutes {
            keys,
            may_give,
            may_create,
        }) = &self.api_keys
        else {
            return Err(no_such_key().into());
        };
        match action {
            ApiKeyAction::Create(check, new) => {
                let token = of_session(check).await?;
                // The key would be good for everybody, and for longer.
                if token.is_bound() {
                    return Err(reported(AuthErrorKind::Forbidden).into());
                }
                if may_create.as_ref().is_some_and(|may| !may(&token)) {
                    let text = "the user may make no API keys";
                    let refused = Reply::error(403, "access_denied", text);
                    return Err(refused.because("api_key_not_permitted").into());
                }
                if !new.scopes.iter().all(|scope| may_give(&token, scope)) {
                    let text = "a scope is not the user's to give";
                    let refused = Reply::error(403, "invalid_scope", text);
                    return Err(refused.because("scope_not_granted").into());
                }
                let (api_key, text) = keys.create(subject_of(&token)?, &new).await?;
                let created = Created {
                    key: text.as_str(),
                    api_key: &api_key,
                };
                Ok(Reply::json(201, &created))
            }
            ApiKeyAction::End(check, id) => {
                let token = of_session(check).await?;
                let ended = match &id {
                    Some(id) => keys.end_of(subject_of(&token)?, id).await?,
                    None => false,
                };
                match ended {
                    true => Ok(Reply::empty(204)),
                    false => Err(no_such_key().into()),
                }
            }
            ApiKeyAction::List(check) => {
                let token = of_session(check).await?;
                let api_keys = keys.list(subject_of(&token)?).await?;
                Ok(Reply::json(200, &Listed { api_keys }))
            }
        }
    }
}

/// Reads the body of a request for a key.
pub(super) fn read_new_key(body: &[u8]) -> Result<NewApiKey, Reply> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        label: String,
        #[serde(default)]
        scopes: Vec<String>,
        expires_at: Option<i64>,
    }
    let body: Option<Body> = json::text(body)
        .filter(|text| json::check(text).is_ok())
        .and_then(|text| serde_json::from_str(text).ok());
    let Some(body) = body else {
        let text =
            "the body is no JSON object with a `label`, and `scopes` and `expires_at` or not";
        return Err(invalid(text).because("invalid_api_key"));
    };
    let new = NewApiKey::new(body.label).scopes(body.scopes);
    Ok(match body.expires_at {
        Some(at) => new.expires_at(at),
        None => new,
    })
}

/// Waits for the verdict, which no token but that of a session passes, in the hands of its user: a key would outlive
/// what an actor was let do, and not name the actor.
async fn of_session(check: Authenticate) -> Result<VerifiedToken, Reply> {
    let token = authenticated(check).await?;
    // Also one that cannot be read.
    if token.has_actor() {
        return Err(reported(AuthErrorKind::Forbidden));
    }
    match token.session_id() {
        Some(_) => Ok(token),
        None => Err(reported(AuthErrorKind::MissingClaim)),
    }
}

fn no_such_key() -> Reply {
    Reply::error(404, INVALID_REQUEST, "there is no such API key").because("no_such_api_key")
}

impl From<ApiKeyError> for Refusal {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::Invalid(text) => invalid(text).because("invalid_api_key").into(),
            ApiKeyError::NoRandomness => SessionError::misconfigured(error).into(),
            ApiKeyError::TooMany => {
                let refused = Reply::error(409, INVALID_REQUEST, &error.to_string());
                refused.because("too_many_api_keys").into()
            }
            ApiKeyError::Unavailable(error) => SessionError::unavailable(error).into(),
        }
    }
}
