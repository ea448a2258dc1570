//! How a client proves who it is.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use countersign::{
    Clock, SigningKey, Verifier,
    remote::{ClientAuthentication, TokenClient},
    testing::FixedClock,
};

use crate::endpoint::{Endpoint, SECRET, URL};

fn client(endpoint: &Endpoint, proof: ClientAuthentication) -> TokenClient {
    TokenClient::builder(URL, proof)
        .fetch(endpoint.clone())
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn by_a_secret_in_the_header() {
    let endpoint = Endpoint::new();
    let proof = ClientAuthentication::client_secret_basic("a client:1", SECRET);
    client(&endpoint, proof).token().await.unwrap();
    assert_eq!(
        endpoint.form(0),
        [("grant_type".into(), "client_credentials".into())]
    );
    let header = endpoint.state().requests[0]
        .authorization()
        .unwrap()
        .to_owned();
    let pair = STANDARD
        .decode(header.strip_prefix("Basic ").unwrap())
        .unwrap();
    // Encoded before they are joined (RFC 6749 section 2.3.1).
    assert_eq!(
        String::from_utf8(pair).unwrap(),
        "a+client%3A1:private%3A+a+secret+%26+more"
    );
}

#[tokio::test(start_paused = true)]
async fn by_a_secret_in_the_form() {
    let endpoint = Endpoint::new();
    let proof = ClientAuthentication::client_secret_post("orders", SECRET);
    client(&endpoint, proof).token().await.unwrap();
    assert_eq!(endpoint.state().requests[0].authorization(), None);
    let form = endpoint.form(0);
    assert!(form.contains(&("client_id".into(), "orders".into())));
    assert!(form.contains(&("client_secret".into(), SECRET.into())));
}

#[tokio::test(start_paused = true)]
async fn by_a_key_with_a_new_jwt_for_each_request() {
    let clock = FixedClock::at(1_800_000_000);
    for key in [
        SigningKey::generate_es256().unwrap(),
        SigningKey::hs256("an example secret of 32 bytes or more").unwrap(),
    ] {
        let endpoint = Endpoint::new();
        let proof = ClientAuthentication::private_key_jwt("orders", key.clone());
        let clients = [(); 2].map(|()| {
            TokenClient::builder(URL, proof.clone())
                .fetch(endpoint.clone())
                .clock(clock.clone())
                .build()
                .unwrap()
        });
        for client in clients {
            client.token().await.unwrap();
        }
        let verifier = Verifier::builder(key.verifying_key())
            .issuer("orders")
            .audience(URL)
            .clock(clock.clone())
            .build()
            .unwrap();
        let mut ids = Vec::new();
        for index in 0..2 {
            let form = endpoint.form(index);
            let value = |name: &str| form.iter().find(|(own, _)| own == name).unwrap().1.as_str();
            assert_eq!(
                value("client_assertion_type"),
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            assert_eq!(value("client_id"), "orders");
            let token = verifier.verify_now(value("client_assertion")).unwrap();
            assert_eq!(token.subject(), Some("orders"));
            assert_eq!(token.expires_at(), Some(clock.now() + 60));
            ids.push(token.id().unwrap().to_owned());
        }
        assert_ne!(ids[0], ids[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn by_what_the_platform_has_signed_read_each_time() {
    let (endpoint, reads) = (Endpoint::new(), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&reads);
    let proof = ClientAuthentication::client_assertion("orders", move || {
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => Err(io::Error::other("no such file")),
            n => Ok(format!("assertion-{n}\n")),
        }
    });
    let client = client(&endpoint, proof);
    let error = client.token().await.unwrap_err();
    assert!(error.is_unavailable());
    assert_eq!(endpoint.requests(), 0);
    tokio::time::advance(error.retry_after().unwrap_or_default()).await;
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    client.token().await.unwrap();
    let form = endpoint.form(0);
    assert!(form.contains(&("client_assertion".into(), "assertion-1".into())));
}
