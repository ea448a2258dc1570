//! Tests of the parts that are specific to files.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use countersign::{revocation::RevocationLog, session::store::SessionStore};
use countersign_sqlx::{SetupError, SqliteStore};

use crate::lab::{
    Folder, Lab, NOW, OnSqlite, START, add, digest, end, ended, entries, id, refreshed, session,
    token,
};

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_revocations_survive_the_program() {
    let lab = OnSqlite::new().await;
    add(&lab.store, &session(1)).await;
    let next = refreshed(&session(1), digest(1));
    assert!(lab.store.rotate(&digest(0), &next).await.unwrap());
    lab.store.append(&[token("a")]).await.unwrap();
    // As after a power failure: only the data that is on the disk now is left.
    let copy = Folder::new();
    for file in fs::read_dir(lab.folder.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    drop(lab);
    let store = SqliteStore::open(copy.file()).await.unwrap();
    assert!(store.find(&id(1)).await.unwrap() == Some(next));
    assert_eq!(entries(&store).await, [token("a")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_is_for_its_owner_only() {
    let lab = OnSqlite::new().await;
    add(&lab.store, &session(1)).await;
    let mut names = Vec::new();
    for file in fs::read_dir(lab.folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
        names.push(file.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["sessions.db", "sessions.db-shm", "sessions.db-wal"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mode_of_a_file_that_is_there_stays() {
    let folder = Folder::new();
    fs::write(folder.file(), "").unwrap();
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(folder.file(), mode).unwrap();
    let store = SqliteStore::open(folder.file()).await.unwrap();
    add(&store, &session(1)).await;
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_missing_is_named() {
    let folder = Folder::new();
    let file = folder.path().join("missing/sessions.db");
    let refused = SqliteStore::open(&file).await.unwrap_err();
    assert!(matches!(refused, SetupError::MissingFolder(_)));
    let text = format!("the folder of {} does not exist", file.display());
    assert_eq!(refused.to_string(), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_refused() {
    let folder = Folder::new();
    fs::write(
        folder.file(),
        "a letter to Ada, which is no database".repeat(100),
    )
    .unwrap();
    let refused = SqliteStore::open(folder.file()).await.unwrap_err();
    assert!(matches!(refused, SetupError::Database(_)), "{refused}");
    let refused = SqliteStore::open(folder.path()).await.unwrap_err();
    assert!(matches!(refused, SetupError::Database(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_name_is_the_name_of_a_file() {
    let folder = Folder::new();
    for name in [":memory:", "file:a?mode=memory", "a?b=c&d%20e"] {
        let file = folder.path().join(name);
        let store = SqliteStore::open(&file).await.unwrap();
        add(&store, &session(1)).await;
        assert!(file.is_file(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_share_a_file_without_an_error() {
    let lab = OnSqlite::new().await;
    let other = SqliteStore::open(lab.folder.file()).await.unwrap();
    let mut clients = Vec::new();
    for number in 0..50 {
        let store = if number % 2 == 0 { &lab.store } else { &other }.clone();
        clients.push(tokio::spawn(async move {
            let mut now = session(number);
            add(&store, &now).await;
            for step in 1..10 {
                let next = refreshed(&now, digest(step));
                assert!(store.rotate(&now.current, &next).await.unwrap());
                now = next;
            }
            assert!(end(&store, number, NOW).await);
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(entries(&other).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_does_not_wait_for_a_writer_and_a_writer_gives_up_in_time() {
    let lab = OnSqlite::new().await;
    add(&lab.store, &session(1)).await;
    let mut writer = lab.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("DELETE FROM countersign_sessions")
        .execute(&mut *writer)
        .await
        .unwrap();
    assert!(lab.store.find(&id(1)).await.unwrap().is_some());
    let hasty = lab.store.clone().timeout(Duration::from_millis(50));
    hasty.insert(&session(2), START).await.unwrap_err();
    hasty.end(&id(1), None).await.unwrap_err();
    writer.rollback().await.unwrap();
    assert!(lab.store.find(&id(1)).await.unwrap().is_some());
    // A call that was given up can still take effect, and blocks no other.
    add(&lab.store, &session(3)).await;
    assert_eq!(
        lab.number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_leaves_no_open_transaction() {
    let lab = OnSqlite::new().await;
    for number in 0..200 {
        add(&lab.store, &session(number)).await;
        let soon = Duration::from_micros(u64::from(number) * 10);
        let (id, entry) = (id(number), ended(number, NOW));
        let end = lab.store.end(&id, Some(&entry));
        let _ = tokio::time::timeout(soon, end).await;
    }
    // Another program sees every write from here on.
    add(&lab.store, &session(500)).await;
    let all = "SELECT count(*) FROM countersign_sessions WHERE id = ";
    assert_eq!(lab.number(&format!("{all}'{}'", id(500))).await, 1);
    // Ended and logged, or neither.
    let ended = 201
        - lab
            .number("SELECT count(*) FROM countersign_sessions")
            .await;
    assert_eq!(
        ended,
        lab.number("SELECT count(*) FROM countersign_revocations")
            .await
    );
}
