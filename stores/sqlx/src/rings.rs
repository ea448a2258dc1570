//! Sealed rings of signing keys as rows, for both databases.

/// PostgreSQL: makes the table of sealed rings.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: &str = r#"
    CREATE TABLE @rings (name TEXT COLLATE "C" PRIMARY KEY, sealed BYTEA NOT NULL);
"#;

/// SQLite: makes the table of sealed rings.
#[cfg(feature = "sqlite")]
pub(crate) const SQLITE: &str = "
    CREATE TABLE @rings (name TEXT PRIMARY KEY NOT NULL, sealed BLOB NOT NULL) STRICT;
";

pub(crate) const READ: &str = "SELECT sealed FROM @rings WHERE name = $1";

/// Of racers, one adds the row: the others wait for it, and add nothing.
pub(crate) const ADD: &str =
    "INSERT INTO @rings (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

/// Of racers, all but the first find other bytes.
pub(crate) const REPLACE: &str = "UPDATE @rings SET sealed = $2 WHERE name = $1 AND sealed = $3";
