//! The end of the sessions of a realm in PostgreSQL.

use countersign::{
    revocation::RevocationEntry,
    session::{
        Realm,
        store::{EndedSession, StoreError},
    },
};
use sqlx::{query, query_as};

use crate::{
    PostgresStore,
    log::Columns,
    postgres::sql::{END_BEGUN_BEFORE, REMEMBER_REALM},
    rows::{self, ENDED_AT_ONCE},
};

impl PostgresStore {
    pub(super) async fn end_begun_before(
        &self,
        realm: &Realm,
        begun_before: i64,
        named_after: i64,
        revocation: &RevocationEntry,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let entry = Columns::from(revocation);
        let remember = query(self.tables.sql(REMEMBER_REALM))
            .bind(realm.as_str())
            .bind(entry.kind)
            .bind(entry.realm)
            .bind(entry.name)
            .bind(entry.issued_before)
            .bind(entry.until);
        self.run(async |connection| remember.execute(connection).await)
            .await?;
        let mut all = Vec::new();
        loop {
            let end = query_as::<_, (String, i64)>(self.tables.sql(END_BEGUN_BEFORE))
                .bind(realm.as_str())
                .bind(begun_before)
                .bind(named_after)
                .bind(ENDED_AT_ONCE);
            let ended = self
                .run(async |connection| {
                    let ended = end.fetch_all(connection).await?;
                    ended
                        .into_iter()
                        .map(rows::ended)
                        .collect::<sqlx::Result<Vec<_>>>()
                })
                .await?;
            // Others may have ended some that there were, so a step can end few, and yet not be the last.
            if ended.is_empty() {
                return Ok(all);
            }
            all.extend(ended);
        }
    }
}
