//! Sealed rings of signing keys as rows, for both databases.

/// PostgreSQL: makes version 4 of version 3, whose programs go on beside it, as those of version 2 do.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: &str = r#"
    CREATE TABLE @rings (name TEXT COLLATE "C" PRIMARY KEY, sealed BYTEA NOT NULL);
    UPDATE @schema SET version = 4, compatible_from = 2;
"#;

/// SQLite: makes version 4 of version 3, whose programs go on beside it, as those of version 2 do.
#[cfg(feature = "sqlite")]
pub(crate) const SQLITE: &str = "
    CREATE TABLE @rings (name TEXT PRIMARY KEY NOT NULL, sealed BLOB NOT NULL) STRICT;
    UPDATE @schema SET version = 4, compatible_from = 2;
";

pub(crate) const READ: &str = "SELECT sealed FROM @rings WHERE name = $1";

/// Of racers, one adds the row: the others wait for it, and add nothing.
pub(crate) const ADD: &str =
    "INSERT INTO @rings (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

/// Of racers, all but the first find other bytes.
pub(crate) const REPLACE: &str = "UPDATE @rings SET sealed = $2 WHERE name = $1 AND sealed = $3";
