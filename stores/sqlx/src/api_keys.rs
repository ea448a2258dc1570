//! API keys as rows, for both databases.

use countersign::session::store::{ApiKeyId, StoredApiKey, TokenHash};
use sqlx::{Database, query::Query};

use crate::rows::{self, Value, unreadable};

/// PostgreSQL: makes the table of API keys.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: &str = r#"
    CREATE TABLE @api_keys (
        id TEXT COLLATE "C" PRIMARY KEY,
        realm TEXT COLLATE "C" NOT NULL,
        subject TEXT COLLATE "C" NOT NULL,
        hash BYTEA NOT NULL,
        label TEXT NOT NULL,
        scopes TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT,
        last_used_at BIGINT
    );
    CREATE INDEX @api_keys_subject ON @api_keys (realm, subject);
"#;

/// SQLite: makes the table of API keys.
#[cfg(feature = "sqlite")]
pub(crate) const SQLITE: &str = "
    CREATE TABLE @api_keys (
        id TEXT PRIMARY KEY NOT NULL,
        realm TEXT NOT NULL,
        subject TEXT NOT NULL,
        hash BLOB NOT NULL,
        label TEXT NOT NULL,
        scopes TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        last_used_at INTEGER
    ) STRICT;
    CREATE INDEX @api_keys_subject ON @api_keys (realm, subject);
";

pub(crate) const INSERT: &str = "
    INSERT INTO @api_keys
        (id, realm, subject, hash, label, scopes, created_at, expires_at, last_used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

pub(crate) const FIND: &str = "
    SELECT id, realm, subject, hash, label, scopes, created_at, expires_at, last_used_at
    FROM @api_keys WHERE id = $1";

pub(crate) const LIST: &str = "
    SELECT id, realm, subject, hash, label, scopes, created_at, expires_at, last_used_at
    FROM @api_keys WHERE realm = $1 AND subject = $2";

/// Of racers, one deletes the row: the others wait for it, and find none.
pub(crate) const END: &str = "DELETE FROM @api_keys WHERE id = $1";

pub(crate) const END_ALL: &str = "DELETE FROM @api_keys WHERE realm = $1 AND subject = $2";

pub(crate) const TOUCH: &str = "
    UPDATE @api_keys SET last_used_at = $2
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

/// The columns of [`FIND`] and [`LIST`].
pub(crate) type ApiKeyRow = (
    String,
    String,
    String,
    Vec<u8>,
    String,
    String,
    i64,
    Option<i64>,
    Option<i64>,
);

/// Binds the values of [`INSERT`].
pub(crate) fn bind_insert<'q, DB>(
    query: Query<'q, DB, DB::Arguments>,
    key: &'q StoredApiKey,
) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    i64: Value<'q, DB>,
    &'q [u8]: Value<'q, DB>,
    &'q str: Value<'q, DB>,
    Option<i64>: Value<'q, DB>,
{
    query
        .bind(key.id.as_str())
        .bind(key.realm.as_str())
        .bind(key.subject.as_str())
        .bind(&key.hash.as_bytes()[..])
        .bind(key.label.as_str())
        .bind(key.scopes.as_str())
        .bind(key.created_at)
        .bind(key.expires_at)
        .bind(key.last_used_at)
}

/// Reads a row.
pub(crate) fn api_key(row: ApiKeyRow) -> sqlx::Result<StoredApiKey> {
    let (id, realm, subject, hash, label, scopes, created_at, expires_at, last_used_at) = row;
    let hash = TokenHash::from_slice(&hash);
    Ok(StoredApiKey {
        id: ApiKeyId::parse(&id).ok_or_else(|| unreadable("an id of an API key that is none"))?,
        realm: rows::realm(realm)?,
        subject,
        hash: hash.ok_or_else(|| unreadable("a digest that is not 32 bytes long"))?,
        label,
        scopes,
        created_at,
        expires_at,
        last_used_at,
    })
}
