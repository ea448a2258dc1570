//! Tests of the migration from version 2, whose sessions had neither details nor data: nobody is logged out.

use std::{convert::Infallible, time::Duration};

use countersign::{
    Issuer, Sessions, SigningKey,
    session::{ClientInfo, Identity, SessionErrorKind, TokenPair, store::SessionStore},
};
use countersign_sqlx::{PostgresStore, SqliteStore};
use serde_json::{Value, json};

use crate::lab::{Lab, OnPostgres, OnSqlite, add, digest, id, on_both, refreshed, session};

/// Makes the tables what they were in version 2.
pub(crate) const BACK: &str = "
    DROP TABLE countersign_proofs;
    DROP TABLE countersign_api_keys;
    DROP TABLE countersign_rings;
    DROP TABLE countersign_epoch;
    ALTER TABLE countersign_schema DROP COLUMN compatible_from;
    ALTER TABLE countersign_sessions DROP COLUMN details;
    ALTER TABLE countersign_sessions DROP COLUMN data;
    UPDATE countersign_schema SET version = 2";

/// Returns sessions over a store. All share one key.
fn sessions(store: impl SessionStore, key: &SigningKey) -> Sessions {
    let issuer = Issuer::builder("https://id.example", key.clone())
        .audience("app")
        .build()
        .unwrap();
    let sessions = Sessions::builder(issuer, store).single_process();
    sessions.build().unwrap()
}

async fn refresh(sessions: &Sessions, pair: &TokenPair) -> Result<TokenPair, SessionErrorKind> {
    let claims = async |_| Ok::<_, Infallible>(Some(json!({})));
    let client = ClientInfo::new();
    let refreshed = sessions.refresh(pair.refresh_token(), &client, claims);
    refreshed.await.map_err(|error| error.kind())
}

/// Logs in before the migration, and lives on after it.
async fn live_on<L: Lab>(lab: L, open: impl AsyncFn(&L) -> L::Store) {
    let key = SigningKey::generate_es256().unwrap();
    let before = sessions(lab.store().clone(), &key);
    let ada = Identity::new("ada", json!({}));
    let mut pair = before.start(&ada, ClientInfo::new()).await.unwrap();
    let late = before.start(&ada, ClientInfo::new()).await.unwrap();
    lab.run(BACK).await;

    let after = sessions(open(&lab).await, &key);
    for _ in 0..3 {
        pair = refresh(&after, &pair).await.unwrap();
        let token = after.verifier().verify(pair.access_token().as_str()).await;
        let claims: Value = serde_json::from_str(token.unwrap().payload()).unwrap();
        assert_eq!(claims["auth_time"], pair.session().created_at());
        assert_eq!((claims.get("acr"), claims.get("amr")), (None, None));
        let idle = pair.session().expires_at() - pair.session().last_used_at();
        assert_eq!(idle, 14 * 86_400);
        assert_eq!(pair.session().data::<Value>().unwrap(), None);
    }
    let changed = after.update_data(pair.session().id(), |_: Option<u32>| Some(7));
    changed.await.unwrap();
    let pair = refresh(&after, &pair).await.unwrap();
    assert_eq!(pair.session().data::<u32>().unwrap(), Some(7));

    let login = after.begin().await.unwrap();
    let proven = ada.acr("2").idle(Duration::from_secs(3_600));
    let new = login.renew(late.session().id(), &proven).await.unwrap();
    let new = refresh(&after, &new).await.unwrap();
    assert_eq!(new.session().acr(), Some("2"));
    assert_eq!(after.list("ada").await.unwrap().len(), 2);
    assert_eq!(
        lab.number("SELECT version FROM countersign_schema").await,
        6
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn live_sessions_go_on() {
    let postgres = async |lab: OnPostgres| {
        live_on(lab, async |lab| {
            PostgresStore::connect(&lab.url).await.unwrap()
        })
        .await;
    };
    let sqlite = async |lab: OnSqlite| {
        live_on(lab, async |lab| {
            SqliteStore::open(lab.folder.file()).await.unwrap()
        })
        .await;
    };
    on_both(postgres, sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_the_app_is_migrated_in_place() {
    let postgres = async |lab: OnPostgres| {
        add(&lab.store, &session(1)).await;
        lab.run(BACK).await;
        for _ in 0..2 {
            PostgresStore::migrate(&lab.pool).await.unwrap();
        }
        let found = PostgresStore::from_pool(lab.pool.clone())
            .find(&id(1))
            .await;
        assert!(found.unwrap() == Some(session(1)));
    };
    let sqlite = async |lab: OnSqlite| {
        add(&lab.store, &session(1)).await;
        lab.run(BACK).await;
        for _ in 0..2 {
            SqliteStore::migrate(&lab.pool).await.unwrap();
        }
        let found = SqliteStore::from_pool(lab.pool.clone()).find(&id(1)).await;
        assert!(found.unwrap() == Some(session(1)));
    };
    on_both(postgres, sqlite).await;
}

/// During a deployment, programs of both versions are there.
#[tokio::test(flavor = "multi_thread")]
async fn programs_of_version_2_that_still_run_go_on_too() {
    const COLUMNS: &str =
        "id, realm, subject, label, binding, created_at, last_used_at, expires_at,
        absolute_expires_at, tokens_until, current, previous";

    async fn check<L: Lab>(lab: L) {
        let (bytes, other) = (L::bytes(&"07".repeat(32)), L::bytes(&"08".repeat(32)));
        let (empty, realm) = (L::bytes(""), crate::lab::realm());
        // It logs somebody in.
        lab.run(&format!(
            "INSERT INTO countersign_sessions ({COLUMNS}) SELECT '{}', '{realm}', 'ada', NULL, NULL, 1, 1,
             9, 9, 9, {bytes}, {empty}",
            id(1),
        ))
        .await;
        let found = lab.store().find(&id(1)).await.unwrap().unwrap();
        assert!(found.details.to_json().is_none() && found.data.is_none());

        // It refreshes a session of this version.
        let mut own = session(2);
        own.data = Some("7".into());
        add(lab.store(), &own).await;
        lab.run(&format!(
            "UPDATE countersign_sessions SET last_used_at = 2, expires_at = 9, tokens_until = 9,
             current = {other}, previous = {empty} WHERE id = '{}'",
            id(2),
        ))
        .await;
        let found = lab.store().find(&id(2)).await.unwrap().unwrap();
        assert_eq!(found.data.as_deref(), Some("7"));
        let next = refreshed(&found, digest(9));
        assert!(lab.store().rotate(&digest(8), &next).await.unwrap());
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_nodes_may_migrate_at_the_same_moment() {
    let postgres = async |lab: OnPostgres| {
        add(&lab.store, &session(1)).await;
        lab.run(BACK).await;
        let start = || {
            let url = lab.url.clone();
            tokio::spawn(async move { PostgresStore::connect(&url).await.map(drop) })
        };
        let nodes: Vec<_> = (0..8).map(|_| start()).collect();
        for node in nodes {
            node.await.unwrap().unwrap();
        }
        assert!(lab.store.find(&id(1)).await.unwrap().is_some());
    };
    let sqlite = async |lab: OnSqlite| {
        add(&lab.store, &session(1)).await;
        lab.run(BACK).await;
        let open = || {
            let file = lab.folder.file();
            tokio::spawn(async move { SqliteStore::open(file).await.map(drop) })
        };
        let programs: Vec<_> = (0..8).map(|_| open()).collect();
        for program in programs {
            program.await.unwrap().unwrap();
        }
        assert!(lab.store.find(&id(1)).await.unwrap().is_some());
    };
    on_both(postgres, sqlite).await;
}
