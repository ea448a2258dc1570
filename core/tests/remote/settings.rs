//! Tests of the settings, and of discovery.

use std::time::Duration;

use countersign::{
    Algorithm, ConfigError, RemoteKeys, Verifier,
    keys::KeySource,
    remote::{FetchErrorKind, HttpFetch},
    testing::FixedClock,
};

use crate::provider::{ISSUER, METADATA, NOW, Provider, check, key, token, verifier};

#[tokio::test]
async fn an_address_must_be_protected() {
    // `HttpFetch` refuses plain http; a `Fetch` of one's own decides by itself.
    for http in [
        "http://id.example/jwks",
        "http://localhost.evil.example/jwks",
        "http://10.0.0.7/jwks",
    ] {
        for builder in [
            RemoteKeys::jwks(http),
            RemoteKeys::jwks(http).fetch(HttpFetch::default()),
            RemoteKeys::discover(http),
        ] {
            assert_eq!(
                builder.build().unwrap_err().to_string(),
                format!(
                    "invalid setting: {http:?}: http is only for a loopback host: use https, or allow it in a \
                     private network with `private_http`"
                )
            );
        }
        let own = RemoteKeys::jwks(http).fetch(Provider::default());
        assert!(own.build().is_ok(), "{http}");
    }
    for bad in [
        "ftp://id.example/jwks",
        "https://user:secret@id.example/jwks",
        "https://id.example/jwks#fragment",
        "id.example",
        "",
        "https://",
        "https://169.254.169.254/latest",
    ] {
        let refused = RemoteKeys::jwks(bad).fetch(Provider::default()).build();
        assert!(
            matches!(refused, Err(ConfigError::InvalidSetting(_))),
            "{bad}"
        );
        assert!(!format!("{refused:?}").contains("secret"), "{bad}");
    }
    for good in [
        "https://id.example/jwks",
        "https://id.example:8443/jwks?p=policy",
        "http://localhost:8080/jwks",
        "http://127.0.0.1/jwks",
        "http://[::1]:1/jwks",
    ] {
        assert!(
            RemoteKeys::jwks(good)
                .fetch(Provider::default())
                .build()
                .is_ok(),
            "{good}"
        );
    }
    let with_query = RemoteKeys::discover("https://id.example?x").fetch(Provider::default());
    assert!(matches!(
        with_query.build(),
        Err(ConfigError::InvalidSetting(_))
    ));
}

#[tokio::test]
async fn plain_http_in_private_networks_is_allowed_by_name() {
    for (url, expected) in [
        ("http://keycloak:8080/certs", None),
        ("http://auth.default.svc/certs", None),
        ("http://10.0.0.7/certs", None),
        ("http://[fd00::7]/certs", None),
        (
            "http://192.0.2.1/certs",
            Some("http is only for private addresses"),
        ),
        (
            "http://[2001:db8::1]/certs",
            Some("http is only for private addresses"),
        ),
        ("http://169.254.169.254/latest", Some("no provider can be")),
        (
            "https://keycloak/certs",
            Some("`private_http` is for a URL that begins with http:"),
        ),
    ] {
        let built = RemoteKeys::jwks(url).private_http().build();
        match (built, expected) {
            (Ok(keys), None) => assert!(keys.uses_private_http(), "{url}"),
            (Err(error), Some(text)) => assert!(error.to_string().contains(text), "{error}"),
            (built, _) => panic!("{url}: {built:?}"),
        }
    }
    let without = RemoteKeys::jwks("http://localhost:8080/certs")
        .build()
        .unwrap();
    assert!(!without.uses_private_http());
}

#[tokio::test(start_paused = true)]
async fn each_request_says_whether_plain_http_is_allowed() {
    let key = key("a");
    for allowed in [false, true] {
        let provider = Provider::new(&[&key]);
        provider.state().issuer = Some("http://keycloak".into());
        provider.state().jwks_uri = Some("http://keycloak/jwks".into());
        let builder = RemoteKeys::discover("http://keycloak").fetch(provider.clone());
        let builder = if allowed {
            builder.private_http()
        } else {
            builder
        };
        let keys = builder.build().unwrap();
        keys.ready().await.unwrap();
        let asked: Vec<_> = (provider.state().log.iter())
            .map(|(_, request)| request.allows_private_http())
            .collect();
        assert_eq!(asked, [allowed, allowed]);
    }
}

#[tokio::test]
async fn the_stale_bound_has_a_bound() {
    let day = Duration::from_secs(86_400);
    let build = |stale| {
        RemoteKeys::jwks("https://id.example/jwks")
            .fetch(Provider::default())
            .max_stale(stale)
            .build()
    };
    assert!(build(7 * day).is_ok());
    assert!(matches!(
        build(8 * day),
        Err(ConfigError::InvalidSetting(_))
    ));
}

#[test]
fn a_source_needs_a_runtime() {
    let refused = RemoteKeys::jwks("https://id.example/jwks")
        .fetch(Provider::default())
        .build();
    assert!(matches!(refused, Err(ConfigError::Missing(_))));
}

#[tokio::test(start_paused = true)]
async fn the_metadata_says_where_the_keys_are() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let keys = RemoteKeys::discover(ISSUER)
        .fetch(provider.clone())
        .build()
        .unwrap();
    keys.ready().await.unwrap();
    assert_eq!(check(&verifier(&keys), &token(&key)).await, "accepted");
    let asked: Vec<String> = (provider.state().log.iter())
        .map(|(_, request)| request.url().to_owned())
        .collect();
    assert_eq!(asked, [METADATA, crate::provider::JWKS]);
}

