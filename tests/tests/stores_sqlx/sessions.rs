//! Atomic steps, racers, sweeps.

use countersign::{RevocationEntry, Revoked, SessionStore, StoredSession};
use countersign_sqlx::PostgresStore;
use sqlx::PgPool;

use crate::lab::{
    Lab, NOW, OnPostgres, PATIENCE, digest, entries, id, on_both, refreshed, session,
};

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_racers_exactly_one_rotates() {
    async fn check(lab: impl Lab) {
        for number in 0..10 {
            let first = session(number);
            lab.store().insert(&first).await.unwrap();
            let race = |racer| {
                let (store, next) = (lab.store().clone(), refreshed(&first, digest(racer)));
                tokio::spawn(async move { store.rotate(&digest(0), &next).await.unwrap() })
            };
            let racers: Vec<_> = (1..=50).map(|racer| (racer, race(racer))).collect();
            let mut winners = Vec::new();
            for (racer, race) in racers {
                if race.await.unwrap() {
                    winners.push(racer);
                }
            }
            let [winner] = winners[..] else {
                panic!("{winners:?}");
            };
            let found = lab.store().find(&id(number)).await.unwrap().unwrap();
            assert!(found == refreshed(&first, digest(winner)));
        }
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_isolation_level_of_the_database_makes_no_racer_fail() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    lab.run(
        "DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable',
                           current_database());
         END $$",
    )
    .await;
    let connected = PostgresStore::connect(&lab.url).await.unwrap();
    assert_eq!(race(&connected, 1).await, (1, 49, 0));

    // A pool that leaves it like that gets errors, and never a second winner.
    let pool = PgPool::connect(&lab.url).await.unwrap();
    let (won, lost, failed) = race(&PostgresStore::from_pool(pool), 2).await;
    assert_eq!((won, lost + failed), (1, 49));
}

