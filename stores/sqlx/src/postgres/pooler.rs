//! A connection pooler between the store and PostgreSQL.

use sqlx::{
    ConnectOptions, Connection, PgConnection,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgDatabaseError},
};

use crate::SetupError;

/// Refuses a pooler that gives one connection to PostgreSQL to several of ours, as PgBouncer does in
/// transaction mode: prepared statements and settings of a session do not survive it.
///
/// A statement that is prepared on one connection is prepared on another: there, its name is taken, if both
/// are the same to PostgreSQL. A pooler that keeps them apart passes.
pub(super) async fn check(options: &PgConnectOptions) -> Result<(), SetupError> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(connect(options).await?);
    }
    for connection in &mut connections {
        let prepared = sqlx::query("SELECT 1").persistent(true);
        prepared.execute(connection).await.map_err(explain)?;
    }
    for connection in connections {
        connection.close().await?;
    }
    Ok(())
}

/// Connects, and explains why a pooler refuses.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, SetupError> {
    options.connect().await.map_err(explain)
}

/// Recognises the errors that only a pooler causes.
pub(super) fn explain(error: sqlx::Error) -> SetupError {
    let database = error
        .as_database_error()
        .and_then(<dyn DatabaseError>::try_downcast_ref::<PgDatabaseError>);
    let is_pooler = database.is_some_and(|error| {
        [DUPLICATE_STATEMENT, UNKNOWN_STATEMENT].contains(&error.code())
            || error.message().contains("unsupported startup parameter")
    });
    match is_pooler {
        true => SetupError::Pooler(error),
        false => SetupError::Database(error),
    }
}

/// Two that are alike to PostgreSQL. Where the pooler has more of them, other stores have prepared there already.
const CONNECTIONS: usize = 2;

/// `duplicate_prepared_statement` (PostgreSQL, appendix A).
const DUPLICATE_STATEMENT: &str = "42P05";
/// `invalid_sql_statement_name`: what was prepared on another connection.
const UNKNOWN_STATEMENT: &str = "26000";
