//! Tests of several apps in one database.

use countersign::{revocation::RevocationLog, session::store::SessionStore};
use countersign_sqlx::{PostgresStore, SetupError, SqliteStore};

use crate::lab::{
    Lab, NOW, OnPostgres, OnSqlite, add, end_all, entries, id, on_both, realm, session,
};

/// Checks that two stores of one database share nothing.
async fn are_apart<S: SessionStore + RevocationLog>(one: &S, other: &S) {
    let begun = [one.mark().await.unwrap(), other.mark().await.unwrap()];
    add(one, &session(1)).await;
    assert!(other.find(&id(1)).await.unwrap().is_none());
    add(other, &session(1)).await;
    assert_eq!(end_all(one, "ada").await.len(), 1);
    assert!(other.find(&id(1)).await.unwrap().is_some());
    assert_eq!(other.list(&realm(), "ada", NOW).await.unwrap().len(), 1);
    assert_eq!(entries(one).await.len(), 2);
    assert!(entries(other).await.is_empty());
    // Nor do they share their order of events.
    assert!(!one.insert(&session(2), begun[0]).await.unwrap());
    assert!(other.insert(&session(2), begun[1]).await.unwrap());
    assert_eq!(other.mark().await.unwrap(), begun[1]);
    assert_eq!(one.sweep(NOW + 9_000_000).await.unwrap(), 0);
    assert!(other.find(&id(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_of_different_prefixes_in_one_database_share_nothing() {
    let postgres = async |lab: OnPostgres| {
        let shop = || PostgresStore::builder().table_prefix("shop_");
        let other = shop().connect(&lab.url).await.unwrap();
        are_apart(&lab.store, &other).await;
        shop().migrate(&lab.pool).await.unwrap();
        let again = shop().with_pool(lab.pool.clone()).unwrap();
        assert!(again.find(&id(1)).await.unwrap().is_some());
        check_names(&lab, "SELECT count(*) FROM pg_class WHERE relname LIKE").await;
    };
    let sqlite = async |lab: OnSqlite| {
        let shop = || SqliteStore::builder().table_prefix("shop_");
        let other = shop().open(lab.folder.file()).await.unwrap();
        are_apart(&lab.store, &other).await;
        shop().migrate(&lab.pool).await.unwrap();
        let again = shop().with_pool(lab.pool.clone()).unwrap();
        assert!(again.find(&id(1)).await.unwrap().is_some());
        let names = "SELECT count(*) FROM sqlite_schema WHERE sql IS NOT NULL AND name LIKE";
        check_names(&lab, names).await;
    };
    on_both(postgres, sqlite).await;
}

/// Checks that tables and indices are named after the prefix, and that no other names exist.
async fn check_names(lab: &impl Lab, count: &str) {
    let of = async |prefix: &str| lab.number(&format!("{count} '{prefix}%'")).await;
    assert!(of("shop_").await >= 9);
    assert_eq!(of("shop_").await, of("countersign_").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_prefix_fits_into_every_name() {
    let [one, other] = ["a", "b"].map(|last| format!("{}{last}", "a".repeat(39)));
    let postgres = async |lab: OnPostgres| {
        let store = |prefix| PostgresStore::builder().table_prefix(prefix);
        let one = store(&one).connect(&lab.url).await.unwrap();
        let other = store(&other).connect(&lab.url).await.unwrap();
        are_apart(&one, &other).await;
    };
    let sqlite = async |lab: OnSqlite| {
        let store = |prefix| SqliteStore::builder().table_prefix(prefix);
        let one = store(&one).open(lab.folder.file()).await.unwrap();
        let other = store(&other).open(lab.folder.file()).await.unwrap();
        are_apart(&one, &other).await;
    };
    on_both(postgres, sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_is_no_name_is_refused_before_anything_is_done() {
    for prefix in ["", "Shop_", "9a", "a;b", &"a".repeat(41)] {
        let postgres = PostgresStore::builder().table_prefix(prefix);
        let refused = postgres.connect("postgres://127.0.0.1:1/app").await;
        assert!(
            matches!(refused, Err(SetupError::InvalidPrefix)),
            "{prefix:?}"
        );
        let sqlite = SqliteStore::builder().table_prefix(prefix);
        let refused = sqlite.open("/nowhere/at/all").await;
        assert!(
            matches!(refused, Err(SetupError::InvalidPrefix)),
            "{prefix:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_postgres_keep_stores_apart_too() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    lab.run("CREATE SCHEMA shop").await;
    let url = format!("{}?options[search_path]=shop", lab.url);
    let other = PostgresStore::connect(&url).await.unwrap();
    are_apart(&lab.store, &other).await;
    assert_eq!(
        lab.number("SELECT count(*) FROM shop.countersign_sessions")
            .await,
        2
    );
}
