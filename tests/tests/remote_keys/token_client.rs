//! Tokens of the real provider for calls to other services.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use countersign::{
    Algorithm, Authenticator, VerifiedToken, Verifier,
    adapter::Credentials,
    remote::{ClientAuthentication, TokenClient, TokenErrorKind},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    ALONE,
    provider::{CLIENT, Provider, audience},
};

const CALLS: usize = 1_000;

fn client(provider: &Provider, secret: &str) -> TokenClient {
    let proof = ClientAuthentication::client_secret_basic(CLIENT, secret);
    TokenClient::discover(provider.issuer(), proof)
        .resource(audience(Algorithm::ES256))
        .scope("read")
        .build()
        .unwrap()
}

async fn verifier(provider: &Provider) -> Verifier {
    let builder = Verifier::discover(provider.issuer());
    builder
        .audience(audience(Algorithm::ES256))
        .build()
        .await
        .unwrap()
}

fn tokens(provider: &Provider) -> u64 {
    provider.order("fetches")["tokens"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_are_one_request_by_client_credentials_and_by_exchange() {
    let _alone = ALONE.lock().await;
    let Some(provider) = Provider::start("tokens for calls to other services") else {
        return;
    };
    let (client, verifier) = (client(&provider, "secret"), verifier(&provider).await);
    let began = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let client = client.clone();
        calls.spawn(async move { client.token().await.unwrap().as_str().to_owned() });
    }
    let mut own = calls.join_all().await;
    println!("token client: {CALLS} calls in {:?}", began.elapsed());
    own.dedup();
    assert_eq!((own.len(), tokens(&provider)), (1, 1));
    let token = verifier.verify(&own[0]).await.unwrap();
    assert_eq!(token.subject(), Some(CLIENT));

    let user = user(&provider, &verifier).await;
    let before = tokens(&provider);
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let (client, user) = (client.clone(), user.clone());
        calls.spawn(async move { client.exchange(&user).await.unwrap().as_str().to_owned() });
    }
    let mut exchanged = calls.join_all().await;
    exchanged.dedup();
    assert_eq!((exchanged.len(), tokens(&provider) - before), (1, 1));
    assert_ne!(Some(exchanged[0].as_str()), user.encoded());
    assert!(verifier.verify(&exchanged[0]).await.is_ok());
}

/// Returns a token of the provider, as a request would bring it.
async fn user(provider: &Provider, verifier: &Verifier) -> VerifiedToken {
    let text = provider.token(Algorithm::ES256).text;
    let authenticator = Authenticator::new(verifier).keep_token_text();
    let token = authenticator.authenticate(Some(Credentials::new(&text)));
    token.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_and_a_token_of_somebody_else_are_refused_with_their_code() {
    let _alone = ALONE.lock().await;
    let Some(provider) = Provider::start("refusals of a token endpoint") else {
        return;
    };
    let error = client(&provider, "wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Refused);
    assert_eq!(error.code(), Some("invalid_client"));

    let issuer = countersign::testing::TestIssuer::new();
    let text = issuer.token().sign();
    let authenticator = Authenticator::new(issuer.verifier()).keep_token_text();
    let stranger = authenticator.authenticate(Some(Credentials::new(&text)));
    let stranger = stranger.await.unwrap().unwrap();
    let client = client(&provider, "secret");
    let error = client.exchange(&stranger).await.unwrap_err();
    assert_eq!(error.code(), Some("invalid_grant"));
    assert!(client.token().await.is_ok());
}

/// Calls without a break through a rotation of the provider's keys and an outage.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_goes_without_a_token_through_a_rotation_and_an_outage() {
    let _alone = ALONE.lock().await;
    let Some(provider) = Provider::start("tokens through a rotation and an outage") else {
        return;
    };
    provider.order("ttl/4");
    let client = client(&provider, "secret");
    let verifier = verifier(&provider).await;
    client.token().await.unwrap();
    let (stop, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (client, stop, calls) = (client.clone(), Arc::clone(&stop), Arc::clone(&calls));
        callers.spawn(async move {
            // Until when the last token of this caller is good, and the calls that got none before that.
            let (mut until, mut without, mut outage) = (Instant::now(), 0, 0);
            while !stop.load(Ordering::Relaxed) {
                match client.token().await {
                    Ok(token) => until = Instant::now() + token.usable_for(),
                    Err(_) if Instant::now() < until => without += 1,
                    Err(_) => outage += 1,
                }
                calls.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(1)).await;
            }
            (without, outage)
        });
    }
    provider.order("publish");
    provider.order("sign");
    provider.order("remove");
    let before = tokens(&provider);
    let renewed = async || {
        while tokens(&provider) == before {
            sleep(Duration::from_millis(20)).await;
        }
    };
    renewed().await;
    provider.order("stop");
    // Longer than the last token is good, so that calls fail, too.
    sleep(Duration::from_secs(5)).await;
    provider.order("listen");
    while client.token().await.is_err() {
        sleep(Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let results = callers.join_all().await;
    let without: u32 = results.iter().map(|(without, _)| without).sum();
    let outage: u32 = results.iter().map(|(_, outage)| outage).sum();
    let calls = calls.load(Ordering::Relaxed);
    println!(
        "token client: {calls} calls through a rotation and an outage; without a token: {without} while one was good, \
         {outage} while none was"
    );
    assert_eq!(without, 0);
    assert!(outage > 0);
    let token = client.token().await.unwrap();
    assert!(verifier.verify(token.as_str()).await.is_ok());
}
