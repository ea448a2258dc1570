//! Tests of ending all sessions while logins race it.

use countersign::{
    revocation::{RevocationEntry, Revoked},
    session::store::{SessionStore, StoreMark},
};
use countersign_sqlx::{PostgresStore, SqliteStore};

use crate::lab::{
    Lab, NOW, OnPostgres, OnSqlite, PATIENCE, START, add, end_all, entries, id, on_both, realm,
    session, time_of_day,
};

#[tokio::test(flavor = "multi_thread")]
async fn no_login_of_another_node_outlives_an_end_of_all_that_it_races() {
    async fn check(lab: &impl Lab, other: impl SessionStore) {
        for round in 0..50 {
            let begun = other.mark().await.unwrap();
            let login = |number: u32| {
                let node = other.clone();
                let session = session(round * 10 + number);
                tokio::spawn(async move { node.insert(&session, begun).await.unwrap() })
            };
            let logins: Vec<_> = (0..5).map(login).collect();
            let ended = end_all(lab.store(), "ada").await;
            for (number, login) in (0..5).zip(logins) {
                let id = id(round * 10 + number);
                let added = login.await.unwrap();
                assert!(lab.store().find(&id).await.unwrap().is_none(), "{round}");
                assert!(added || ended.iter().all(|ended| ended.id != id), "{round}");
            }
        }
    }
    let postgres = async |lab: OnPostgres| {
        let other = PostgresStore::connect(&lab.url).await.unwrap();
        check(&lab, other).await;
    };
    let sqlite = async |lab: OnSqlite| {
        let other = SqliteStore::open(lab.folder.file()).await.unwrap();
        check(&lab, other).await;
    };
    on_both(postgres, sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_waits_while_all_sessions_end_is_taken_back() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    let begun = lab.store.mark().await.unwrap();
    // Another transaction has put a row in its way, and has not committed it.
    let mut block = lab.pool.begin().await.unwrap();
    let row = "INSERT INTO countersign_sessions
                   (id, realm, subject, created_at, last_used_at, expires_at, absolute_expires_at,
                    tokens_until, current, previous)
               VALUES ($1, 'a', 'eve', 0, 0, 0, 0, 0, '', '')";
    let row = sqlx::query(row).bind(id(1).to_string());
    row.execute(&mut *block).await.unwrap();
    let login = tokio::spawn({
        let store = lab.store.clone();
        async move { store.insert(&session(1), begun).await.unwrap() }
    });
    lab.until_waiting(1).await;
    // It does not see the row, which comes later.
    assert_eq!(end_all(&lab.store, "ada").await, []);
    block.rollback().await.unwrap();
    assert!(!login.await.unwrap());
    assert!(lab.store.find(&id(1)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_does_not_slip_in_while_an_end_of_all_waits() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    add(&lab.store, &session(1)).await;
    let begun = lab.store.mark().await.unwrap();
    // A refresh is under way, and ending all sessions waits for its row.
    let mut refresh = lab.pool.begin().await.unwrap();
    let update = "UPDATE countersign_sessions SET expires_at = expires_at + 60";
    sqlx::query(update).execute(&mut *refresh).await.unwrap();
    let end = tokio::spawn({
        let store = lab.store.clone();
        async move { end_all(&store, "ada").await }
    });
    lab.until_waiting(1).await;
    assert!(!lab.store.insert(&session(2), begun).await.unwrap());
    refresh.commit().await.unwrap();
    assert_eq!(end.await.unwrap().len(), 1);
    assert_eq!(
        lab.number("SELECT count(*) FROM countersign_sessions")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_all_that_waits_for_its_number_reaches_the_logins_before_it() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    let begun = lab.store.mark().await.unwrap();
    let mut block = lab.pool.begin().await.unwrap();
    let number = "UPDATE countersign_counter SET last = last + 1";
    sqlx::query(number).execute(&mut *block).await.unwrap();
    let end = tokio::spawn({
        let store = lab.store.clone();
        async move { end_all(&store, "ada").await }
    });
    lab.until_waiting(1).await;
    assert!(lab.store.insert(&session(1), begun).await.unwrap());
    // A login that begins here began before the end, too.
    assert_eq!(lab.store.mark().await.unwrap(), begun);
    block.commit().await.unwrap();
    assert_eq!(end.await.unwrap().len(), 1);
    assert!(!lab.store.insert(&session(2), begun).await.unwrap());
    let after = lab.store.mark().await.unwrap();
    assert!(lab.store.insert(&session(2), after).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_all_that_fails_half_way_refuses_logins_and_can_be_done_again() {
    const BROKEN: &str = "ALTER TABLE countersign_revocations RENAME TO elsewhere";
    const MENDED: &str = "ALTER TABLE elsewhere RENAME TO countersign_revocations";

    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    add(&lab.store, &session(1)).await;
    lab.run(BROKEN).await;
    let failed = lab.store.end_all(&realm(), "ada", NOW, NOW).await;
    failed.unwrap_err();
    lab.run(MENDED).await;
    assert!(lab.store.find(&id(1)).await.unwrap().is_some());
    assert!(!lab.store.insert(&session(2), START).await.unwrap());
    assert_eq!(end_all(&lab.store, "ada").await.len(), 1);
    assert_eq!(entries(&lab.store).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_all_is_remembered_for_two_hours_of_the_database() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        end_all(store, "ada").await;
        let count = "SELECT count(*) FROM countersign_endings";
        // A node whose clock is a day ahead, and one whose clock is years behind.
        let now = time_of_day();
        for (age, clock, left) in [
            (0, now + 86_400, 1),
            (7_100, now + 86_400, 1),
            (7_300, NOW, 1),
            (7_300, i64::MIN, 1),
            (7_300, now, 0),
        ] {
            let ended_at = now - age;
            lab.run(&format!(
                "UPDATE countersign_endings SET ended_at = {ended_at}"
            ))
            .await;
            store.sweep(clock).await.unwrap();
            assert_eq!(lab.number(count).await, left, "{age} {clock}");
            let added = store.insert(&session(1), START).await.unwrap();
            assert_eq!(added, left == 0);
        }
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_end_of_all_is_the_one_that_counts() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        let mut begun = Vec::new();
        for _ in 0..3 {
            begun.push(store.mark().await.unwrap());
            end_all(store, "ada").await;
            end_all(store, "bob").await;
        }
        for begun in begun {
            assert!(!store.insert(&session(1), begun).await.unwrap());
        }
        assert_eq!(
            lab.number("SELECT count(*) FROM countersign_endings").await,
            2
        );
        // Higher than any number of this database: it has lost some, which can concern the login.
        let begun = StoreMark::new(u128::MAX);
        assert!(!store.insert(&session(1), begun).await.unwrap());
        let begun = store.mark().await.unwrap();
        assert!(store.insert(&session(1), begun).await.unwrap());
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn end_all_takes_any_number_of_seconds() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        for (issued_before, until) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN)] {
            add(store, &session(1)).await;
            let ended = store.end_all(&realm(), "ada", issued_before, until).await;
            assert_eq!(ended.unwrap().len(), 1);
        }
        // Its own entry and that of the subject, twice.
        assert_eq!(entries(store).await.len(), 4);
        let _ = tokio::time::timeout(PATIENCE, store.sweep(i64::MAX)).await;
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_realm_goes_on_after_others_have_ended_what_it_chose() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    let rows = "INSERT INTO countersign_sessions
                    (id, realm, subject, created_at, last_used_at, expires_at, absolute_expires_at,
                     tokens_until, current, previous)
                SELECT 'AAAAAAAAAAA' || lpad(n::text, 10, '0') || 'A', $1, 'ada', 0, 0, 0, 0, 0, '', ''
                FROM generate_series(1, 1500) AS n";
    let rows = sqlx::query(rows).bind(realm().as_str().to_owned());
    rows.execute(&lab.pool).await.unwrap();
    // A sweep is under way, and has removed some of them.
    let mut sweep = lab.pool.begin().await.unwrap();
    let delete = "DELETE FROM countersign_sessions
                  WHERE id IN (SELECT id FROM countersign_sessions WHERE realm = $1 AND created_at < 1 LIMIT 1000)";
    let delete = sqlx::query(delete).bind(realm().as_str().to_owned());
    delete.execute(&mut *sweep).await.unwrap();
    let end = tokio::spawn({
        let store = lab.store.clone();
        async move {
            let revocation = RevocationEntry {
                revoked: Revoked::Everyone {
                    realm: realm(),
                    issued_before: 0,
                },
                until: time_of_day(),
            };
            store.end_realm(&realm(), 1, 0, &revocation).await.unwrap()
        }
    });
    lab.until_waiting(1).await;
    sweep.commit().await.unwrap();
    assert_eq!(end.await.unwrap().len(), 500);
    assert_eq!(
        lab.number("SELECT count(*) FROM countersign_sessions")
            .await,
        0
    );
}
