//! The capacity of one machine: tokens that a core verifies, and sessions, logins and refreshes of each store.
//!
//! `cargo bench -p countersign-tests --bench capacity` prints the tables of `docs/OPERATIONS.md`. Clients, this library and
//! the database share the machine, so a server of its own carries more.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a bench measures real time, and panics on errors

use std::{
    convert::Infallible,
    future::Future,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use countersign::{
    Algorithm, Issuer, MemoryStore, Sessions, SigningKey,
    session::{ClientInfo, Identity, store::SessionStore},
};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use countersign_tests::services::{Postgres, Redis};
use futures_util::future::join_all;
use serde_json::json;
use sqlx::PgPool;

/// The sessions of each store: so many that its own tables do not count.
const SESSIONS: usize = 20_000;
/// The clients that log in, refresh and log out at once.
const CLIENTS: usize = 32;
/// The subjects have so many sessions each.
const DEVICES: usize = 2;

#[tokio::main]
async fn main() {
    println!("algorithm  tokens a core verifies in a second  tokens it signs");
    for algorithm in [
        Algorithm::HS256,
        Algorithm::RS256,
        Algorithm::ES256,
        Algorithm::EdDSA,
    ] {
        signatures(algorithm);
    }
    println!("store     logins/s  refreshes/s  logouts/s  bytes of a session");
    measure("memory", MemoryStore::new(), async || None).await;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let size = async || Some(length(&file) + length(&file.with_extension("db-wal")));
    measure("sqlite", store, size).await;

    if let Some(server) = Postgres::start() {
        let database = server.database();
        let store = PostgresStore::connect(&database).await.unwrap();
        let pool = PgPool::connect(&database).await.unwrap();
        let size = async || {
            let query = "SELECT pg_total_relation_size('countersign_sessions')";
            let size: i64 = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
            u64::try_from(size).ok()
        };
        measure("postgres", store, size).await;
    }
    if let Some(server) = Redis::start() {
        let store = RedisStore::connect(&server.url()).await.unwrap();
        let client = redis::Client::open(server.url()).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        let size = async || {
            let mut info = redis::cmd("INFO");
            let mut connection = connection.clone();
            let info = info.arg("memory").query_async(&mut connection).await;
            let info: redis::InfoDict = info.unwrap();
            info.get::<u64>("used_memory")
        };
        measure("redis", store, size).await;
    }
}

fn signatures(algorithm: Algorithm) {
    let key = match algorithm {
        Algorithm::HS256 => SigningKey::hs256("an example secret of 32 bytes or more").unwrap(),
        algorithm => SigningKey::generate(algorithm).unwrap(),
    };
    let issuer = Issuer::builder("https://id.example", key).audience("app");
    let issuer = issuer.build().unwrap();
    let claims = json!({ "sub": "user-42", "roles": ["user", "editor"], "name": "Ada Lovelace" });
    let token = issuer.issue(&claims).unwrap();
    let verifier = issuer.verifier();
    let verified = in_a_second(|| drop(verifier.verify_now(token.as_str()).unwrap()));
    let signed = in_a_second(|| drop(issuer.issue(&claims).unwrap()));
    println!(
        "{:<9}  {verified:>34.0}  {signed:>15.0}",
        algorithm.to_string()
    );
}

/// Counts how often something can be done in a second, one after the other.
fn in_a_second(act: impl Fn()) -> f64 {
    let (began, mut done) = (Instant::now(), 0.0);
    while began.elapsed().as_secs() < 1 {
        for _ in 0..100 {
            act();
        }
        done += 100.0;
    }
    done / began.elapsed().as_secs_f64()
}

async fn measure<S: SessionStore>(name: &str, store: S, size: impl AsyncFn() -> Option<u64>) {
    let key = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://id.example", key).audience("app");
    let sessions = Sessions::builder(issuer.build().unwrap(), store).single_process();
    let sessions = sessions.build().unwrap();

    let before = size().await;
    let (logins, mut tokens) = all(0..SESSIONS, async |number| {
        let identity = Identity::new(format!("user-{}", number / DEVICES), json!({}));
        let client = ClientInfo::new().label("Mozilla/5.0 (X11; Linux x86_64) a usual browser");
        let pair = sessions.start(&identity, client).await.unwrap();
        pair.refresh_token().to_owned()
    })
    .await;
    let after = size().await;
    let (refreshes, new) = all(tokens.drain(..), async |token: String| {
        let claims = async |_| Ok::<_, Infallible>(Some(json!({ "role": "user" })));
        let pair = sessions.refresh(&token, &ClientInfo::new(), claims).await;
        pair.unwrap().refresh_token().to_owned()
    })
    .await;
    let (logouts, _) = all(new.into_iter().take(SESSIONS / 4), async |token: String| {
        sessions.end_by_token(&token).await.unwrap();
    })
    .await;
    let bytes = after.zip(before).map_or("-".to_owned(), |(after, before)| {
        ((after - before) / SESSIONS as u64).to_string()
    });
    println!("{name:<9} {logins:>8.0}  {refreshes:>11.0}  {logouts:>9.0}  {bytes:>18}");
}

/// Does something with each, so many at once. Returns how many a second, and what came of them.
async fn all<T, R, F>(each: impl Iterator<Item = T>, act: impl Fn(T) -> F) -> (f64, Vec<R>)
where
    F: Future<Output = R>,
{
    let mut shares: Vec<Vec<T>> = (0..CLIENTS).map(|_| Vec::new()).collect();
    for (number, one) in each.enumerate() {
        shares[number % CLIENTS].push(one);
    }
    let (began, done) = (Instant::now(), AtomicUsize::new(0));
    let results = join_all(shares.into_iter().map(async |share| {
        let mut results = Vec::new();
        for one in share {
            results.push(act(one).await);
            done.fetch_add(1, Ordering::Relaxed);
        }
        results
    }));
    let results = results.await.into_iter().flatten().collect();
    #[allow(clippy::cast_precision_loss)] // small
    let rate = done.into_inner() as f64 / began.elapsed().as_secs_f64();
    (rate, results)
}
