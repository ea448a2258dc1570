//! Tests of ending sessions, and of the entries in the log.

use std::{io, sync::Arc};

use countersign::{
    revocation::{RevocationEntry, RevocationLog, Revoked},
    session::{
        Realm,
        store::{SessionStore, StoreCapabilities, StoreMark, StoredSession},
    },
};
use countersign_redis::RedisStore;
use countersign_tests::services::Redis;

use crate::lab::{START, add, all, connect, ending, id, now, on_runtime, realm, revoked, session};

/// The retention of the default settings, in seconds.
const RETENTION: i64 = 25 * 3_600;

#[test]
fn what_ends_is_in_the_log_and_nothing_else_is() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let until = now() + 950;
        for number in 0..4 {
            add(&store, &session(number, "ann")).await;
        }
        add(&store, &session(9, "bob")).await;

        assert!(
            store
                .end(&id(0), Some(&ending(0, until)))
                .await
                .unwrap()
                .is_some()
        );
        assert!(
            store
                .end(&id(0), Some(&ending(0, until)))
                .await
                .unwrap()
                .is_none()
        );
        assert!(store.end(&id(1), None).await.unwrap().is_some());
        let joint = of_subject("ann", now(), until);
        assert!(store.end(&id(1), Some(&joint)).await.unwrap().is_none());
        let before = now();
        let mut ended = store.end_all(&realm(), "ann", before, until).await.unwrap();
        ended.sort();
        let ids: Vec<_> = ended.iter().map(|session| session.id.clone()).collect();
        assert_eq!(ids, [id(2), id(3)]);

        let mut logged = all(&store).await;
        logged[3..5].sort_by_key(|entry| match &entry.revoked {
            Revoked::Session(id) => id.to_string(),
            _ => String::new(),
        });
        let sessionless = RevocationEntry {
            revoked: Revoked::Sessionless {
                realm: realm(),
                subject: "ann".into(),
                issued_before: before,
            },
            until,
        };
        let expected = [
            ending(0, until),
            ending(0, until),
            joint,
            ended[0].revocation(),
            ended[1].revocation(),
            sessionless,
        ];
        assert_eq!(logged, expected);
    });
}

#[test]
fn a_session_whose_tokens_have_expired_is_logged_too() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let now = now();
        for (number, tokens_until) in [(1, now - 1), (2, now)] {
            let session = StoredSession {
                tokens_until,
                ..session(number, "ann")
            };
            add(&store, &session).await;
        }
        let ended = store
            .end_all(&realm(), "ann", now, now + 900)
            .await
            .unwrap();
        assert_eq!(ended.len(), 2);
        let logged = all(&store).await;
        // Other nodes can have other clocks.
        assert_eq!(logged.len(), 3);
        for (number, until) in [(1, now - 1), (2, now)] {
            assert!(logged.contains(&ending(number, until)));
        }
    });
}

#[test]
fn a_session_ends_also_when_the_log_cannot_keep_that_for_long_enough() {
    let Some(server) = Redis::start() else { return };
    let (reader, writer) = io::pipe().unwrap();
    let lines = tracing_subscriber::fmt().with_writer(Arc::new(writer));
    tracing::subscriber::with_default(lines.finish(), || {
        on_one_thread(async {
            let store = connect(&server).await;
            let began = now();
            for until in [began + RETENTION + 60, 1 << 53, i64::MAX - 1, i64::MAX] {
                let session = StoredSession {
                    tokens_until: until,
                    ..session(1, "ann")
                };
                add(&store, &session).await;
                assert!(
                    store
                        .end(&id(1), Some(&ending(1, until)))
                        .await
                        .unwrap()
                        .is_some()
                );
                assert_eq!(store.find(&id(1)).await.unwrap(), None);

                add(&store, &session).await;
                let ended = store.end_all(&realm(), "ann", began, until).await.unwrap();
                assert_eq!(ended[0].tokens_until, until);
                assert_eq!(store.find(&id(1)).await.unwrap(), None);
            }
            let logged = all(&store).await;
            assert_eq!(logged.len(), 12);
            let longest = began + RETENTION..=now() + RETENTION;
            for entry in logged {
                assert!(longest.contains(&entry.until), "{entry:?}");
            }
        });
    });
    let said = io::read_to_string(reader).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("ERROR") && said.contains("raise the retention"),
        "{said}"
    );
}

