//! Tests of keys that are fetched one by one: those of AWS load balancers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use countersign::{
    Algorithm, ConfigError, Provider, RemoteKeys, SigningKey, Verifier,
    keys::KeySource,
    remote::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse, RemoteKeysBuilder},
    testing::{FixedClock, sign_padded},
};
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{advance, sleep},
};

use crate::provider::{NOW, check};

const SIGNER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
const KEYS: &str = "https://public-keys.auth.elb.eu-west-1.amazonaws.com";
const PRIVATE: &str = include_str!("../data/keys/p256.pkcs8.pem");
const PUBLIC: &str = include_str!("../data/keys/p256.spki.pem");

/// The host of the keys. Clones share their state.
#[derive(Clone, Default)]
struct Host(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    pems: HashMap<String, String>,
    fault: Option<FetchErrorKind>,
    /// The status of what is not there.
    missing: Option<u16>,
    /// The status of everything.
    status: Option<u16>,
    latency: Duration,
    asked: Vec<String>,
}

impl Host {
    fn with(ids: &[&str]) -> Self {
        let host = Self::default();
        for id in ids {
            host.state()
                .pems
                .insert((*id).to_owned(), PUBLIC.to_owned());
        }
        host
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn asked(&self) -> usize {
        self.state().asked.len()
    }

    fn keys(&self) -> RemoteKeysBuilder {
        let preset = Provider::aws_alb(SIGNER, "https://id.example").unwrap();
        RemoteKeys::discover(preset)
            .fetch(self.clone())
            .clock(FixedClock::at(NOW))
            .jitter_seed(1)
    }
}

impl Fetch for Host {
    async fn get(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let latency = self.state().latency;
        sleep(latency).await;
        let mut state = self.state();
        state.asked.push(request.url().to_owned());
        if let Some(fault) = state.fault {
            return Err(fault.into());
        }
        if let Some(status) = state.status {
            return Ok(FetchResponse::new(status, ""));
        }
        let id = request.url().strip_prefix(&format!("{KEYS}/")).unwrap();
        Ok(match state.pems.get(id) {
            Some(pem) => FetchResponse::new(200, pem.clone()),
            None => FetchResponse::new(state.missing.unwrap_or(403), "<Error/>"),
        })
    }
}

fn verifier(keys: &RemoteKeys) -> Verifier {
    Verifier::builder(keys.clone())
        .provider(Provider::aws_alb(SIGNER, "https://id.example").unwrap())
        .audience("client")
        .clock(FixedClock::at(NOW))
        .build()
        .unwrap()
}

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn token(id: &str) -> String {
    token_by(&SigningKey::es256_pem(PRIVATE).unwrap(), Some(id), SIGNER)
}

fn token_by(key: &SigningKey, id: Option<&str>, signer: &str) -> String {
    let mut header = json!({
        "alg": "ES256", "signer": signer, "client": "client", "iss": "https://id.example", "exp": NOW + 120,
    });
    if let Some(id) = id {
        header["kid"] = id.into();
    }
    let claims = json!({"sub": "ada", "iss": "https://id.example", "exp": NOW + 120});
    sign_padded(key, &header.to_string(), claims.to_string().as_bytes())
}

#[tokio::test(start_paused = true)]
async fn a_key_is_fetched_once_when_a_token_names_it() {
    let host = Host::with(&[&id(1), &id(2)]);
    let keys = host.keys().build().unwrap();
    keys.ready().await.unwrap();
    assert!(keys.status().is_ready());
    assert_eq!((host.asked(), keys.status().keys()), (0, 0));
    let verifier = verifier(&keys);
    for round in 0..3 {
        assert_eq!(
            check(&verifier, &token(&id(1))).await,
            "accepted",
            "{round}"
        );
        assert_eq!(host.asked(), 1);
    }
    assert_eq!(host.state().asked, [format!("{KEYS}/{}", id(1))]);
    // By another key under that id.
    let stranger = SigningKey::generate_es256().unwrap();
    let forged = token_by(&stranger, Some(&id(1)), SIGNER);
    assert_eq!(check(&verifier, &forged).await, "bad_signature");
    assert_eq!(host.asked(), 1);
    // A second one comes beside the first, which is renewed by the way.
    assert_eq!(check(&verifier, &token(&id(2))).await, "accepted");
    assert_eq!(check(&verifier, &token(&id(1))).await, "accepted");
    assert_eq!((host.asked(), keys.status().keys()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn the_first_token_may_come_before_the_first_look() {
    let host = Host::with(&[&id(1)]);
    let verifier = verifier(&host.keys().build().unwrap());
    assert_eq!(check(&verifier, &token(&id(1))).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn only_what_can_be_a_key_of_the_load_balancer_is_asked_for() {
    let host = Host::with(&[&id(1)]);
    let keys = host.keys().build().unwrap();
    keys.ready().await.unwrap();
    let verifier = verifier(&keys);
    for bad in [
        "",
        "..",
        "../../evil",
        "00000000-0000-4000-8000-00000000000A",
        "00000000-0000-4000-8000-0000000000/.",
        "00000000-0000-4000-8000-000000000001?",
        "00000000-0000-4000-8000-0000000000011",
        "https://evil.example/",
    ] {
        assert_eq!(check(&verifier, &token(bad)).await, "unknown_key", "{bad}");
    }
    let key = SigningKey::es256_pem(PRIVATE).unwrap();
    let unnamed = token_by(&key, None, SIGNER);
    assert_eq!(check(&verifier, &unnamed).await, "unknown_key");
    // What its own claims refuse asks for nothing either.
    let other = token_by(&key, Some(&id(1)), &SIGNER.replace("shop", "evil"));
    assert_eq!(check(&verifier, &other).await, "unknown_key");
    assert_eq!(host.asked(), 0);
    assert_eq!(check(&verifier, &token(&id(1))).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_shares_one_fetch() {
    let host = Host::with(&[&id(1)]);
    host.state().latency = Duration::from_millis(300);
    let keys = host.keys().build().unwrap();
    keys.ready().await.unwrap();
    let verifier = verifier(&keys);
    let (one, two) = (token(&id(1)), token(&id(1)));
    let crowd = tokio::join!(
        check(&verifier, &one),
        check(&verifier, &two),
        check(&verifier, &one)
    );
    assert_eq!(crowd, ("accepted", "accepted", "accepted"));
    assert_eq!(host.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_while_others_are_fetched_is_asked_for_next() {
    let host = Host::with(&[&id(1), &id(2)]);
    host.state().latency = Duration::from_millis(300);
    let keys = host.keys().build().unwrap();
    keys.ready().await.unwrap();
    let verifier = verifier(&keys);
    let late = async {
        sleep(Duration::from_millis(100)).await;
        check(&verifier, &token(&id(2))).await
    };
    let first = token(&id(1));
    assert_eq!(
        tokio::join!(check(&verifier, &first), late),
        ("accepted", "accepted")
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_there_is_not_asked_for_again_at_once() {
    for missing in [403, 404, 410] {
        let host = Host::with(&[&id(1)]);
        host.state().missing = Some(missing);
        let keys = host.keys().build().unwrap();
        keys.ready().await.unwrap();
        let verifier = verifier(&keys);
        for _ in 0..10 {
            assert_eq!(
                check(&verifier, &token(&id(9))).await,
                "unknown_key",
                "{missing}"
            );
        }
        assert_eq!(host.asked(), 1, "{missing}");
        // The good one passes all the same.
        assert_eq!(
            check(&verifier, &token(&id(1))).await,
            "accepted",
            "{missing}"
        );
        advance(Duration::from_secs(11)).await;
        host.state().pems.insert(id(9), PUBLIC.to_owned());
        assert_eq!(
            check(&verifier, &token(&id(9))).await,
            "accepted",
            "{missing}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_ids_costs_few_requests_and_no_key_at_hand() {
    let host = Host::with(&[&id(1)]);
    let keys = host.keys().build().unwrap();
    keys.ready().await.unwrap();
    let verifier = verifier(&keys);
    assert_eq!(check(&verifier, &token(&id(1))).await, "accepted");
    let before = host.asked();
    for number in 100..200 {
        let verdict = check(&verifier, &token(&id(number))).await;
        assert!(
            ["unknown_key", "keys_unavailable"].contains(&verdict),
            "{verdict}"
        );
        assert_eq!(check(&verifier, &token(&id(1))).await, "accepted");
    }
    // The one that is known is renewed with each fetch.
    assert!(host.asked() - before <= 4, "{}", host.asked());

    // All at once: one fetch asks for four of them, and nobody can tell about the others.
    advance(Duration::from_secs(60)).await;
    host.state().latency = Duration::from_millis(300);
    let before = host.asked();
    let tokens: Vec<_> = (200..220).map(|number| token(&id(number))).collect();
    let mut crowd = JoinSet::new();
    for token in tokens {
        let verifier = verifier.clone();
        crowd.spawn(async move { check(&verifier, &token).await });
    }
    let verdicts = crowd.join_all().await;
    let count = |name| verdicts.iter().filter(|own| **own == name).count();
    assert_eq!((count("unknown_key"), count("keys_unavailable")), (4, 16));
    assert_eq!(host.asked() - before, 5);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_503_for_new_keys_and_nothing_for_known_ones() {
    for (fault, status) in [
        (Some(FetchErrorKind::Connect), None),
        (None, Some(503)),
        (None, Some(302)),
    ] {
        let host = Host::with(&[&id(1), &id(2)]);
        let keys = host.keys().build().unwrap();
        keys.ready().await.unwrap();
        let verifier = verifier(&keys);
        assert_eq!(check(&verifier, &token(&id(1))).await, "accepted");
        host.state().fault = fault;
        host.state().status = status;
        assert_eq!(check(&verifier, &token(&id(2))).await, "keys_unavailable");
        assert_eq!(check(&verifier, &token(&id(1))).await, "accepted");
        host.state().fault = None;
        host.state().status = None;
        sleep(Duration::from_secs(20)).await;
        assert_eq!(check(&verifier, &token(&id(2))).await, "accepted");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_withdrawn_goes_with_the_next_look() {
    let host = Host::with(&[&id(1)]);
    let keys = host.keys().build().unwrap();
    keys.ready().await.unwrap();
    let verifier = verifier(&keys);
    assert_eq!(check(&verifier, &token(&id(1))).await, "accepted");
    host.state().pems.clear();
    sleep(Duration::from_secs(601)).await;
    assert_eq!(check(&verifier, &token(&id(1))).await, "unknown_key");
    assert!(keys.status().is_ready());
}

#[tokio::test(start_paused = true)]
async fn sixteen_keys_are_kept() {
    let ids: Vec<String> = (1..=20).map(id).collect();
    let host = Host::with(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let keys = host.keys().build().unwrap();
    keys.ready().await.unwrap();
    let verifier = verifier(&keys);
    for id in &ids {
        assert_eq!(check(&verifier, &token(id)).await, "accepted", "{id}");
        sleep(Duration::from_secs(11)).await;
    }
    assert_eq!(keys.status().keys(), 16);
    // The oldest are fetched again.
    assert_eq!(check(&verifier, &token(&ids[0])).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn keys_of_an_earlier_run_are_there_at_once_and_renewed() {
    let host = Host::with(&[&id(1)]);
    let keys = host.keys().build().unwrap();
    keys.ready().await.unwrap();
    assert!(keys.saved().is_none());
    assert_eq!(check(&verifier(&keys), &token(&id(1))).await, "accepted");
    let saved = keys.saved().unwrap();
    let before = host.asked();
    let warm = host.keys().warm(saved).build().unwrap();
    assert!(warm.snapshot().is_ok());
    assert_eq!(check(&verifier(&warm), &token(&id(1))).await, "accepted");
    warm.ready().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(check(&verifier(&warm), &token(&id(1))).await, "accepted");
    assert_eq!(host.asked(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_key_is_an_outage() {
    let host = Host::default();
    let keys = host.keys().build().unwrap();
    keys.ready().await.unwrap();
    for bad in [
        "",
        "<html>",
        PRIVATE,
        include_str!("../data/keys/p384.spki.pem"),
    ] {
        host.state().pems.insert(id(1), bad.to_owned());
        assert_eq!(
            check(&verifier(&keys), &token(&id(1))).await,
            "keys_unavailable",
            "{bad}"
        );
        sleep(Duration::from_secs(60)).await;
    }
}

#[tokio::test]
async fn such_keys_are_for_one_algorithm() {
    let refused = Host::default()
        .keys()
        .algorithms([Algorithm::RS256])
        .build();
    assert!(matches!(refused, Err(ConfigError::Conflict(_))));
}
