//! Tests of upgrades and rollbacks under load: programs of two versions on one database, and nobody gets an error.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use countersign::{
    Issuer, Sessions, SigningKey,
    session::{ClientInfo, Identity, store::SessionStore},
};
use serde_json::json;
use tokio::{
    task::{JoinHandle, yield_now},
    time::timeout,
};

use crate::{
    lab::{Lab, OnPostgres, OnSqlite, PATIENCE, on_both},
    version_2::BACK,
    versions::{BACK_TO_3, BACK_TO_4, BACK_TO_5, Opens, VERSION_7},
};

/// A program with some users, who log in, refresh and log out all the time. An error ends it.
struct Program {
    is_over: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Program {
    fn start<F: Future<Output = ()> + Send>(
        round: impl Fn(usize) -> F + Send + Sync + 'static,
    ) -> Self {
        let (is_over, rounds) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (ends, counts) = (is_over.clone(), rounds.clone());
        let task = tokio::spawn(async move {
            while !ends.load(Ordering::Relaxed) {
                round(counts.fetch_add(1, Ordering::Relaxed)).await;
            }
        });
        Self {
            is_over,
            rounds,
            task,
        }
    }

    /// Waits until it has done something more.
    async fn goes_on(&self) {
        let goal = self.rounds.load(Ordering::Relaxed) + 10;
        let goes_on = async {
            while self.rounds.load(Ordering::Relaxed) < goal {
                assert!(!self.task.is_finished(), "it has met an error");
                yield_now().await;
            }
        };
        timeout(PATIENCE, goes_on).await.unwrap();
    }

    /// Ends it. An error that it has met is one of this test.
    async fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

/// A program of this version.
fn this_version(store: impl SessionStore) -> Program {
    let key = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://id.example", key).audience("app");
    let sessions = Sessions::builder(issuer.build().unwrap(), store).single_process();
    let sessions = sessions.build().unwrap();
    Program::start(move |_| {
        let sessions = sessions.clone();
        async move {
            let ada = Identity::new("ada", json!({})).acr("2");
            let mut pair = sessions.start(&ada, ClientInfo::new()).await.unwrap();
            for _ in 0..2 {
                let claims = async |_| Ok::<_, Infallible>(Some(json!({})));
                let client = ClientInfo::new();
                let refreshed = sessions.refresh(pair.refresh_token(), &client, claims);
                pair = refreshed.await.unwrap();
            }
            assert!(!sessions.list("ada").await.unwrap().is_empty());
            let id = pair.session().id();
            sessions
                .update_data(id, |_: Option<u32>| Some(7))
                .await
                .unwrap();
            sessions.health().await.unwrap();
            assert!(sessions.end(id).await.unwrap());
        }
    })
}

/// A program of another version, which writes these columns, and expects these values of its own.
fn other_version<L: Lab + Clone>(lab: &L, own: &'static [(&'static str, &'static str)]) -> Program {
    let lab = lab.clone();
    Program::start(move |round| {
        let lab = lab.clone();
        async move {
            let id = format!("BBBBBBBBBBB{round:010}A");
            let (hash, next, none) = (
                L::bytes(&"07".repeat(32)),
                L::bytes(&"08".repeat(32)),
                L::bytes(""),
            );
            let names: String = own.iter().map(|(name, _)| format!(", {name}")).collect();
            let values: String = own.iter().map(|(_, value)| format!(", {value}")).collect();
            lab.run(&format!(
                "INSERT INTO countersign_sessions (id, realm, subject, created_at, last_used_at, expires_at,
                    absolute_expires_at, tokens_until, current, previous {names})
                 VALUES ('{id}', 'other', 'bob', 1, 1, 9, 9, 9, {hash}, {none} {values})"
            ))
            .await;
            lab.run(&format!(
                "UPDATE countersign_sessions SET last_used_at = 2, current = {next} WHERE id = '{id}'"
            ))
            .await;
            let found = format!(
                "SELECT count(*) FROM countersign_sessions WHERE id = '{id}' AND current = {next}"
            );
            let own = own
                .iter()
                .map(|(name, value)| format!(" AND {name} = {value}"));
            let found = found + &own.collect::<String>();
            assert_eq!(lab.number(&found).await, 1);
            lab.run(&format!(
                "DELETE FROM countersign_sessions WHERE id = '{id}'"
            ))
            .await;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_this_version_and_of_the_next_one_share_a_database_and_back_again() {
    async fn check<L: Opens + Clone>(lab: L) {
        let first = this_version(lab.store().clone());
        let second = this_version(lab.open().await.unwrap());
        first.goes_on().await;
        second.goes_on().await;
        // The next version migrates, while these run.
        lab.migrate_to(VERSION_7).await;
        let next = other_version(&lab, &[("device", "'phone'")]);
        for program in [&first, &second, &next] {
            program.goes_on().await;
        }
        // It takes the place of one of them.
        first.stop().await;
        next.goes_on().await;
        second.goes_on().await;
        // Back again: a program of this version starts on the tables of the next one.
        let third = this_version(lab.open().await.unwrap());
        let fourth = this_version(lab.open_without_migration().await.unwrap());
        lab.migrate().await.unwrap();
        for program in [&second, &next, &third, &fourth] {
            program.goes_on().await;
        }
        next.stop().await;
        for program in [second, third, fourth] {
            program.goes_on().await;
            program.stop().await;
        }
        assert_eq!(
            lab.number("SELECT version FROM countersign_schema").await,
            7
        );
    }
    on_both(check::<OnPostgres>, check::<OnSqlite>).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_the_versions_before_go_on_while_this_one_migrates_and_back_again() {
    async fn check<L: Opens + Clone>(lab: L) {
        let of_version_2: &[_] = &[];
        let later: &[_] = &[("data", "'{}'")];
        for (back, own) in [
            (BACK, of_version_2),
            (BACK_TO_3, later),
            (BACK_TO_4, later),
            (BACK_TO_5, later),
        ] {
            lab.run(back).await;
            let first = other_version(&lab, own);
            first.goes_on().await;
            let second = this_version(lab.open().await.unwrap());
            for program in [&first, &second] {
                program.goes_on().await;
            }
            second.stop().await;
            first.goes_on().await;
            first.stop().await;
            assert_eq!(
                lab.number("SELECT version FROM countersign_schema").await,
                6
            );
            assert_eq!(
                lab.number("SELECT COALESCE(compatible_from, version) FROM countersign_schema")
                    .await,
                2
            );
        }
    }
    on_both(check::<OnPostgres>, check::<OnSqlite>).await;
}
