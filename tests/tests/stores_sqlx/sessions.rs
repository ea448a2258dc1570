//! Tests of atomic steps, races and sweeps.

use countersign::{
    revocation::{RevocationEntry, RevocationLog, Revoked},
    session::store::{EndedSession, SessionStore, StoredSession},
};
use countersign_sqlx::PostgresStore;
use sqlx::PgPool;

use crate::lab::{
    Lab, NOW, OnPostgres, PATIENCE, add, digest, end, end_all, ended, entries, id, on_both, realm,
    refreshed, session, time_of_day, token,
};

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_racers_exactly_one_rotates() {
    async fn check(lab: impl Lab) {
        for number in 0..10 {
            let first = session(number);
            add(lab.store(), &first).await;
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

    // A pool that stays this way gets errors, and never a second winner.
    let pool = PgPool::connect(&lab.url).await.unwrap();
    let (won, lost, failed) = race(&PostgresStore::from_pool(pool), 2).await;
    assert_eq!((won, lost + failed), (1, 49));
}

/// Returns how many of fifty racers win, lose, and fail.
async fn race(store: &PostgresStore, number: u32) -> (u32, u32, u32) {
    let first = session(number);
    add(store, &first).await;
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
        add(lab.store(), &first).await;
        add(lab.store(), &session(2)).await;
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
        add(store, &session(1)).await;
        lab.run(BROKEN).await;
        let entry = ended(1, NOW + 900);
        store.end(&id(1), Some(&entry)).await.unwrap_err();
        let end_all = store.end_all(&realm(), "ada", NOW, NOW + 900).await;
        end_all.unwrap_err();
        lab.run(MENDED).await;
        assert!(store.find(&id(1)).await.unwrap().is_some());
        assert!(entries(store).await.is_empty());

        assert!(end(store, 1, NOW + 900).await);
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
            add(store, &session).await;
        }
        assert!(end(store, 2, NOW + 1).await);
        assert!(!end(store, 2, NOW + 2).await);
        let gone = store.end_all(&realm(), "ada", NOW, NOW + 3).await;
        let mut gone = gone.unwrap();
        gone.sort();
        let expected = [1, 3].map(|number| EndedSession {
            id: id(number),
            tokens_until: NOW + 900,
        });
        assert_eq!(gone, expected);
        assert!(store.list(&realm(), "ada", NOW).await.unwrap().is_empty());
        assert!(store.find(&id(9)).await.unwrap().is_some());
        assert!(
            store
                .end_all(&realm(), "ada", NOW + 5, NOW + 4)
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
                // As long as its tokens live, which is longer than was requested.
                ended(2, NOW + 900),
                ended(2, NOW + 2),
                all_ended(NOW, NOW + 3),
                ended(1, NOW + 900),
                ended(3, NOW + 900),
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
                add(lab.store(), &session(number)).await;
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
            let gone = end_all(lab.store(), "ada").await;
            assert_eq!(gone.len(), 20);
            assert!(
                lab.store()
                    .list(&realm(), "ada", 0)
                    .await
                    .unwrap()
                    .is_empty()
            );
            for client in clients {
                client.await.unwrap();
            }
            assert!(
                lab.store()
                    .list(&realm(), "ada", 0)
                    .await
                    .unwrap()
                    .is_empty()
            );
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
        add(&lab.store, &session(number)).await;
    }
    let mut refresh = lab.pool.begin().await.unwrap();
    let update = "UPDATE countersign_sessions SET expires_at = expires_at + 60 WHERE id = $1";
    let update = sqlx::query(update).bind(id(1).to_string());
    update.execute(&mut *refresh).await.unwrap();
    let store = lab.store.clone();
    let end = tokio::spawn(async move { end_all(&store, "ada").await });
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
                // Refused or not, depending on the timing.
                let begun = lab.store().mark().await.unwrap();
                lab.store().insert(&session(number), begun).await.unwrap();
            }
            for number in numbers.clone() {
                let store = lab.store().clone();
                tasks.push(tokio::spawn(async move {
                    let next = refreshed(&session(number), digest(1));
                    store.rotate(&digest(0), &next).await.unwrap();
                    end(&store, number, NOW).await;
                }));
            }
            for _ in 0..4 {
                let store = lab.store().clone();
                tasks.push(tokio::spawn(async move {
                    end_all(&store, "ada").await;
                    store.sweep(NOW + 3_600).await.unwrap();
                }));
            }
        }
        for task in tasks {
            tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
        }
        assert!(
            lab.store()
                .list(&realm(), "ada", 0)
                .await
                .unwrap()
                .is_empty()
        );
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
            add(store, &session).await;
            end(store, 100 + number, expires_at).await;
        }
        assert_eq!(store.sweep(NOW).await.unwrap(), 2);
        let left = store.list(&realm(), "ada", 0).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].id, id(3));
        assert_eq!(entries(store).await, [ended(102, NOW), ended(103, NOW + 1)]);
        assert_eq!(store.sweep(NOW).await.unwrap(), 0);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_clock_is_a_day_ahead_sweeps_nothing_that_lives() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        let now = time_of_day();
        let live = StoredSession {
            expires_at: now + 3_600,
            ..session(1)
        };
        add(store, &live).await;
        add(store, &session(2)).await;
        let entries_of_both = [ended(3, now - 10), ended(4, now + 900), ended(5, now + 900)];
        store.append(&entries_of_both).await.unwrap();
        assert_eq!(store.sweep(now + 86_400).await.unwrap(), 1);
        assert!(store.find(&id(1)).await.unwrap() == Some(live));
        assert_eq!(entries(store).await, entries_of_both[1..]);

        // A sweep with a clock that is behind leaves the sessions that have not expired by it.
        add(store, &session(2)).await;
        assert_eq!(store.sweep(NOW).await.unwrap(), 0);
        assert!(store.find(&id(2)).await.unwrap().is_some());
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_logs_the_entry_that_it_is_given_or_none() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        let joint = RevocationEntry {
            revoked: Revoked::Subject {
                realm: realm(),
                subject: "ada".into(),
                issued_before: NOW,
            },
            until: i64::MAX,
        };
        for entry in [
            None,
            Some(&joint),
            Some(&token("a")),
            Some(&ended(1, i64::MIN)),
        ] {
            let session = StoredSession {
                tokens_until: entry.map_or(NOW, |entry| entry.until),
                ..session(1)
            };
            add(store, &session).await;
            assert!(store.end(&id(1), entry).await.unwrap().is_some());
            assert!(store.find(&id(1)).await.unwrap().is_none());
        }
        let logged = entries(store).await;
        assert_eq!(logged, [joint, token("a"), ended(1, i64::MIN)]);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_tokens_have_expired_is_logged_too() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        for (number, tokens_until) in [(1, NOW - 1), (2, NOW)] {
            let session = StoredSession {
                tokens_until,
                ..session(number)
            };
            add(store, &session).await;
        }
        assert_eq!(end_all(store, "ada").await.len(), 2);
        let mut logged = entries(store).await;
        logged.retain(|entry| *entry != all_ended(NOW, NOW));
        // Other nodes can have other clocks.
        assert_eq!(logged.len(), 2);
        for (number, until) in [(1, NOW - 1), (2, NOW)] {
            assert!(logged.contains(&ended(number, until)));
        }
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
                (id, realm, subject, created_at, last_used_at, expires_at, absolute_expires_at, tokens_until,
                 current, previous)
             SELECT 'row ' || n, 'a', 'ada', 0, 0, 0, 0, 0, {digest}, {digest} FROM numbers"
        ))
        .await;
        add(lab.store(), &session(1)).await;
        assert_eq!(lab.store().sweep(NOW).await.unwrap(), 25_000);
        assert_eq!(
            lab.number("SELECT count(*) FROM countersign_sessions")
                .await,
            1
        );
    }
    on_both(check, check).await;
}

fn all_ended(issued_before: i64, until: i64) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Sessionless {
            realm: realm(),
            subject: "ada".into(),
            issued_before,
        },
        until,
    }
}
