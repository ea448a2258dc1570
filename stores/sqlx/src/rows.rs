//! Sessions as rows, for both databases.

use std::future::Future;

use countersign::session::{
    Realm, SessionId,
    store::{
        EndedSession, PreviousToken, SessionDetails, StoreEpoch, StoreError, StoreMark,
        StoredSession, TokenHash,
    },
};
use sqlx::{Database, Encode, Type, query::Query};

/// Adds no row where all sessions of the subject, or of the realm (`''`), were ended after the mark, nor where the mark is later than
/// all that this database knows: after a failover or a restored backup, what was lost may concern it.
pub(crate) const INSERT: &str = "
    INSERT INTO @sessions
        (id, realm, subject, label, binding, created_at, last_used_at, expires_at,
         absolute_expires_at, tokens_until, current, previous, details, data)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
    WHERE NOT EXISTS (
        SELECT 1 FROM @endings WHERE realm = $2 AND subject IN ($3, '') AND number > $15
    ) AND $15 <= (SELECT last FROM @counter)";

pub(crate) const FIND: &str = "
    SELECT id, realm, subject, label, binding, created_at, last_used_at, expires_at,
           absolute_expires_at, tokens_until, current, previous, details, data
    FROM @sessions WHERE id = $1";

/// A single statement on a single row: the database makes racers wait, and all but the first find
/// that `current` is another.
pub(crate) const ROTATE: &str = "
    UPDATE @sessions
    SET last_used_at = $3, expires_at = $4, tokens_until = $5, current = $6, previous = $7
    WHERE id = $1 AND current = $2";

pub(crate) const LIST: &str = "
    SELECT id, realm, subject, label, binding, created_at, last_used_at, expires_at,
           absolute_expires_at, tokens_until, current, previous, details, data
    FROM @sessions WHERE realm = $1 AND subject = $2 AND expires_at > $3";

/// Reads the sessions, and writes a row as it is. No writer of sessions or of the log waits for that row.
pub(crate) const HEALTH: &str = "
    UPDATE @schema SET version = version
    WHERE NOT EXISTS (SELECT 1 FROM @sessions WHERE id = '')";

/// Ends a session, and leaves the log alone.
pub(crate) const END_ONE: &str = "DELETE FROM @sessions WHERE id = $1 RETURNING id, tokens_until";

/// Lets the next look at the epoch begin another one. An operator may say this by hand.
pub(crate) const RESTORED: &str = "UPDATE @epoch SET id = 'restored'";

pub(crate) const EPOCH: &str = "SELECT id, since FROM @epoch";

/// The most sessions of a realm that end in one step: nobody waits long for it.
pub(crate) const ENDED_AT_ONCE: i64 = 1_000;

/// The most rows that a sweep deletes in one step, so that nobody waits long for it.
pub(crate) const SWEEP: u32 = 10_000;

/// The columns of [`FIND`] and [`LIST`].
pub(crate) type SessionRow = (
    String,
    String,
    String,
    Option<String>,
    Option<Vec<u8>>,
    i64,
    i64,
    i64,
    i64,
    i64,
    Vec<u8>,
    Vec<u8>,
    Option<String>,
    Option<String>,
);

/// Binds the values of [`INSERT`].
pub(crate) fn bind_insert<'q, DB>(
    query: Query<'q, DB, DB::Arguments>,
    session: &'q StoredSession,
    begun: StoreMark,
) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    i64: Value<'q, DB>,
    &'q [u8]: Value<'q, DB>,
    &'q str: Value<'q, DB>,
    Option<&'q [u8]>: Value<'q, DB>,
    Option<&'q str>: Value<'q, DB>,
    Option<String>: Value<'q, DB>,
    Vec<u8>: Value<'q, DB>,
{
    query
        .bind(session.id.as_str())
        .bind(session.realm.as_str())
        .bind(session.subject.as_str())
        .bind(session.label.as_deref())
        .bind(session.binding.as_ref().map(bytes))
        .bind(session.created_at)
        .bind(session.last_used_at)
        .bind(session.expires_at)
        .bind(session.absolute_expires_at)
        .bind(session.tokens_until)
        .bind(bytes(&session.current))
        .bind(PreviousToken::list_to_bytes(&session.previous))
        .bind(session.details.to_json())
        .bind(session.data.as_deref())
        .bind(number(begun))
}

