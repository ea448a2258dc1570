//! The cost of a refresh, as a multiple of the store's bare update of one row.
//!
//! `cargo bench -p countersign-tests --bench stores`. Both run in turns against the same server,
//! with one client and with sixteen. The figure is the median of the ratio over the rounds:
//! absolute times mean nothing.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a bench measures real time, and panics on errors

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use countersign::{
    Issuer, MemoryStore, Sessions, SigningKey,
    session::{ClientInfo, Identity, store::SessionStore},
};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use countersign_tests::services::{Postgres, Redis};
use redis::AsyncCommands;
use serde_json::json;
use sqlx::{
    PgPool, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

const ROUNDS: usize = 15;
const CALLS: usize = 100;

#[tokio::main]
async fn main() {
    println!("store      clients  update/s  refresh/s  one refresh costs");
    memory().await;
    sqlite().await;
    if let Some(server) = Postgres::start() {
        postgres(&server).await;
    }
    if let Some(server) = Redis::start() {
        redis_server(&server).await;
    }
}

async fn memory() {
    let rows = Arc::new(Mutex::new(HashMap::new()));
    let update = async move |id: usize, value: Vec<u8>| {
        rows.lock().unwrap().insert(id, value);
    };
    compare("memory", MemoryStore::new(), update).await;
}

async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("sessions.db")).await;
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("bare.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10));
    let pool = SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(TABLE).execute(&pool).await.unwrap();
    for id in 0..CLIENTS {
        let row = sqlx::query(INSERT).bind(id as i64).execute(&pool).await;
        row.unwrap();
    }
    let update = async move |id: usize, value: Vec<u8>| {
        let row = sqlx::query(UPDATE).bind(value).bind(id as i64);
        row.execute(&pool).await.unwrap();
    };
    compare("sqlite", store.unwrap(), update).await;
}

async fn postgres(server: &Postgres) {
    let store = PostgresStore::connect(&server.database()).await.unwrap();
    let pool = PgPool::connect(&server.database()).await.unwrap();
    let table = TABLE.replace("BLOB", "BYTEA").replace("INTEGER", "BIGINT");
    sqlx::raw_sql(sqlx::AssertSqlSafe(table))
        .execute(&pool)
        .await
        .unwrap();
    for id in 0..CLIENTS {
        let row = sqlx::query(INSERT).bind(id as i64).execute(&pool).await;
        row.unwrap();
    }
    let update = async move |id: usize, value: Vec<u8>| {
        let row = sqlx::query(UPDATE).bind(value).bind(id as i64);
        row.execute(&pool).await.unwrap();
    };
    compare("postgres", store, update).await;
}

async fn redis_server(server: &Redis) {
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let client = redis::Client::open(server.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let update = async move |id: usize, value: Vec<u8>| {
        let mut connection = connection.clone();
        let () = connection
            .hset(format!("bare:{id}"), "value", value)
            .await
            .unwrap();
    };
    compare("redis", store, update).await;
}

const TABLE: &str = "CREATE TABLE bare (id INTEGER PRIMARY KEY, value BLOB)";
const INSERT: &str = "INSERT INTO bare (id) VALUES ($1)";
const UPDATE: &str = "UPDATE bare SET value = $1 WHERE id = $2";
const CLIENTS: usize = 16;

async fn compare<S, U>(name: &str, store: S, update: U)
where
    S: SessionStore,
    U: AsyncFn(usize, Vec<u8>),
{
    let key = SigningKey::hs256("an example secret of 32 bytes or more").unwrap();
    let issuer = Issuer::builder("https://id.example", key)
        .audience("app")
        .build()
        .unwrap();
    let sessions = Sessions::builder(issuer, store).single_process();
    let sessions = sessions.build().unwrap();
    for clients in [1, CLIENTS] {
        let mut tokens = Vec::new();
        for client in 0..clients {
            let identity = Identity::new(format!("user-{client}"), json!({}));
            let pair = sessions.start(&identity, ClientInfo::new()).await.unwrap();
            tokens.push(pair.refresh_token().to_owned());
        }
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let bare = timed((0..clients).map(async |id| {
                for _ in 0..CALLS {
                    update(id, vec![7; 300]).await;
                }
            }));
            let bare = bare.await;
            let refreshed = timed(tokens.iter_mut().map(async |token| {
                for _ in 0..CALLS {
                    let claims = async |_| Ok::<_, Infallible>(Some(json!({})));
                    let pair = sessions.refresh(token, &ClientInfo::new(), claims).await;
                    *token = pair.unwrap().refresh_token().to_owned();
                }
            }));
            rounds.push((bare, refreshed.await));
        }
        #[allow(clippy::cast_precision_loss)] // small
        let calls = (clients * CALLS) as f64;
        let per_second = |of: fn(&(f64, f64)) -> f64| calls / median(rounds.iter().map(of));
        println!(
            "{name:<10} {clients:>7}  {:>8.0}  {:>9.0}  {:.2} updates",
            per_second(|round| round.0),
            per_second(|round| round.1),
            median(rounds.iter().map(|(bare, refresh)| refresh / bare)),
        );
    }
}

/// Returns the seconds until all tasks have ended.
async fn timed(tasks: impl Iterator<Item = impl Future<Output = ()>>) -> f64 {
    let began = Instant::now();
    futures_util::future::join_all(tasks).await;
    began.elapsed().as_secs_f64()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
