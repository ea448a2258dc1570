//! API keys in Redis: each a hash without an expiry, and a set of ids for each subject.

use countersign::session::{
    Realm,
    store::{ApiKeyId, ApiKeyStore, StoreError, StoredApiKey, TokenHash},
};

use crate::{
    RedisStore,
    script::{self, Args},
};

/// The fields of a key, beside the name of its index. The last two may be absent.
const FIELDS: [&str; 9] = [
    "id",
    "realm",
    "subject",
    "hash",
    "label",
    "scopes",
    "created_at",
    "expires_at",
    "last_used_at",
];

/// The values of [`FIELDS`]: all absent where there is no key.
type Values = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Vec<u8>>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

impl ApiKeyStore for RedisStore {
    async fn insert_api_key(&self, key: &StoredApiKey) -> Result<(), StoreError> {
        let keys = self.keys();
        let index = keys.api_keys_of(&key.realm, &key.subject);
        let args = Args::default()
            .with(key.id.as_str())
            .with(key.hash.as_bytes())
            .with("index")
            .with(&index);
        let args = append_to(args, key);
        let added: bool = self
            .run(
                &script::PUT_API_KEY,
                &[&keys.api_key(&key.id), &index],
                args,
            )
            .await?;
        match added {
            true => Ok(()),
            false => Err(StoreError::new("the id of the API key is taken")),
        }
    }

    async fn find_api_key(&self, id: &ApiKeyId) -> Result<Option<StoredApiKey>, StoreError> {
        self.opened().await?;
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys().api_key(id)).arg(&FIELDS);
        let values: Values = self.link().send(&command).await.map_err(StoreError::new)?;
        read(values)
    }

    async fn list_api_keys(
        &self,
        realm: &Realm,
        subject: &str,
    ) -> Result<Vec<StoredApiKey>, StoreError> {
        let keys = self.keys();
        let args = Args::default().with(&keys.api_keys).with(&FIELDS);
        let index = keys.api_keys_of(realm, subject);
        let all: Vec<Values> = self.run(&script::LIST_API_KEYS, &[&index], args).await?;
        all.into_iter()
            .filter_map(|values| read(values).transpose())
            .collect()
    }

    async fn end_api_key(&self, id: &ApiKeyId) -> Result<bool, StoreError> {
        let args = Args::default().with(id.as_str());
        let key = self.keys().api_key(id);
        self.run(&script::END_API_KEY, &[&key], args).await
    }

    async fn end_api_keys(&self, realm: &Realm, subject: &str) -> Result<u64, StoreError> {
        let keys = self.keys();
        let args = Args::default().with(&keys.api_keys);
        let index = keys.api_keys_of(realm, subject);
        self.run(&script::END_API_KEYS, &[&index], args).await
    }

    async fn touch_api_key(&self, id: &ApiKeyId, used_at: i64) -> Result<(), StoreError> {
        let args = Args::default().with(used_at);
        let key = self.keys().api_key(id);
        self.run(&script::TOUCH_API_KEY, &[&key], args).await
    }
}

/// Appends the names and values of the fields that the key has.
fn append_to(args: Args, key: &StoredApiKey) -> Args {
    let args = args
        .with("id")
        .with(key.id.as_str())
        .with("realm")
        .with(key.realm.as_str())
        .with("subject")
        .with(&key.subject)
        .with("hash")
        .with(key.hash.as_bytes())
        .with("label")
        .with(&key.label)
        .with("scopes")
        .with(&key.scopes)
        .with("created_at")
        .with(key.created_at);
    let times = [
        ("expires_at", key.expires_at),
        ("last_used_at", key.last_used_at),
    ];
    times.into_iter().fold(args, |args, (name, at)| match at {
        Some(at) => args.with(name).with(at),
        None => args,
    })
}

/// Reads a key. Where a field is absent that every key has, it is none that this program has written.
fn read(values: Values) -> Result<Option<StoredApiKey>, StoreError> {
    let (id, realm, subject, hash, label, scopes, created_at, expires_at, last_used_at) = values;
    let Some(id) = id else { return Ok(None) };
    let unreadable = || StoreError::new("an API key in Redis has fields that are none");
    let hash = hash.as_deref().and_then(TokenHash::from_slice);
    Ok(Some(StoredApiKey {
        id: ApiKeyId::parse(&id).ok_or_else(unreadable)?,
        realm: Realm::new(realm.ok_or_else(unreadable)?).map_err(StoreError::new)?,
        subject: subject.ok_or_else(unreadable)?,
        hash: hash.ok_or_else(unreadable)?,
        label: label.ok_or_else(unreadable)?,
        scopes: scopes.ok_or_else(unreadable)?,
        created_at: created_at.ok_or_else(unreadable)?,
        expires_at,
        last_used_at,
    }))
}
