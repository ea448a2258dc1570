//! Used proofs as rows, for both databases.

/// PostgreSQL: makes the table of used proofs.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: &str = "
    CREATE TABLE @proofs (hash BYTEA PRIMARY KEY, until BIGINT NOT NULL);
    CREATE INDEX @proofs_until ON @proofs (until);
";

/// SQLite: makes the table of used proofs.
#[cfg(feature = "sqlite")]
pub(crate) const SQLITE: &str = "
    CREATE TABLE @proofs (hash BLOB PRIMARY KEY NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX @proofs_until ON @proofs (until);
";

/// Of racers, one adds the row: the others wait for it, and add nothing. A row that is there stays as it is.
#[cfg(feature = "proof")]
pub(crate) const ADD: &str =
    "INSERT INTO @proofs (hash, until) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";

// A sweep goes by the clock of the caller and by that of the database, whichever is behind, and leaves what either of them
// may need: clocks of nodes differ by some seconds.

/// PostgreSQL: it waits for nobody. What another sweep has locked, it leaves to that.
#[cfg(all(feature = "proof", feature = "postgres"))]
pub(crate) const SWEEP_POSTGRES: &str = "
    DELETE FROM @proofs WHERE hash IN (
        SELECT hash FROM @proofs
        WHERE until < LEAST($1, floor(extract(epoch FROM now()))::bigint) - $2
        ORDER BY until LIMIT $3 FOR UPDATE SKIP LOCKED
    )";

#[cfg(all(feature = "proof", feature = "sqlite"))]
pub(crate) const SWEEP_SQLITE: &str = "
    DELETE FROM @proofs WHERE hash IN (
        SELECT hash FROM @proofs WHERE until < min($1, unixepoch()) - $2 ORDER BY until LIMIT $3
    )";