#[test]
fn what_the_log_can_keep_is_kept_as_it_is_and_nothing_is_said() {
    let Some(server) = Redis::start() else { return };
    let (reader, writer) = io::pipe().unwrap();
    let lines = tracing_subscriber::fmt().with_writer(Arc::new(writer));
    tracing::subscriber::with_default(lines.finish(), || {
        on_one_thread(async {
            let store = connect(&server).await;
            for until in [now() + RETENTION - 60, 0, -1, -(1 << 53) - 1, i64::MIN] {
                let session = StoredSession {
                    tokens_until: until,
                    ..session(1, "ann")
                };
                add(&store, &session).await;
                assert!(
                    store
                        .end(&id(1), Some(&ending(1, until)))
                        .await
                        .unwrap()
                        .is_some()
                );
                assert_eq!(all(&store).await.pop(), Some(ending(1, until)));
            }
        });
    });
    assert_eq!(io::read_to_string(reader).unwrap(), "");
}

#[test]
fn what_the_app_revokes_for_longer_than_the_log_keeps_it_is_refused() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        for too_late in [now() + RETENTION + 60, i64::MAX] {
            let entries = [revoked("good", now() + 60), revoked("bad", too_late)];
            let refused = store.append(&entries).await.unwrap_err();
            assert!(format!("{refused:?}").contains("retention"), "{refused:?}");
        }
        assert_eq!(all(&store).await, []);
        let entries = [revoked("a", now() + RETENTION - 60), revoked("b", i64::MIN)];
        store.append(&entries).await.unwrap();
        assert_eq!(all(&store).await, entries);
    });
}

#[test]
fn a_log_that_keeps_everything_keeps_everything() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = RedisStore::builder().retention(std::time::Duration::MAX);
        let store = store.connect(&server.url()).await.unwrap();
        let longest = store.capabilities().longest_retention().unwrap();
        assert_eq!(longest.as_secs(), 100_000_000_000);
        let entry = revoked("a", now() + 90_000_000_000);
        store.append(std::slice::from_ref(&entry)).await.unwrap();
        assert_eq!(store.sweep(now()).await.unwrap(), 0);
        assert_eq!(all(&store).await, [entry]);
    });
}

#[test]
fn the_store_says_what_it_can_do() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let retention = std::time::Duration::from_secs(RETENTION.unsigned_abs());
        let expected = StoreCapabilities::shared()
            .own_clock()
            .epoch()
            .retention(retention);
        assert_eq!(connect(&server).await.capabilities(), expected);
    });
}

#[test]
fn a_damaged_row_ends_and_is_revoked_as_the_others() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let until = now() + 900;
        for damage in ["tokens", "realm", "current"] {
            for number in [1, 2] {
                add(&store, &session(number, "ann")).await;
                let _ = server.send(&format!(
                    "HDEL {{countersign}}:session:{} {damage}",
                    id(number)
                ));
            }
            let _ = server.send("DEL {countersign}:log");
            assert!(
                store
                    .end(&id(1), Some(&ending(1, until)))
                    .await
                    .unwrap()
                    .is_some()
            );
            let ended = store.end_all(&realm(), "ann", now(), until).await.unwrap();
            assert_eq!(ended.len(), 1, "{damage}");
            assert_eq!(all(&store).await.len(), 3, "{damage}");
        }
    });
}

