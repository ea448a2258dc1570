//! The end of the sessions of a realm in SQLite.

use countersign::{
    revocation::RevocationEntry,
    session::{
        Realm,
        store::{EndedSession, StoreError},
    },
};
use sqlx::{query, query_as};

use crate::{
    SqliteStore,
    rows::{self, ENDED_AT_ONCE},
    sqlite::sql::{BEGIN, END_BEGUN_BEFORE, REMEMBER},
};

impl SqliteStore {
    pub(super) async fn end_begun_before(
        &self,
        realm: &Realm,
        begun_before: i64,
        named_after: i64,
        revocation: &RevocationEntry,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let remember = async {
            let mut step = self.pool.begin_with(BEGIN).await?;
            let number = self.place(&mut step).await?;
            // No subject is empty: this one stands for all.
            query(self.tables.sql(REMEMBER))
                .bind(realm.as_str())
                .bind("")
                .bind(number)
                .execute(&mut *step)
                .await?;
            self.add(&mut step, revocation).await?;
            step.commit().await
        };
        self.write(remember).await?;
        let mut all = Vec::new();
        loop {
            let end = async {
                let mut step = self.pool.begin_with(BEGIN).await?;
                let end = query_as(self.tables.sql(END_BEGUN_BEFORE))
                    .bind(realm.as_str())
                    .bind(begun_before)
                    .bind(ENDED_AT_ONCE);
                let ended = end.fetch_all(&mut *step).await?;
                let ended = ended.into_iter().map(rows::ended);
                let ended: Vec<EndedSession> = ended.collect::<sqlx::Result<_>>()?;
                for session in ended.iter().filter(|one| one.tokens_until > named_after) {
                    self.add(&mut step, &session.revocation()).await?;
                }
                step.commit().await?;
                Ok(ended)
            };
            let ended = self.write(end).await?;
            if ended.is_empty() {
                return Ok(all);
            }
            all.extend(ended);
        }
    }
}
