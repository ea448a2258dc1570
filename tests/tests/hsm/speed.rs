//! A measurement: signatures a second, in this process and in a token.

use countersign::{Algorithm, Issuer, SigningKey};
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::lab::{Lab, run};

const TOKENS: u32 = 400;

/// Returns the number of tokens a second, with so many asked for at once.
fn rate(lab: &Lab, issuer: &Issuer, at_once: u32) -> u32 {
    let began = Instant::now();
    lab.runtime.block_on(async {
        let mut all = JoinSet::new();
        for _ in 0..at_once {
            let issuer = issuer.clone();
            all.spawn(async move {
                for _ in 0..TOKENS / at_once {
                    issuer.issue_async(&json!({ "sub": "ada" })).await.unwrap();
                }
            });
        }
        all.join_all().await;
    });
    (f64::from(TOKENS) / began.elapsed().as_secs_f64()) as u32
}

/// It states, and asserts no more than that both sign: the machine may have other things to do.
#[test]
fn the_speed_of_a_token_is_printed_beside_that_of_a_local_key() {
    run(
        "speed::the_speed_of_a_token_is_printed_beside_that_of_a_local_key",
        |mut lab| {
            lab.start_server();
            let issuer = |key| {
                let issuer = Issuer::builder("https://id.example", key).audience("app");
                issuer.build().unwrap()
            };
            let inside = lab.token();
            let served = lab.served_token();
            for algorithm in [Algorithm::ES256, Algorithm::RS256] {
                let local = match algorithm {
                    // As long as the one in the token.
                    Algorithm::RS256 => SigningKey::generate_rsa(algorithm, 3072),
                    _ => SigningKey::generate(algorithm),
                };
                let local = issuer(local.unwrap());
                let key = lab.generate(&inside, algorithm);
                let name = hsm::KeyName::Label(algorithm.name().to_owned());
                let key = SigningKey::external(key)
                    .signatures_at_once(4)
                    .into_future();
                let inside = issuer(lab.runtime.block_on(key).unwrap());
                let key = lab.runtime.block_on(served.key(name, algorithm)).unwrap();
                let key = SigningKey::external(key)
                    .signatures_at_once(4)
                    .into_future();
                let served = issuer(lab.runtime.block_on(key).unwrap());
                for at_once in [1, 4] {
                    let [local, inside, served] =
                        [&local, &inside, &served].map(|issuer| rate(&lab, issuer, at_once));
                    println!(
                        "{algorithm}, {at_once} at once: {local} tokens a second by a local key, \
                     {inside} by SoftHSM in the process, {served} by SoftHSM in another one"
                    );
                    assert!(local > 0 && inside > 0 && served > 0);
                }
            }
        },
    );
}