/// How many of fifty racers win, lose, and fail.
async fn race(store: &PostgresStore, number: u32) -> (u32, u32, u32) {
    let first = session(number);
    store.insert(&first).await.unwrap();
    let race = |racer| {
        let (store, next) = (store.clone(), refreshed(&first, digest(racer)));
        tokio::spawn(async move { store.rotate(&digest(0), &next).await })
    };
    let racers: Vec<_> = (1..=50).map(race).collect();
    let (mut won, mut lost, mut failed) = (0, 0, 0);
    for racer in racers {
        match racer.await.unwrap() {
            Ok(true) => won += 1,
            Ok(false) => lost += 1,
            Err(_) => failed += 1,
        }
    }
    (won, lost, failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_changes_what_it_may_and_nothing_else() {
    async fn check(lab: impl Lab) {
        let mut first = session(1);
        first.label = Some("phone".into());
        first.binding = Some(digest(7));
        lab.store().insert(&first).await.unwrap();
        lab.store().insert(&session(2)).await.unwrap();
        let next = refreshed(&first, digest(1));
        let mut odd = next.clone();
        odd.subject = "eve".into();
        odd.label = None;
        odd.binding = None;
        odd.created_at += 1;
        odd.absolute_expires_at += 1;
        assert!(!lab.store().rotate(&digest(1), &odd).await.unwrap());
        assert!(lab.store().rotate(&digest(0), &odd).await.unwrap());
        assert!(lab.store().find(&id(1)).await.unwrap() == Some(next));
        assert!(lab.store().find(&id(2)).await.unwrap() == Some(session(2)));
        odd.id = id(3);
        assert!(!lab.store().rotate(&digest(0), &odd).await.unwrap());
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_put_into_the_log_is_not_ended() {
    const BROKEN: &str = "ALTER TABLE countersign_revocations RENAME TO elsewhere";
    const MENDED: &str = "ALTER TABLE elsewhere RENAME TO countersign_revocations";

    async fn check(lab: impl Lab) {
        let store = lab.store();
        store.insert(&session(1)).await.unwrap();
        lab.run(BROKEN).await;
        store.end(&id(1), NOW + 900).await.unwrap_err();
        store.end_all("ada", NOW, NOW + 900).await.unwrap_err();
        lab.run(MENDED).await;
        assert!(store.find(&id(1)).await.unwrap().is_some());
        assert!(entries(store).await.is_empty());

        assert!(store.end(&id(1), NOW + 900).await.unwrap());
        assert!(store.find(&id(1)).await.unwrap().is_none());
        assert_eq!(entries(store).await, [ended(1, NOW + 900)]);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_all_logs_the_subject_and_each_session_that_it_removed() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        let mut other = session(9);
        other.subject = "bob".into();
        for session in [session(1), session(2), session(3), other] {
            store.insert(&session).await.unwrap();
        }
        assert!(store.end(&id(2), NOW + 1).await.unwrap());
        assert!(!store.end(&id(2), NOW + 2).await.unwrap());
        let mut gone = store.end_all("ada", NOW, NOW + 3).await.unwrap();
        gone.sort();
        assert_eq!(gone, [id(1), id(3)]);
        assert!(store.list("ada", NOW).await.unwrap().is_empty());
        assert!(store.find(&id(9)).await.unwrap().is_some());
        assert!(
            store
                .end_all("ada", NOW + 5, NOW + 4)
                .await
                .unwrap()
                .is_empty()
        );

        let mut logged = entries(store).await;
        // In any order within the step.
        logged[2..5].sort_by_key(|entry| match &entry.revoked {
            Revoked::Session(id) => id.to_string(),
            _ => String::new(),
        });
        assert_eq!(
            logged,
            [
                ended(2, NOW + 1),
                ended(2, NOW + 2),
                all_ended(NOW, NOW + 3),
                ended(1, NOW + 3),
                ended(3, NOW + 3),
                all_ended(NOW + 5, NOW + 4),
            ]
        );
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_slips_past_the_end_of_all_by_being_refreshed() {
    async fn check(lab: impl Lab) {
        for _ in 0..10 {
            for number in 0..20 {
                lab.store().insert(&session(number)).await.unwrap();
            }
            let refresh = |number| {
                let store = lab.store().clone();
                tokio::spawn(async move {
                    let mut now = session(number);
                    for step in 1.. {
                        let next = refreshed(&now, digest(step));
                        if !store.rotate(&now.current, &next).await.unwrap() {
                            return;
                        }
                        now = next;
                    }
                })
            };
            let clients: Vec<_> = (0..20).map(refresh).collect();
            let gone = lab.store().end_all("ada", NOW, NOW).await.unwrap();
            assert_eq!(gone.len(), 20);
            assert!(lab.store().list("ada", 0).await.unwrap().is_empty());
            for client in clients {
                client.await.unwrap();
            }
            assert!(lab.store().list("ada", 0).await.unwrap().is_empty());
        }
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_all_waits_for_a_refresh_that_is_under_way() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    for number in [1, 2] {
        lab.store.insert(&session(number)).await.unwrap();
    }
    let mut refresh = lab.pool.begin().await.unwrap();
    let update = "UPDATE countersign_sessions SET expires_at = expires_at + 60 WHERE id = $1";
    let update = sqlx::query(update).bind(id(1).to_string());
    update.execute(&mut *refresh).await.unwrap();
    let store = lab.store.clone();
    let end = tokio::spawn(async move { store.end_all("ada", NOW, NOW).await.unwrap() });
    lab.until_waiting(1).await;
    refresh.commit().await.unwrap();
    assert_eq!(end.await.unwrap().len(), 2);
    assert_eq!(
        lab.number("SELECT count(*) FROM countersign_sessions")
            .await,
        0
    );
    assert_eq!(entries(&lab.store).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_sweeps_and_refreshes_at_once_never_block_each_other_for_good() {
    async fn check(lab: impl Lab) {
        let mut tasks = Vec::new();
        for round in 0..5_u32 {
            let numbers = round * 20..(round + 1) * 20;
            for number in numbers.clone() {
                lab.store().insert(&session(number)).await.unwrap();
            }
            for number in numbers.clone() {
                let store = lab.store().clone();
                tasks.push(tokio::spawn(async move {
                    let next = refreshed(&session(number), digest(1));
                    store.rotate(&digest(0), &next).await.unwrap();
                    store.end(&id(number), NOW).await.unwrap();
                }));
            }
            for _ in 0..4 {
                let store = lab.store().clone();
                tasks.push(tokio::spawn(async move {
                    store.end_all("ada", NOW, NOW).await.unwrap();
                    store.sweep(NOW + 3_600).await.unwrap();
                }));
            }
        }
        for task in tasks {
            tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
        }
        assert!(lab.store().list("ada", 0).await.unwrap().is_empty());
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_removes_what_has_expired_and_keeps_the_rest() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        for (number, expires_at) in [(1, NOW - 1), (2, NOW), (3, NOW + 1)] {
            let session = StoredSession {
                expires_at,
                ..session(number)
            };
            store.insert(&session).await.unwrap();
            store.end(&id(100 + number), expires_at).await.unwrap();
        }
        assert_eq!(store.sweep(NOW).await.unwrap(), 2);
        let left = store.list("ada", 0).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].id, id(3));
        assert_eq!(entries(store).await, [ended(102, NOW), ended(103, NOW + 1)]);
        assert_eq!(store.sweep(NOW).await.unwrap(), 0);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_takes_as_many_steps_as_it_needs() {
    async fn check<L: Lab>(lab: L) {
        let digest = L::bytes(&"00".repeat(32));
        lab.run(&format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 25000)
             INSERT INTO countersign_sessions
                (id, subject, created_at, last_used_at, expires_at, absolute_expires_at, current)
             SELECT 'row ' || n, 'ada', 0, 0, 0, 0, {digest} FROM numbers"
        ))
        .await;
        lab.store().insert(&session(1)).await.unwrap();
        assert_eq!(lab.store().sweep(NOW).await.unwrap(), 25_000);
        assert_eq!(
            lab.number("SELECT count(*) FROM countersign_sessions")
                .await,
            1
        );
    }
    on_both(check, check).await;
}

fn ended(number: u32, until: i64) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Session(id(number)),
        until,
    }
}

fn all_ended(issued_before: i64, until: i64) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Subject {
            subject: "ada".into(),
            issued_before,
        },
        until,
    }
}