#[tokio::test(start_paused = true)]
async fn metadata_of_another_issuer_is_refused_however_it_looks() {
    let key = key("a");
    for (issuer, expected) in [
        (ISSUER, None),
        ("https://id.example/", Some("wrong_issuer")),
        ("https://ID.example", Some("wrong_issuer")),
        ("https://evil.example", Some("wrong_issuer")),
    ] {
        let provider = Provider::new(&[&key]);
        provider.state().issuer = Some(issuer.into());
        let keys = RemoteKeys::discover(ISSUER)
            .fetch(provider.clone())
            .build()
            .unwrap();
        let _ = keys.ready().await;
        assert_eq!(keys.status().last_error(), expected, "{issuer}");
        assert_eq!(keys.status().is_ready(), expected.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn keys_stay_when_only_the_metadata_is_away() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let keys = RemoteKeys::discover(ISSUER)
        .fetch(Partly(provider.clone()))
        .build()
        .unwrap();
    keys.ready().await.unwrap();
    provider.state().issuer = Some("away".into());
    crate::provider::pass(1_200).await;
    assert_eq!(keys.status().last_error(), None);
    assert!(keys.status().age().unwrap() < Duration::from_secs(600));
    // Only for a time: the metadata must be fetched again now and then.
    crate::provider::pass(3_600).await;
    assert_eq!(keys.status().last_error(), Some("connect"));
}

#[tokio::test(start_paused = true)]
async fn keys_stay_when_the_metadata_hangs() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let keys = RemoteKeys::discover(ISSUER)
        .fetch(Partly(provider.clone()))
        .build()
        .unwrap();
    keys.ready().await.unwrap();
    provider.state().issuer = Some("hangs".into());
    crate::provider::pass(1_200).await;
    assert_eq!(keys.status().last_error(), None);
    assert!(keys.status().age().unwrap() < Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn keys_that_moved_are_found() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    // The metadata can be kept for a day, the keys for a minute.
    provider.state().headers = vec![("cache-control", "max-age=86400".into())];
    let keys = RemoteKeys::discover(ISSUER)
        .fetch(provider.clone())
        .build()
        .unwrap();
    keys.ready().await.unwrap();
    {
        let mut state = provider.state();
        state.gone = Some(crate::provider::JWKS);
        state.jwks_uri = Some("https://keys.example/new".into());
    }
    // The fetch at the old URL fails, the next one finds the new URL: within one request.
    let verdict = check(&verifier(&keys), &crate::provider::unknown("b")).await;
    assert_eq!(verdict, "unknown_key");
    assert_eq!(keys.status().last_error(), None);
    let last = provider.state().log.last().unwrap().1.url().to_owned();
    assert_eq!(last, "https://keys.example/new");
}

#[tokio::test]
async fn the_host_of_the_keys_is_a_host() {
    let build = |host: &str| {
        RemoteKeys::discover(ISSUER)
            .fetch(Provider::default())
            .keys_host(host)
            .build()
    };
    assert!(build("keys.example").is_ok());
    for bad in [
        "https://keys.example",
        "keys.example:8443",
        "Keys.example",
        "keys.example/",
        "",
    ] {
        assert!(
            matches!(build(bad), Err(ConfigError::InvalidSetting(_))),
            "{bad}"
        );
    }
    let named_twice = RemoteKeys::jwks(crate::provider::JWKS)
        .fetch(Provider::default())
        .keys_host("keys.example");
    assert!(matches!(named_twice.build(), Err(ConfigError::Conflict(_))));
}

/// Keys that providers publish today must not stop a server from starting.
#[tokio::test(start_paused = true)]
async fn keys_for_other_algorithms_do_not_stop_the_start() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let keys = provider.keys().build().unwrap();
    keys.ready().await.unwrap();
    let verifier = Verifier::builder(keys)
        .issuer(ISSUER)
        .audience("orders")
        .algorithms([Algorithm::ES256])
        .build()
        .unwrap();
    assert_eq!(check(&verifier, &token(&key)).await, "wrong_algorithm");
}

/// A provider whose metadata is away, or hangs, if the issuer has such a name.
struct Partly(Provider);

impl countersign::remote::Fetch for Partly {
    async fn get(
        &self,
        request: countersign::remote::FetchRequest,
    ) -> Result<countersign::remote::FetchResponse, countersign::remote::FetchError> {
        let is_away = self.0.state().issuer.as_deref() == Some("away");
        if is_away && request.url().contains(".well-known") {
            return Err(FetchErrorKind::Connect.into());
        }
        let hangs = self.0.state().issuer.as_deref() == Some("hangs");
        if hangs && request.url().contains(".well-known") {
            std::future::pending::<()>().await;
        }
        self.0.get(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_verifier_is_discovered_though_the_provider_is_away() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().fault = Some(FetchErrorKind::Connect);
    let discover = || Verifier::discover(ISSUER).remote(|keys| keys.fetch(provider.clone()));
    let verifier = discover()
        .audience("orders")
        .clock(FixedClock::at(NOW))
        .build()
        .await
        .unwrap();
    provider.state().fault = None;
    assert_eq!(check(&verifier, &token(&key)).await, "accepted");

    // A mistake that waiting does not fix ends the start.
    provider.state().issuer = Some("https://evil.example".into());
    let refused = discover().audience("orders").build().await;
    let Err(ConfigError::InvalidSetting(text)) = refused else {
        panic!("{refused:?}");
    };
    assert!(text.contains("https://evil.example"), "{text}");

    // So do bad settings, without any request.
    let before = provider.state().log.len();
    assert!(matches!(
        discover().build().await,
        Err(ConfigError::Missing(_))
    ));
    assert_eq!(provider.state().log.len(), before);
}
