//! The statements that only PostgreSQL understands.

use crate::{
    api_keys, proofs, rings,
    schema::{POSTGRES, POSTGRES_EPOCH, Statements},
};

pub(super) const SCHEMA: Statements = Statements {
    begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
    // Until the end of the transaction. The number is this crate's own.
    lock: "SET LOCAL statement_timeout = 0;
        SET LOCAL lock_timeout = '1s';
        SELECT pg_advisory_xact_lock(7165063322180186963)",
    exists: "SELECT to_regclass('@schema') IS NOT NULL",
    has_range: "SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('@schema')
        AND attname = 'compatible_from' AND NOT attisdropped)",
    lock_tables: "LOCK TABLE @sessions, @revocations IN ACCESS EXCLUSIVE MODE",
    live: "SELECT (SELECT count(*) FROM @sessions WHERE expires_at > extract(epoch FROM now())),
        (SELECT count(*) FROM @revocations WHERE until >= floor(extract(epoch FROM now())))",
    create: POSTGRES,
    add_api_keys: api_keys::POSTGRES,
    add_proofs: proofs::POSTGRES,
    add_rings: rings::POSTGRES,
    add_epoch: POSTGRES_EPOCH,
};

/// The highest number that was given. A standby answers too, but may never hear of later changes at
/// the primary.
pub(super) const LAST: &str = "SELECT last FROM @counter WHERE NOT pg_is_in_recovery()";

/// The clock of the server, in seconds.
pub(super) const TIME: &str = "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint";

// The end of all sessions and a login that races it. Each statement sees what was committed before it
// began, but not what it waited for. So each of the two takes two statements: `end_all` commits
// `REMEMBER`, then begins `END_ALL`; `insert` commits its row, then begins `UNDO_INSERT`. At least one of
// them sees the other:
//
// * `REMEMBER` is committed before `UNDO_INSERT` begins: that sees it, and takes the row back.
// * Otherwise `UNDO_INSERT` began, and so the row was committed, before `REMEMBER` was: then `END_ALL`, which
//   begins after that, sees the row and removes it.
//
// `REMEMBER` takes its number from the counter and locks it, so a mark that was read before it was
// committed is lower. A node that dies between its two statements leaves a row whose token nobody has
// got, or a subject whose logins under way are refused.

/// Records that all sessions of the subject end now, in the order of events.
pub(super) const REMEMBER: &str = "
    WITH place AS (
        UPDATE @counter SET last = last + 1 RETURNING last
    )
    INSERT INTO @endings (realm, subject, number, ended_at)
    VALUES ($1, $2, (SELECT last FROM place), floor(extract(epoch FROM now()))::bigint)
    ON CONFLICT (realm, subject)
    DO UPDATE SET number = excluded.number, ended_at = excluded.ended_at";

/// A single statement on a single row: of racers, all but the first find other data.
pub(super) const SET_DATA: &str =
    "UPDATE @sessions SET data = $3 WHERE id = $1 AND data IS NOT DISTINCT FROM $2";

/// Takes a new row back where all sessions of the subject, or of the realm (`''`), were ended after the mark. If there is no row any
/// more, that has removed it.
pub(super) const UNDO_INSERT: &str = "
    DELETE FROM @sessions WHERE id = $1 AND EXISTS (
        SELECT 1 FROM @endings WHERE realm = $2 AND subject IN ($3, '') AND number > $4
    )";

// In each statement below, `place` comes first: it waits for the row of the counter, and locks it
// until the statement is committed. So entries appear in the order of their numbers (see `log`),
// and two statements never wait for each other. Without that row the number is null, which the
// table refuses.

/// If the tokens of the session live for longer than the entry lasts, it logs another that lasts as
/// long.
pub(super) const END: &str = "
    WITH place AS (
        UPDATE @counter SET last = last + 1 RETURNING last
    ), gone AS (
        DELETE FROM @sessions
        WHERE id = $1 AND (SELECT last FROM place) IS NOT NULL
        RETURNING id, tokens_until
    ), entry AS (
        INSERT INTO @revocations (id, kind, realm, name, issued_before, until)
        SELECT (SELECT last FROM place), $2, $3, $4, $5, $6
        WHERE NOT EXISTS (SELECT 1 FROM gone WHERE tokens_until > $6)
        UNION ALL
        SELECT (SELECT last FROM place), 1, NULL, id, NULL, tokens_until
        FROM gone WHERE tokens_until > $6
    )
    SELECT id, tokens_until FROM gone";

/// It takes a number for each session that it sees, and needs no more than that.
pub(super) const END_ALL: &str = "
    WITH place AS (
        UPDATE @counter SET last = last + 1 + (
            SELECT count(*) FROM @sessions WHERE realm = $1 AND subject = $2
        )
        RETURNING last
    ), gone AS (
        DELETE FROM @sessions
        WHERE realm = $1 AND subject = $2 AND (SELECT last FROM place) IS NOT NULL
        RETURNING id, tokens_until
    ), entries AS (
        INSERT INTO @revocations (id, kind, realm, name, issued_before, until)
        SELECT (SELECT last FROM place), 3, $1, $2, $3, $4
        UNION ALL
        SELECT (SELECT last FROM place) - row_number() OVER (), 1, NULL, id, NULL, tokens_until
        FROM gone
    )
    SELECT id, tokens_until FROM gone";

