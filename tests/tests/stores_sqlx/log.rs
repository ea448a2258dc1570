//! Tests of the order of the revocation log, and of its positions.

use std::time::Duration;

use countersign::{
    revocation::{LogPosition, RevocationLog},
    session::store::SessionStore,
};

use crate::lab::{
    Lab, NOW, OnPostgres, OnSqlite, PATIENCE, ended, entries, entries_after, id, on_both, realm,
    time_of_day, token,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_each_entry_once_whoever_writes_at_the_same_time() {
    async fn check(lab: impl Lab) {
        let write = |writer| {
            let store = lab.store().clone();
            tokio::spawn(async move {
                for number in 0..25 {
                    let pair = [0, 1].map(|half| token(&format!("{writer} {number} {half}")));
                    store.append(&pair).await.unwrap();
                }
            })
        };
        let writers: Vec<_> = (0..8).map(write).collect();
        let mut seen = Vec::new();
        let mut position = None;
        let read = async {
            while seen.len() < 400 {
                let batch = lab.store().read(position.as_ref()).await.unwrap();
                seen.extend(batch.entries.into_iter().map(|entry| entry.revoked));
                position = batch.position;
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap();
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(
            lab.store()
                .read(position.as_ref())
                .await
                .unwrap()
                .entries
                .is_empty()
        );
        for writer in 0..8 {
            let mut rest = seen.iter();
            for number in 0..25 {
                for half in 0..2 {
                    let name = format!("{writer} {number} {half}");
                    let wanted = token(&name).revoked;
                    assert!(rest.any(|seen| *seen == wanted), "{name}");
                }
            }
        }
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_not_seen_before_one_with_a_lower_number() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    lab.store.append(&[token("a")]).await.unwrap();
    let (_, position) = entries_after(&lab.store, None).await;

    // A transaction has a number and has not committed yet.
    let mut slow = lab.pool.begin().await.unwrap();
    let add = "WITH place AS (UPDATE countersign_counter SET last = last + 1 RETURNING last)
               INSERT INTO countersign_revocations (id, kind, name, until)
               SELECT last, 0, 'b', 0 FROM place";
    sqlx::query(add).execute(&mut *slow).await.unwrap();
    let quick = [
        tokio::spawn({
            let store = lab.store.clone();
            async move { store.append(&[token("c")]).await }
        }),
        tokio::spawn({
            let store = lab.store.clone();
            async move { store.end(&id(1), Some(&ended(1, NOW))).await.map(drop) }
        }),
        tokio::spawn({
            let store = lab.store.clone();
            async move { store.end_all(&realm(), "ada", NOW, NOW).await.map(drop) }
        }),
    ];
    lab.until_waiting(3).await;
    let batch = lab.store.read(position.as_ref()).await.unwrap();
    assert!(batch.entries.is_empty() && batch.complete);
    assert_eq!(batch.position, position);

    slow.commit().await.unwrap();
    for quick in quick {
        quick.await.unwrap().unwrap();
    }
    let (later, _) = entries_after(&lab.store, position).await;
    assert_eq!(later.len(), 4);
    assert_eq!(later[0].revoked, token("b").revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_read_in_parts() {
    async fn check(lab: impl Lab) {
        let all: Vec<_> = (0..2_500)
            .map(|number| token(&number.to_string()))
            .collect();
        lab.store().append(&all).await.unwrap();
        let first = lab.store().read(None).await.unwrap();
        assert_eq!((first.entries.len(), first.complete), (1_000, false));
        let second = lab.store().read(first.position.as_ref()).await.unwrap();
        assert_eq!((second.entries.len(), second.complete), (1_000, false));
        let third = lab.store().read(second.position.as_ref()).await.unwrap();
        assert_eq!((third.entries.len(), third.complete), (500, true));
        let parts = [first.entries, second.entries, third.entries].concat();
        assert_eq!(parts, all);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_part_that_is_the_last_one_says_so() {
    async fn check(lab: impl Lab) {
        let all: Vec<_> = (0..1_000)
            .map(|number| token(&number.to_string()))
            .collect();
        lab.store().append(&all).await.unwrap();
        let batch = lab.store().read(None).await.unwrap();
        assert_eq!((batch.entries.len(), batch.complete), (1_000, true));
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_of_an_empty_log_is_known_at_once() {
    async fn check(lab: impl Lab) {
        let lab = lab.poll(PATIENCE * 2);
        let read = lab.store().read(None);
        let batch = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        assert!(batch.entries.is_empty() && batch.complete);
        assert!(batch.position.is_some());
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_brings_what_was_added_while_it_waited() {
    async fn check(lab: impl Lab) {
        let lab = lab.poll(Duration::from_millis(500));
        let (_, position) = entries_after(lab.store(), None).await;
        // Its first read comes before or after the entry, its second one after it in any case.
        let wait = lab.store().read(position.as_ref());
        let add = async { lab.store().append(&[token("a")]).await.unwrap() };
        let (batch, ()) = tokio::join!(wait, add);
        assert_eq!(batch.unwrap().entries, [token("a")]);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_sweep_nothing_is_missed_from_any_position() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        store.append(&[token("a"), token("b")]).await.unwrap();
        let first = store.read(None).await.unwrap();
        store.append(&[token("c")]).await.unwrap();
        store.sweep(NOW + 901).await.unwrap();
        let (left, position) = entries_after(store, first.position.clone()).await;
        assert_eq!(left, [token("c")], "the newest entry stays");
        store.append(&[token("d")]).await.unwrap();
        assert_eq!(entries_after(store, position).await.0, [token("d")]);
        for position in [first.position, None] {
            let left = entries_after(store, position).await.0;
            assert_eq!(left, [token("c"), token("d")]);
        }
        // The newest entry is removed once it is no longer the newest.
        store.sweep(NOW + 901).await.unwrap();
        assert_eq!(entries(store).await, [token("d")]);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_log_is_not_read_anew_after_a_sweep() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        store.append(&[token("a"), token("b")]).await.unwrap();
        let (_, position) = entries_after(store, None).await;
        store.sweep(NOW + 901).await.unwrap();
        let batch = store.read(position.as_ref()).await.unwrap();
        assert!(batch.complete && batch.entries.is_empty());
        assert_eq!(batch.position, position);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_was_given_a_second_time_is_no_position() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        let entries = ["a", "b", "c"].map(token);
        store.append(&entries).await.unwrap();
        let (_, position) = entries_after(store, None).await;
        // A server takes over that lacks the last two entries. The new entries get their numbers,
        // and the last of them is exactly the entry that the reader has seen there.
        lab.run(
            "DELETE FROM countersign_revocations WHERE id > 1;
             UPDATE countersign_counter SET last = 1",
        )
        .await;
        store.append(&[token("new"), token("c")]).await.unwrap();
        let read = entries_after(store, position).await.0;
        assert_eq!(read, ["a", "new", "c"].map(token));
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_known_still_is_read_on_from_whatever_else_is_lost() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        store.append(&["a", "b"].map(token)).await.unwrap();
        let (_, position) = entries_after(store, None).await;
        store.append(&["c", "d"].map(token)).await.unwrap();
        lab.run(
            "DELETE FROM countersign_revocations WHERE id > 2;
             UPDATE countersign_counter SET last = 2",
        )
        .await;
        store.append(&["e", "f"].map(token)).await.unwrap();
        let read = entries_after(store, position).await.0;
        assert_eq!(read, ["e", "f"].map(token));
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_from_before_a_backup_was_restored_means_the_start() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        store.append(&[token("a")]).await.unwrap();
        for number in 0..9 {
            store.append(&[token(&number.to_string())]).await.unwrap();
        }
        let (_, position) = entries_after(store, None).await;
        // The backup has one entry.
        lab.run(
            "DELETE FROM countersign_revocations WHERE id > 1;
             UPDATE countersign_counter SET last = 1",
        )
        .await;
        let (again, new) = entries_after(store, position.clone()).await;
        assert_eq!(again, [token("a")]);
        store.append(&[token("b")]).await.unwrap();
        assert_eq!(
            entries_after(store, position).await.0,
            [token("a"), token("b")]
        );
        assert_eq!(entries_after(store, new).await.0, [token("b")]);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_without_entries_gives_a_position_from_which_none_is_missed() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        store
            .append(&[token("a"), token("b"), token("c")])
            .await
            .unwrap();
        let (_, position) = entries_after(store, None).await;
        lab.run(
            "DELETE FROM countersign_revocations;
             UPDATE countersign_counter SET last = 1",
        )
        .await;
        let batch = store.read(position.as_ref()).await.unwrap();
        let new: Vec<_> = ["d", "e", "f", "g"].map(token).into();
        store.append(&new).await.unwrap();
        assert_eq!(entries_after(store, batch.position).await.0, new);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_of_another_log_means_the_start() {
    async fn check(lab: impl Lab) {
        lab.store().append(&[token("a")]).await.unwrap();
        for position in [
            "1526919030474-55",
            "",
            "-",
            ":",
            "1",
            "1:0",
            "99999999999999999999:1",
        ] {
            let position = Some(LogPosition::new(position));
            assert_eq!(entries_after(lab.store(), position).await.0, [token("a")]);
        }
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_append_is_no_entry() {
    async fn check(lab: impl Lab) {
        lab.store().append(&[]).await.unwrap();
        assert!(entries(lab.store()).await.is_empty());
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_comes_after_a_pause() {
    async fn check(lab: impl Lab) {
        lab.run("DROP TABLE countersign_counter").await;
        let read = lab.store().read(None);
        let soon = tokio::time::timeout(Duration::from_millis(200), read).await;
        assert!(
            soon.is_err(),
            "a caller that asks again at once would never rest"
        );
        lab.store().read(None).await.unwrap_err();
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_that_of_the_server_and_sqlite_has_no_other_than_the_machine() {
    let postgres = async |lab: OnPostgres| {
        let before = time_of_day();
        let time = lab.store.time().await.unwrap().unwrap();
        assert!((before..=time_of_day()).contains(&time), "{time}");
    };
    let sqlite = async |lab: OnSqlite| assert_eq!(lab.store.time().await.unwrap(), None);
    on_both(postgres, sqlite).await;
}
