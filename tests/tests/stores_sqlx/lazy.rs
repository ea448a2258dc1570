//! Tests of a store that connects when it is first used.

use std::{io, sync::Arc};

use countersign::{
    Issuer, Revocation, Sessions, SigningKey,
    session::{ClientInfo, Identity, SessionErrorKind, store::SessionStore},
};
use countersign_sqlx::PostgresStore;
use countersign_tests::services::Postgres;
use serde_json::json;
use tokio::time::timeout;

use crate::lab::{Lab, OnPostgres, PATIENCE, POLL, START, add, id, session};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_starts_without_the_database_and_is_ready_when_it_comes() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let url = server.database();
    server.kill();
    let store = PostgresStore::builder()
        .connect_lazy(&url)
        .unwrap()
        .poll(POLL);
    let key = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://id.example", key).audience("app");
    let revocation = Revocation::replica().build().unwrap();
    tokio::spawn(revocation.follow(store.clone()));
    let sessions = Sessions::builder(issuer.build().unwrap(), store);
    let sessions = sessions.revocation(revocation.clone()).build().unwrap();
    let ada = Identity::new("ada", json!({}));
    let refused = sessions.start(&ada, ClientInfo::new()).await.unwrap_err();
    assert_eq!(refused.kind(), SessionErrorKind::Unavailable);
    sessions.health().await.unwrap_err();
    assert!(!revocation.status().is_available());

    server.restart();
    timeout(PATIENCE, revocation.ready()).await.unwrap();
    sessions.health().await.unwrap();
    let pair = sessions.start(&ada, ClientInfo::new()).await.unwrap();
    sessions
        .verifier()
        .verify(pair.access_token().as_str())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_that_open_it_at_once_make_the_tables_once() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let store = PostgresStore::builder()
        .connect_lazy(&server.database())
        .unwrap();
    let calls: Vec<_> = (0..50)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { add(&store, &session(number)).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_refused_at_once() {
    let builder = PostgresStore::builder;
    builder()
        .connect_lazy("postgres://app@127.0.0.1:port/app")
        .unwrap_err();
    let refused = builder()
        .table_prefix("a-")
        .connect_lazy("postgres://app@127.0.0.1/app");
    refused.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_version_are_told_once_and_nothing_is_written_until_they_can_be_used() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    lab.run("UPDATE countersign_schema SET version = 7, compatible_from = 7")
        .await;
    let (reader, writer) = io::pipe().unwrap();
    let log = tracing_subscriber::fmt()
        .with_writer(Arc::new(writer))
        .finish();
    {
        let _listening = tracing::subscriber::set_default(log);
        let store = PostgresStore::builder().connect_lazy(&lab.url).unwrap();
        tokio::task::LocalSet::new()
            .run_until(async {
                for _ in 0..3 {
                    let refused = store.insert(&session(1), START).await.unwrap_err();
                    assert!(format!("{refused:?}").contains("version 7"), "{refused:?}");
                    store.find(&id(1)).await.unwrap_err();
                }
                let rows = "SELECT count(*) FROM countersign_sessions";
                assert_eq!(lab.number(rows).await, 0);
                lab.run("UPDATE countersign_schema SET compatible_from = 3")
                    .await;
                add(&store, &session(1)).await;
            })
            .await;
    }
    let lines = io::read_to_string(reader).unwrap();
    assert_eq!(lines.matches("ERROR").count(), 1, "{lines}");
    assert!(
        lines.contains("the tables have version 7, and this program knows version 6"),
        "{lines}"
    );
}