/// Records that all sessions of the realm end now, in the order of events, and logs that. As `REMEMBER`, it is committed
/// before the sessions are looked for; and nobody gets a token of one that is revoked and not ended.
pub(super) const REMEMBER_REALM: &str = "
    WITH place AS (
        UPDATE @counter SET last = last + 1 RETURNING last
    ), remembered AS (
        INSERT INTO @endings (realm, subject, number, ended_at)
        VALUES ($1, '', (SELECT last FROM place), floor(extract(epoch FROM now()))::bigint)
        ON CONFLICT (realm, subject)
        DO UPDATE SET number = excluded.number, ended_at = excluded.ended_at
    )
    INSERT INTO @revocations (id, kind, realm, name, issued_before, until)
    SELECT (SELECT last FROM place), $2, $3, $4, $5, $6";

/// Ends some sessions of the realm that began before a time. It takes a number for each that it may end, and logs those
/// whose tokens live longer than the revocation of the realm covers. As it locks what it chooses, it chooses others for
/// those that somebody else has ended meanwhile: it ends none only where none is left.
pub(super) const END_BEGUN_BEFORE: &str = "
    WITH place AS (
        UPDATE @counter SET last = last + $4 RETURNING last
    ), gone AS (
        DELETE FROM @sessions
        WHERE id IN (
            SELECT id FROM @sessions
            WHERE realm = $1 AND created_at < $2 AND (SELECT last FROM place) IS NOT NULL
            LIMIT $4 FOR UPDATE
        ) AND (SELECT last FROM place) IS NOT NULL
        RETURNING id, tokens_until
    ), entries AS (
        INSERT INTO @revocations (id, kind, realm, name, issued_before, until)
        SELECT (SELECT last FROM place) + 1 - row_number() OVER (), 1, NULL, id, NULL, tokens_until
        FROM gone WHERE tokens_until > $3
    )
    SELECT id, tokens_until FROM gone";

/// The history of the server's writes: another one after a promotion, and after a recovery to a point in time. An error
/// on a standby. Every role may ask.
pub(super) const TIMELINE: &str = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";

/// The cluster that the server was initialised as: another one where a dump was restored.
pub(super) const CLUSTER: &str = "SELECT system_identifier::text FROM pg_control_system()";

/// Begins another epoch, if its name is another one: the cluster ($2) and its timeline ($1). A role that may not know
/// one of them leaves the name that others have written.
pub(super) const NEXT_EPOCH: &str = "
    UPDATE @epoch
    SET id = next.id,
        since = CASE WHEN @epoch.id IS NULL THEN NULL ELSE floor(extract(epoch FROM clock_timestamp()))::bigint END
    FROM (
        SELECT COALESCE(
            $2::text || ' ' || $1::text,
            CASE WHEN id LIKE '% ' || $1::text THEN id END,
            $1::text,
            NULLIF(id, 'restored'),
            'unknown'
        ) AS id
        FROM @epoch
    ) AS next
    WHERE @epoch.id IS DISTINCT FROM next.id";

pub(super) const APPEND: &str = "
    WITH place AS (
        UPDATE @counter SET last = last + cardinality($1) RETURNING last
    )
    INSERT INTO @revocations (id, kind, realm, name, issued_before, until)
    SELECT (SELECT last FROM place) - cardinality($1) + nth, kind, realm, name, issued_before, until
    FROM unnest($1, $2, $3, $4, $5)
        WITH ORDINALITY AS entry (kind, realm, name, issued_before, until, nth)";

// A sweep waits for nobody: what another has locked, it leaves to the next sweep. It goes by the clock of
// the caller and by that of the server, whichever is behind.

pub(super) const SWEEP_SESSIONS: &str = "
    DELETE FROM @sessions WHERE id IN (
        SELECT id FROM @sessions
        WHERE expires_at <= LEAST($1, floor(extract(epoch FROM now()))::bigint)
        LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

/// The newest entry stays: those who have read it need it to know where they are.
pub(super) const SWEEP_REVOCATIONS: &str = "
    DELETE FROM @revocations WHERE id IN (
        SELECT id FROM @revocations
        WHERE until < LEAST($1, floor(extract(epoch FROM now()))::bigint)
            AND id < (SELECT max(id) FROM @revocations)
        LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

/// Two hours: no login takes longer than one.
pub(super) const SWEEP_ENDINGS: &str = "
    DELETE FROM @endings WHERE (realm, subject) IN (
        SELECT realm, subject FROM @endings
        WHERE ended_at < LEAST($1, floor(extract(epoch FROM now()))::bigint - 7200)
        LIMIT $2 FOR UPDATE SKIP LOCKED
    )";
