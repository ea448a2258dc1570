//! Tests of rows that a store has not written, or cannot write.

use std::error::Error;

use countersign::{
    revocation::RevocationLog,
    session::{SessionId, store::SessionStore},
};

use crate::lab::{
    Lab, NOW, START, add, digest, ended, id, on_both, realm, refreshed, session, token,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_an_error() {
    async fn check<L: Lab>(lab: L) {
        let store = lab.store();
        let session = refreshed(&session(1), digest(1));
        add(store, &session).await;
        let short = L::bytes("00112233");
        let good = L::bytes(&"42".repeat(32));
        let chain = L::bytes(&"42".repeat(2 * 72));
        for broken in [
            format!("current = {short}"),
            format!("previous = {short}"),
            format!("binding = {short}"),
            "details = 'nonsense'".to_owned(),
            "details = '{\"idle\":\"soon\"}'".to_owned(),
        ] {
            lab.run(&format!("UPDATE countersign_sessions SET {broken}"))
                .await;
            let error = store.find(&id(1)).await.unwrap_err();
            assert_eq!(error.to_string(), "the store is not available", "{broken}");
            store.list(&realm(), "ada", NOW).await.unwrap_err();
            // Its nearest readable neighbour.
            let mended = format!(
                "UPDATE countersign_sessions
                 SET current = {good}, previous = {chain}, binding = {good},
                     details = '{{\"of a later version\":1}}'"
            );
            lab.run(&mended).await;
            assert!(store.find(&id(1)).await.unwrap().is_some());
        }
        lab.run("UPDATE countersign_sessions SET realm = ''").await;
        store.find(&id(1)).await.unwrap_err();
        let realm_again = format!("UPDATE countersign_sessions SET realm = '{}'", realm());
        lab.run(&realm_again).await;
        lab.run("UPDATE countersign_sessions SET id = 'nonsense'")
            .await;
        store.list(&realm(), "ada", NOW).await.unwrap_err();
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_read_is_an_error_and_not_left_out() {
    async fn check(lab: impl Lab) {
        for (kind, realm, name, issued_before) in [
            (4, "NULL", "of a kind to come", "NULL"),
            (0, "NULL", "a token with a moment", "1"),
            (0, "'a'", "a token with a realm", "NULL"),
            (1, "NULL", "nonsense", "NULL"),
            (2, "'a'", "a subject without a moment", "NULL"),
            (2, "NULL", "a subject without a realm", "1"),
            (2, "''", "a subject of no realm", "1"),
            (3, "NULL", "tokens without a realm", "1"),
        ] {
            lab.run(&format!(
                "DELETE FROM countersign_revocations;
                 UPDATE countersign_counter SET last = 1;
                 INSERT INTO countersign_revocations (id, kind, realm, name, issued_before, until)
                 VALUES (1, {kind}, {realm}, '{name}', {issued_before}, {NOW})"
            ))
            .await;
            lab.store().read(None).await.unwrap_err();
        }
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_counter_is_an_error_and_nothing_is_done() {
    async fn check(lab: impl Lab) {
        let store = lab.store();
        add(store, &session(1)).await;
        lab.run("DELETE FROM countersign_counter").await;
        let entry = ended(1, NOW);
        store.end(&id(1), Some(&entry)).await.unwrap_err();
        let end_all = store.end_all(&realm(), "ada", NOW, NOW).await;
        end_all.unwrap_err();
        store.mark().await.unwrap_err();
        store.append(&[token("a")]).await.unwrap_err();
        store.read(None).await.unwrap_err();
        assert!(store.find(&id(1)).await.unwrap().is_some());
        assert_eq!(
            lab.number("SELECT count(*) FROM countersign_revocations")
                .await,
            0
        );
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_store_nor_its_errors_show_what_is_kept() {
    async fn check(lab: impl Lab) {
        assert!(!format!("{:?}", lab.store()).contains("pool"));
        let mut session = session(1);
        session.subject = "ada@example.org".into();
        add(lab.store(), &session).await;
        let twice = lab.store().insert(&session, START).await.unwrap_err();
        let ended = {
            lab.run("DELETE FROM countersign_counter").await;
            lab.store()
                .end_all(&realm(), &session.subject, NOW, NOW)
                .await
                .unwrap_err()
        };
        for error in [twice, ended] {
            let text = format!("{error:?} {error} {:?}", error.source());
            assert!(
                !text.contains("ada") && !text.contains(id(1).as_str()),
                "{text}"
            );
        }
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_is_never_part_of_a_statement() {
    async fn check(lab: impl Lab) {
        let mut session = session(1);
        session.subject = "'; DROP TABLE countersign_sessions; --".into();
        session.label = Some("Ada’s “phone” \u{1F4F1} $1 ?1 %".into());
        add(lab.store(), &session).await;
        let found = lab
            .store()
            .list(&realm(), &session.subject, NOW)
            .await
            .unwrap();
        assert!(found == [session.clone()]);
        let ended = lab
            .store()
            .end_all(&realm(), &session.subject, NOW, NOW)
            .await
            .unwrap();
        assert_eq!(ended[0].id, session.id);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_differ_only_in_case_are_two() {
    async fn check(lab: impl Lab) {
        let [lower, upper] = ["aaaaaaaaaaaaaaaaaaaaaA", "AAAAAAAAAAAAAAAAAAAAAA"]
            .map(|text| SessionId::parse(text).unwrap());
        let mut session = session(1);
        session.id = lower;
        add(lab.store(), &session).await;
        assert!(lab.store().find(&upper).await.unwrap().is_none());
    }
    on_both(check, check).await;
}
