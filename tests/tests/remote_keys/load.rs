//! Tests of a rotation and an outage of the real provider, under load.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{Algorithm, SigningKey, remote::KeysState, testing::sign_raw};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    ALONE,
    provider::{ALGORITHMS, Provider},
    servers::{self, Running},
    traffic::{Tokens, Traffic},
};

/// The interval at which clients get new tokens.
const STEP: Duration = Duration::from_millis(250);

/// New keys are published next to the old ones, then they sign, and the old ones are withdrawn once
/// their last token has expired. Clients use every token until it expires.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_under_load_refuses_nobody() {
    let _alone = ALONE.lock().await;
    let Some(provider) = Provider::start("a rotation of a real OpenID provider") else {
        return;
    };
    let lifetime = 3;
    provider.order(&format!("ttl/{lifetime}"));
    let servers = servers::start_all(&provider.issuer()).await;
    let tokens = Arc::new(Tokens::default());
    tokens.renew(&provider);
    let load = start(&servers, &tokens);

    let renew_for = |seconds| renew_for(&provider, &tokens, Duration::from_secs(seconds));
    renew_for(1).await;
    provider.order("publish");
    renew_for(1).await;
    let old = provider.token(Algorithm::ES256).text;
    provider.order("sign");
    renew_for(lifetime + 1).await;
    for server in &servers {
        // It has expired, but within the tolerance for clocks.
        assert_eq!(server.send(&old).status, 200, "{}", server.name);
    }
    provider.order("remove");
    renew_for(1).await;
    for server in &servers {
        // An unknown key makes the server fetch again, and so it learns of the removal.
        assert_eq!(
            server.send(&invented(&tokens)).status,
            401,
            "{}",
            server.name
        );
        assert_eq!(server.send(&old).status, 401, "{}", server.name);
    }
    renew_for(1).await;

    stop("rotation", &servers, load).await;
    println!("rotation: {} fetches of keys by both", provider.fetches());
    for server in &servers {
        let keys = server.keys.status();
        assert_eq!(keys.keys(), ALGORITHMS.len(), "{}", server.name);
        // The first keys, both, the second ones.
        assert_eq!(keys.generation(), 3, "{}", server.name);
    }
    assert_eq!(provider.fetches(), 6, "three for each server");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_ten_seconds_under_load_refuses_nobody() {
    let _alone = ALONE.lock().await;
    let Some(provider) = Provider::start("an outage of a real OpenID provider") else {
        return;
    };
    provider.order("ttl/60");
    let servers = servers::start_all(&provider.issuer()).await;
    let tokens = Arc::new(Tokens::default());
    tokens.renew(&provider);
    let load = start(&servers, &tokens);
    every(Duration::from_secs(1), || {}).await;

    provider.order("stop");
    let stopped = Instant::now();
    every(Duration::from_secs(7), || {}).await;
    every(Duration::from_secs(3), || {
        for server in &servers {
            // It is unknown whether this key exists. The server asks whenever it may.
            let answer = server.send(&invented(&tokens));
            assert_eq!(answer.status, 503, "{}: {answer:?}", server.name);
            assert!(answer.retry_after.is_some(), "{}: {answer:?}", server.name);
        }
    })
    .await;
    for server in &servers {
        let keys = server.keys.status();
        assert_eq!(keys.state(), KeysState::Fresh, "{}", server.name);
        assert_eq!(keys.last_error(), Some("connect"), "{}", server.name);
    }
    provider.order("listen");
    let (away, back) = (stopped.elapsed(), Instant::now());
    renew_for(&provider, &tokens, Duration::from_secs(1)).await;

    until(Duration::from_secs(20), || {
        (servers.iter()).all(|server| server.keys.status().failures() == 0)
    })
    .await;
    let recovered = back.elapsed();
    println!("outage: {away:.1?}, both had fetched keys {recovered:.1?} after its end");
    // The twin of the 503: now it is known that there is no such key.
    for server in &servers {
        assert_eq!(
            server.send(&invented(&tokens)).status,
            401,
            "{}",
            server.name
        );
    }
    stop("outage", &servers, load).await;
}

fn start(servers: &[Running], tokens: &Arc<Tokens>) -> Vec<Traffic> {
    (servers.iter())
        .map(|server| Traffic::start(server.address, tokens))
        .collect()
}

async fn stop(what: &str, servers: &[Running], load: Vec<Traffic>) {
    for (server, traffic) in servers.iter().zip(load) {
        let figures = traffic.stop().await;
        println!("{what}: {} {figures}", server.name);
        figures.assert_nobody_was_refused(server.name);
    }
}

async fn renew_for(provider: &Provider, tokens: &Tokens, time: Duration) {
    every(time, || tokens.renew(provider)).await;
}

/// Runs an action at every step, for this time.
async fn every(time: Duration, mut act: impl FnMut()) {
    let end = Instant::now() + time;
    let mut steps = interval(STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while steps.tick().await < end {
        act();
    }
}

/// Waits until a condition is true.
async fn until(patience: Duration, holds: impl Fn() -> bool) {
    let end = Instant::now() + patience;
    let mut steps = interval(STEP);
    while !holds() {
        assert!(steps.tick().await < end, "it did not happen in time");
    }
}

/// Returns a token that names a key which does not exist. Its claims are those of a good one: the
/// key of an expired token, or of one for another audience, is not looked for.
fn invented(tokens: &Tokens) -> String {
    let key = SigningKey::generate_ed25519().unwrap();
    let header = format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{}"}}"#, key.id());
    let good = tokens.take();
    let payload = good.split('.').nth(1).unwrap();
    sign_raw(&key, &header, &URL_SAFE_NO_PAD.decode(payload).unwrap())
}
