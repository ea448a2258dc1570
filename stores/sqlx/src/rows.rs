//! Sessions as rows. What is here is the same for both databases.

use std::future::Future;

use countersign::{Digest, Predecessor, SessionId, StoreError, StoredSession};
use sqlx::{Database, Encode, Type, query::Query};

pub(crate) const INSERT: &str = "
    INSERT INTO countersign_sessions
        (id, subject, label, binding, created_at, last_used_at, expires_at, absolute_expires_at,
         current, previous, salt)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

pub(crate) const FIND: &str = "
    SELECT id, subject, label, binding, created_at, last_used_at, expires_at, absolute_expires_at,
           current, previous, salt
    FROM countersign_sessions WHERE id = $1";

/// A single statement on a single row: the database makes racers wait, and all but the first find
/// that `current` is another.
pub(crate) const ROTATE: &str = "
    UPDATE countersign_sessions
    SET last_used_at = $3, expires_at = $4, current = $5, previous = $6, salt = $7
    WHERE id = $1 AND current = $2";

pub(crate) const LIST: &str = "
    SELECT id, subject, label, binding, created_at, last_used_at, expires_at, absolute_expires_at,
           current, previous, salt
    FROM countersign_sessions WHERE subject = $1 AND expires_at > $2";

/// How many rows a sweep deletes in one step, so that nobody waits long for it.
pub(crate) const SWEEP: u32 = 10_000;

/// The columns of [`FIND`] and [`LIST`].
pub(crate) type SessionRow = (
    String,
    String,
    Option<String>,
    Option<Vec<u8>>,
    i64,
    i64,
    i64,
    i64,
    Vec<u8>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
);

/// The values of [`INSERT`].
pub(crate) fn bind_insert<'q, DB>(
    query: Query<'q, DB, DB::Arguments>,
    session: &'q StoredSession,
) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    i64: Value<'q, DB>,
    &'q [u8]: Value<'q, DB>,
    &'q str: Value<'q, DB>,
    Option<&'q [u8]>: Value<'q, DB>,
    Option<&'q str>: Value<'q, DB>,
{
    let (previous, salt) = predecessor(session);
    query
        .bind(session.id.as_str())
        .bind(session.subject.as_str())
        .bind(session.label.as_deref())
        .bind(session.binding.as_ref().map(bytes))
        .bind(session.created_at)
        .bind(session.last_used_at)
        .bind(session.expires_at)
        .bind(session.absolute_expires_at)
        .bind(bytes(&session.current))
        .bind(previous)
        .bind(salt)
}

/// The values of [`ROTATE`].
pub(crate) fn bind_rotate<'q, DB>(
    query: Query<'q, DB, DB::Arguments>,
    from: &'q Digest,
    next: &'q StoredSession,
) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    i64: Value<'q, DB>,
    &'q [u8]: Value<'q, DB>,
    &'q str: Value<'q, DB>,
    Option<&'q [u8]>: Value<'q, DB>,
{
    let (previous, salt) = predecessor(next);
    query
        .bind(next.id.as_str())
        .bind(bytes(from))
        .bind(next.last_used_at)
        .bind(next.expires_at)
        .bind(bytes(&next.current))
        .bind(previous)
        .bind(salt)
}

/// What can be bound to a statement.
pub(crate) trait Value<'q, DB: Database>: Encode<'q, DB> + Type<DB> {}

impl<'q, DB: Database, T: Encode<'q, DB> + Type<DB>> Value<'q, DB> for T {}

/// Deletes in steps, each of at most [`SWEEP`] rows, until one finds fewer.
pub(crate) async fn sweep<F>(step: impl Fn() -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut all = 0;
    loop {
        let deleted = step().await?;
        all += deleted;
        if deleted < u64::from(SWEEP) {
            return Ok(all);
        }
    }
}

/// Reads a row.
pub(crate) fn session(row: SessionRow) -> sqlx::Result<StoredSession> {
    let (
        id,
        subject,
        label,
        binding,
        created_at,
        last_used_at,
        expires_at,
        absolute_expires_at,
        current,
        previous,
        salt,
    ) = row;
    let previous = match (previous, salt) {
        (Some(hash), Some(salt)) => Some(Predecessor {
            hash: digest(&hash)?,
            salt: digest(&salt)?,
        }),
        (None, None) => None,
        _ => return Err(unreadable("half a predecessor")),
    };
    Ok(StoredSession {
        id: session_id(&id)?,
        subject,
        label,
        binding: binding.as_deref().map(digest).transpose()?,
        created_at,
        last_used_at,
        expires_at,
        absolute_expires_at,
        current: digest(&current)?,
        previous,
    })
}

/// Reads the id of a session.
pub(crate) fn session_id(text: &str) -> sqlx::Result<SessionId> {
    SessionId::parse(text).ok_or_else(|| unreadable("an id that is none"))
}

/// The error of a row that this crate has not written.
pub(crate) fn unreadable(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a row holds {what}").into())
}

fn digest(bytes: &[u8]) -> sqlx::Result<Digest> {
    Digest::from_slice(bytes).ok_or_else(|| unreadable("a digest that is not 32 bytes long"))
}

fn bytes(digest: &Digest) -> &[u8] {
    digest.as_bytes()
}

/// The hash and the salt.
fn predecessor(session: &StoredSession) -> (Option<&[u8]>, Option<&[u8]>) {
    let previous = session.previous.as_ref();
    (
        previous.map(|previous| bytes(&previous.hash)),
        previous.map(|previous| bytes(&previous.salt)),
    )
}
