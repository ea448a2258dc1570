//! What a store does with rows that it has not written, or cannot write.

use std::error::Error;

use countersign::{RevocationLog, SessionId, SessionStore};

use crate::lab::{Lab, NOW, digest, id, on_both, refreshed, session, token};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_an_error() {
    async fn check<L: Lab>(lab: L) {
        let store = lab.store();
        let session = refreshed(&session(1), digest(1));
        store.insert(&session).await.unwrap();
        let short = L::bytes("00112233");
        let good = L::bytes(&"42".repeat(32));
        for broken in [
            format!("current = {short}"),
            format!("previous = {short}"),
            format!("salt = {short}"),
            format!("binding = {short}"),
            "previous = NULL".into(),
            "salt = NULL".into(),
        ] {
            lab.run(&format!("UPDATE countersign_sessions SET {broken}"))
                .await;
            let error = store.find(&id(1)).await.unwrap_err();
            assert_eq!(error.to_string(), "the store is not available", "{broken}");
            store.list("ada", NOW).await.unwrap_err();
            // Its nearest readable neighbour.
            let mended = format!(
                "UPDATE countersign_sessions
                 SET current = {good}, previous = {good}, salt = {good}, binding = {good}"
            );
            lab.run(&mended).await;
            assert!(store.find(&id(1)).await.unwrap().is_some());
        }
        lab.run("UPDATE countersign_sessions SET id = 'nonsense'")
            .await;
        store.list("ada", NOW).await.unwrap_err();
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_read_is_an_error_and_not_left_out() {
    async fn check(lab: impl Lab) {
        for (kind, name, issued_before) in [
            (3, "of a kind to come", "NULL"),
            (0, "a token with a moment", "1"),
            (1, "nonsense", "NULL"),
            (2, "a subject without a moment", "NULL"),
        ] {
            lab.run(&format!(
                "DELETE FROM countersign_revocations;
                 UPDATE countersign_counter SET last = 1;
                 INSERT INTO countersign_revocations (id, kind, name, issued_before, until)
                 VALUES (1, {kind}, '{name}', {issued_before}, {NOW})"
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
        store.insert(&session(1)).await.unwrap();
        lab.run("DELETE FROM countersign_counter").await;
        store.end(&id(1), NOW).await.unwrap_err();
        store.end_all("ada", NOW, NOW).await.unwrap_err();
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
        lab.store().insert(&session).await.unwrap();
        let twice = lab.store().insert(&session).await.unwrap_err();
        let ended = {
            lab.run("DELETE FROM countersign_counter").await;
            lab.store()
                .end_all(&session.subject, NOW, NOW)
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
        lab.store().insert(&session).await.unwrap();
        let found = lab.store().list(&session.subject, NOW).await.unwrap();
        assert!(found == [session.clone()]);
        let ended = lab
            .store()
            .end_all(&session.subject, NOW, NOW)
            .await
            .unwrap();
        assert_eq!(ended, [session.id]);
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
        lab.store().insert(&session).await.unwrap();
        assert!(lab.store().find(&upper).await.unwrap().is_none());
    }
    on_both(check, check).await;
}