#[test]
fn an_end_of_all_is_remembered_for_two_hours() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store.end_all(&realm(), "ann", now(), now()).await.unwrap();
        let key = "{countersign}:end:18:https://id.example:ann";
        let left = server.send(&format!("TTL {key}"));
        let left: i64 = left.trim_start_matches(':').trim().parse().unwrap();
        assert!((7_200..=7_500).contains(&left), "{left}");
        assert!(!store.insert(&session(1, "ann"), START).await.unwrap());
        assert_eq!(server.send(&format!("DEL {key}")), ":1\r\n");
        assert!(store.insert(&session(1, "ann"), START).await.unwrap());
    });
}

#[test]
fn the_order_is_that_of_the_ids_in_the_log_to_the_last_bit() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let max = u64::MAX;
        // Each is later than the one before; as a number of Lua, some of them are equal.
        let ids = [
            (0, 0),
            (0, 1),
            (0, 9),
            (0, 10),
            (0, (1 << 53) + 1),
            (0, (1 << 53) + 2),
            (1, 0),
            (1 << 60, 1),
            ((1 << 60) + 1, 0),
            (max, max),
        ];
        let mark = |(time, number): (u64, u64)| {
            StoreMark::new(u128::from(time) << 64 | u128::from(number))
        };
        let add = "XADD {countersign}:log 18446744073709551615-18446744073709551615 kind token";
        assert!(server.send(add).starts_with('$'));
        assert_eq!(store.mark().await.unwrap(), mark((max, max)));
        let key = "{countersign}:end:18:https://id.example:ann";
        for (place, (time, number)) in ids.into_iter().enumerate() {
            assert_eq!(
                server.send(&format!("SET {key} {time}-{number}")),
                "+OK\r\n"
            );
            for (other, begun) in ids.into_iter().enumerate() {
                let inserted = store.insert(&session(1, "ann"), mark(begun)).await.unwrap();
                assert_eq!(inserted, other >= place, "{begun:?} and {time}-{number}");
                store.end(&id(1), None).await.unwrap();
            }
        }
    });
}

#[test]
fn a_login_that_began_after_all_that_the_server_knows_is_refused() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store.append(&[revoked("a", now() + 60)]).await.unwrap();
        let begun = store.mark().await.unwrap();
        assert!(store.insert(&session(1, "ann"), begun).await.unwrap());
        // A replica without that entry has taken over. It is unknown whether it lacks an end of
        // all.
        assert_eq!(server.send("DEL {countersign}:log"), ":1\r\n");
        assert!(!store.insert(&session(2, "ann"), begun).await.unwrap());
        let begun = store.mark().await.unwrap();
        assert!(store.insert(&session(2, "ann"), begun).await.unwrap());
    });
}

#[test]
fn the_mark_outlives_the_entries() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store.end_all(&realm(), "ann", now(), now()).await.unwrap();
        let begun = store.mark().await.unwrap();
        assert!(begun > START);
        assert_eq!(server.send("XTRIM {countersign}:log MAXLEN 0"), ":1\r\n");
        assert_eq!(store.mark().await.unwrap(), begun);
        assert!(store.insert(&session(1, "ann"), begun).await.unwrap());
    });
}

#[test]
fn no_realm_runs_into_the_subject_of_another() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let names = [("a", "b:c"), ("a:b", "c")];
        let names = names.map(|(realm, subject)| (Realm::new(realm).unwrap(), subject));
        for (number, (realm, subject)) in names.iter().enumerate() {
            let session = StoredSession {
                realm: realm.clone(),
                ..session(u8::try_from(number).unwrap(), subject)
            };
            add(&store, &session).await;
        }
        let [(realm, subject), (other_realm, other)] = &names;
        let ended = store.end_all(realm, subject, now(), now()).await.unwrap();
        assert_eq!(ended.len(), 1);
        assert_eq!(
            store.list(other_realm, other, now()).await.unwrap().len(),
            1
        );
    });
}

fn of_subject(subject: &str, issued_before: i64, until: i64) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Subject {
            realm: realm(),
            subject: subject.into(),
            issued_before,
        },
        until,
    }
}

/// Runs a test on one thread: events of other threads do not reach the subscriber of this one.
fn on_one_thread(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}
