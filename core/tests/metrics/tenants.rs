//! Tests of the metrics of issuers that a resolver finds: none has the name of one.

use std::time::Duration;

use countersign::{
    Authenticator, DynamicIssuers, Issuers, SigningKey, Verifier,
    adapter::Credentials,
    metrics::describe,
    remote::{Fetch, FetchError, FetchRequest, FetchResponse},
    testing::TestIssuer,
};
use metrics_util::debugging::DebuggingRecorder;
use serde_json::json;

use crate::{expect, measured};

/// The provider of all tenants, with one key.
#[derive(Clone)]
struct Provider(SigningKey);

impl Fetch for Provider {
    async fn get(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let key = self.0.verifying_key().to_jwk().unwrap_or_default();
        let metadata = "/.well-known/openid-configuration";
        let body = match request.url().strip_suffix(metadata) {
            Some(issuer) => {
                json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks") }).to_string()
            }
            None => format!(r#"{{"keys":[{key}]}}"#),
        };
        Ok(FetchResponse::new(200, body))
    }
}

#[tokio::test(start_paused = true)]
async fn no_label_has_the_name_of_an_issuer_that_a_resolver_found() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    describe();
    let keys = TestIssuer::new();
    let (clock, provider) = (keys.clock().clone(), Provider(keys.key().clone()));
    let tenants = DynamicIssuers::builder(move |issuer: Box<str>| {
        let (clock, provider) = (clock.clone(), provider.clone());
        async move {
            if !issuer.contains("tenant") {
                return Ok(None);
            }
            let builder = Verifier::discover(String::from(issuer)).clock(clock);
            let builder = builder.remote(|keys| keys.fetch(provider)).any_audience();
            builder.build().await.map(Some)
        }
    });
    let tenants = tenants.capacity(2).new_per_minute(4).build().unwrap();
    expect(
        &snapshotter,
        &[("countersign_dynamic_issuers_total{result=new}", 0.0)],
    );
    let authenticator = Authenticator::new(Issuers::dynamic(tenants.clone()));
    let name = |tenant: &str| format!("https://{tenant}.id.example");
    for tenant in ["tenant-1", "tenant-2", "tenant-3", "tenant-1"] {
        let token = keys.token().issuer(&name(tenant)).sign();
        let _ = authenticator
            .authenticate(Some(Credentials::new(&token)))
            .await;
    }
    tenants.remove(&name("tenant-2"));
    for number in 0..4 {
        let token = keys
            .token()
            .issuer(&name(&format!("invented-{number}")))
            .sign();
        let _ = authenticator
            .authenticate(Some(Credentials::new(&token)))
            .await;
    }
    // The keys are fetched once more.
    tokio::time::sleep(Duration::from_secs(520)).await;

    let measured = measured(&snapshotter);
    for (name, expected) in [
        ("countersign_dynamic_issuers_known{}", 1.0),
        ("countersign_dynamic_issuers_total{result=full}", 1.0),
        ("countersign_dynamic_issuers_total{result=new}", 2.0),
        ("countersign_dynamic_issuers_total{result=over_budget}", 2.0),
        ("countersign_dynamic_issuers_total{result=removed}", 1.0),
        ("countersign_dynamic_issuers_total{result=unknown}", 2.0),
        (
            "countersign_key_fetches_total{source=dynamic,result=changed}",
            2.0,
        ),
        (
            "countersign_key_fetches_total{source=dynamic,result=unchanged}",
            1.0,
        ),
        ("countersign_requests_total{outcome=accepted}", 3.0),
        (
            "countersign_requests_total{outcome=issuer_unavailable}",
            3.0,
        ),
        (
            "countersign_tolerated_tokens_total{issuer=dynamic,tolerance=any-audience}",
            3.0,
        ),
    ] {
        assert_eq!(measured.get(name), Some(&expected), "{name}: {measured:#?}");
    }
    assert!(
        !measured.keys().any(|name| name.contains("id.example")),
        "{measured:#?}"
    );
    // Nor is there a gauge that one would overwrite for the others.
    assert!(
        !measured
            .keys()
            .any(|name| name.starts_with("countersign_keys")),
        "{measured:#?}"
    );
}