/// Binds the values of [`ROTATE`].
pub(crate) fn bind_rotate<'q, DB>(
    query: Query<'q, DB, DB::Arguments>,
    from: &'q TokenHash,
    next: &'q StoredSession,
) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    i64: Value<'q, DB>,
    &'q [u8]: Value<'q, DB>,
    &'q str: Value<'q, DB>,
    Vec<u8>: Value<'q, DB>,
{
    query
        .bind(next.id.as_str())
        .bind(bytes(from))
        .bind(next.last_used_at)
        .bind(next.expires_at)
        .bind(next.tokens_until)
        .bind(bytes(&next.current))
        .bind(PreviousToken::list_to_bytes(&next.previous))
}

/// A value that can be bound to a statement.
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

/// Reads the epoch.
pub(crate) fn epoch((id, since): (Option<String>, Option<i64>)) -> StoreEpoch {
    StoreEpoch::new(id.unwrap_or_default(), since)
}

/// Checks how many rows [`RESTORED`] has written.
pub(crate) fn check_restored(written: u64) -> Result<(), StoreError> {
    match written {
        1 => Ok(()),
        _ => Err(StoreError::new("the table with the epoch has not one row")),
    }
}

/// Checks how many rows [`HEALTH`] has written.
pub(crate) fn check_health(written: u64) -> Result<(), StoreError> {
    match written {
        1 => Ok(()),
        _ => Err(StoreError::new(
            "the table with the version has not one row",
        )),
    }
}

/// Reads a row.
pub(crate) fn session(row: SessionRow) -> sqlx::Result<StoredSession> {
    let (
        id,
        realm,
        subject,
        label,
        binding,
        created_at,
        last_used_at,
        expires_at,
        absolute_expires_at,
        tokens_until,
        current,
        previous,
        details,
        data,
    ) = row;
    let details = SessionDetails::from_json(details.as_deref());
    let previous = PreviousToken::list_from_bytes(&previous);
    Ok(StoredSession {
        id: session_id(&id)?,
        realm: self::realm(realm)?,
        subject,
        label,
        binding: binding.as_deref().map(digest).transpose()?,
        created_at,
        last_used_at,
        expires_at,
        absolute_expires_at,
        tokens_until,
        current: digest(&current)?,
        previous: previous.ok_or_else(|| unreadable("a chain of tokens that is none"))?,
        details: details.ok_or_else(|| unreadable("details of a login that are none"))?,
        data,
    })
}

/// Reads the rest of a session that was ended.
pub(crate) fn ended((id, tokens_until): (String, i64)) -> sqlx::Result<EndedSession> {
    Ok(EndedSession {
        id: session_id(&id)?,
        tokens_until,
    })
}

/// Returns the number of a mark. One that no counter has reached is after all others.
pub(crate) fn number(mark: StoreMark) -> i64 {
    i64::try_from(mark.get()).unwrap_or(i64::MAX)
}

/// Returns the mark of a number.
pub(crate) fn mark(number: i64) -> sqlx::Result<StoreMark> {
    let number = u128::try_from(number).map_err(|_| unreadable("a number below zero"))?;
    Ok(StoreMark::new(number))
}

/// Reads a realm.
pub(crate) fn realm(name: String) -> sqlx::Result<Realm> {
    Realm::new(name).map_err(|_| unreadable("a realm that is none"))
}

/// Reads the id of a session.
pub(crate) fn session_id(text: &str) -> sqlx::Result<SessionId> {
    SessionId::parse(text).ok_or_else(|| unreadable("an id that is none"))
}

/// Makes the error of a row that this crate has not written.
pub(crate) fn unreadable(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a row holds {what}").into())
}

fn digest(bytes: &[u8]) -> sqlx::Result<TokenHash> {
    TokenHash::from_slice(bytes).ok_or_else(|| unreadable("a digest that is not 32 bytes long"))
}

fn bytes(digest: &TokenHash) -> &[u8] {
    digest.as_bytes()
}
