//! Tests of the hosts on which the keys of an issuer are allowed.

use countersign::{
    ConfigError, RemoteKeys, Verifier,
    remote::{KeysState, RemoteKeysBuilder},
};
use countersign::{Provider as Preset, testing::FixedClock};

use crate::provider::{
    ISSUER, NOW, Provider, check, key, pass, token, token_of, unknown, verifier,
};

const FORBIDDEN: Option<&str> = Some("forbidden_jwks_uri");

/// Fetches the keys of an issuer whose metadata names this URL. Returns the error, if there are no
/// keys.
///
/// Always checks that a refused URL is not requested, and that an accepted one is.
async fn refused(builder: RemoteKeysBuilder, issuer: &str, jwks_uri: &str) -> Option<&'static str> {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().issuer = Some(issuer.into());
    provider.state().jwks_uri = Some(jwks_uri.into());
    let keys = builder.fetch(provider.clone()).build().unwrap();
    let is_ready = keys.ready().await.is_ok();
    let last_error = keys.status().last_error();
    assert_eq!(is_ready, last_error.is_none(), "{jwks_uri}");
    let expected = if is_ready { &[jwks_uri][..] } else { &[] };
    assert_eq!(provider.asked_for_keys(), expected);
    let verdict = verifier(&keys).verify_now(&token(&key));
    assert_eq!(verdict.is_ok(), is_ready, "{jwks_uri}");
    last_error
}

#[tokio::test(start_paused = true)]
async fn keys_are_at_a_name_that_is_not_this_machine() {
    let discover = || RemoteKeys::discover(ISSUER);
    for good in [
        "https://id.example/jwks",
        "https://id.example:8443/other?p=policy",
        "https://ID.Example/jwks",
        "https://keys.example/jwks",
        "https://keys.id.example/jwks",
        "https://localhost.example/jwks",
        "https://1.2.3.example/jwks",
    ] {
        assert_eq!(refused(discover(), ISSUER, good).await, None, "{good}");
    }
    for bad in [
        // Less protected than the issuer.
        "http://id.example/jwks",
        "http://keys.example/jwks",
        "http://localhost/jwks",
        "http://127.0.0.1/jwks",
        // This machine.
        "https://localhost/jwks",
        "https://LOCALHOST:8443/jwks",
        "https://localhost./jwks",
        "https://keys.localhost/jwks",
        "https://127.0.0.1/jwks",
        "https://127.8.9.10/jwks",
        "https://[::1]/jwks",
        "https://[::ffff:127.0.0.1]/jwks",
        // This network.
        "https://10.0.0.7/jwks",
        "https://192.168.1.1/jwks",
        "https://[fd00::1]/jwks",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/jwks",
        "https://[fd00:ec2::254]/latest/meta-data",
        // Any other address.
        "https://192.0.2.1/jwks",
        "https://[2001:db8::1]/jwks",
        // Texts that only some parsers read as an address.
        "https://127.1/jwks",
        "https://2130706433/jwks",
        "https://0x7f000001/jwks",
        // Texts that are not a URL, or can be read in two ways.
        "https://user@id.example/jwks",
        "https://id.example\\@keys.example/jwks",
        "https://id.example/jwks#fragment",
        "https://id.example/jwks\r\nhost: keys.example",
        "HTTPS://id.example/jwks",
        "ftp://id.example/jwks",
        "file:///etc/passwd",
        "//id.example/jwks",
        "/jwks",
        "",
    ] {
        assert_eq!(refused(discover(), ISSUER, bad).await, FORBIDDEN, "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_issuer_at_an_address_may_have_its_keys_there() {
    for (issuer, good, bad) in [
        (
            "http://localhost:8080",
            ["http://localhost:8080/jwks", "http://localhost:9090/jwks"],
            ["http://127.0.0.1:8080/jwks", "http://keys.example/jwks"],
        ),
        (
            "http://127.0.0.1:8080",
            ["http://127.0.0.1:9090/jwks", "https://keys.example/jwks"],
            ["http://127.0.0.2:8080/jwks", "http://localhost:8080/jwks"],
        ),
        (
            "https://localhost:8443",
            ["https://localhost:9443/jwks", "https://keys.example/jwks"],
            ["http://localhost:8443/jwks", "https://127.0.0.1:8443/jwks"],
        ),
        (
            "https://10.0.0.7",
            ["https://10.0.0.7:8443/jwks", "https://keys.example/jwks"],
            ["https://10.0.0.8/jwks", "http://10.0.0.7/jwks"],
        ),
    ] {
        let discover = || RemoteKeys::discover(issuer);
        for good in good {
            assert_eq!(refused(discover(), issuer, good).await, None, "{good}");
        }
        for bad in bad {
            assert_eq!(refused(discover(), issuer, bad).await, FORBIDDEN, "{bad}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn keys_by_plain_http_are_on_the_host_of_the_issuer_unless_private_networks_are_allowed() {
    const CONTAINER: &str = "http://keycloak:8080";
    let discover = || RemoteKeys::discover(CONTAINER);
    for (place, strict, private) in [
        ("http://keycloak:8080/jwks", None, None),
        ("http://keycloak:9090/jwks", None, None),
        ("https://keys.example/jwks", None, None),
        ("http://keys:8080/jwks", FORBIDDEN, None),
        ("http://localhost:8080/jwks", FORBIDDEN, FORBIDDEN),
        ("http://10.0.0.7/jwks", FORBIDDEN, FORBIDDEN),
        ("http://169.254.169.254/latest", FORBIDDEN, FORBIDDEN),
    ] {
        assert_eq!(
            refused(discover(), CONTAINER, place).await,
            strict,
            "{place}"
        );
        let allowed = discover().private_http();
        assert_eq!(refused(allowed, CONTAINER, place).await, private, "{place}");
    }
    // The one that is named is allowed, as with https.
    let named = discover().keys_host("keys");
    let place = "http://keys:8080/jwks";
    assert_eq!(refused(named, CONTAINER, place).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_named_is_the_only_other_one() {
    let discover = || RemoteKeys::discover(ISSUER).keys_host("keys.example");
    for good in [
        "https://keys.example/jwks",
        "https://keys.example:8443/jwks",
        "https://KEYS.example/jwks",
        "https://id.example/jwks",
    ] {
        assert_eq!(refused(discover(), ISSUER, good).await, None, "{good}");
    }
    for bad in [
        "https://other.example/jwks",
        "https://a.keys.example/jwks",
        "https://akeys.example/jwks",
        "https://keys.example.evil.example/jwks",
        "https://keys.example./jwks",
        "https://evil.example/keys.example",
        "https://keys.example@evil.example/jwks",
        "http://keys.example/jwks",
        "https://127.0.0.1/jwks",
    ] {
        assert_eq!(refused(discover(), ISSUER, bad).await, FORBIDDEN, "{bad}");
    }
    // The operator knows that an address is good, but not without TLS.
    for (named, place, expected) in [
        ("10.0.0.7", "https://10.0.0.7/jwks", None),
        ("10.0.0.7", "https://10.0.0.8/jwks", FORBIDDEN),
        ("localhost", "https://localhost:8443/jwks", None),
        ("localhost", "http://localhost:8443/jwks", FORBIDDEN),
    ] {
        let builder = RemoteKeys::discover(ISSUER).keys_host(named);
        assert_eq!(refused(builder, ISSUER, place).await, expected, "{place}");
    }
}

const GOOGLE: &str = "https://accounts.google.com";
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

#[tokio::test(start_paused = true)]
async fn the_keys_of_google_are_at_google() {
    let discover = || RemoteKeys::discover(Preset::google());
    for (place, expected) in [
        (GOOGLE_KEYS, None),
        ("https://accounts.google.com/certs", None),
        ("https://googleapis.com/oauth2/v3/certs", FORBIDDEN),
        ("https://storage.googleapis.com/somebody/certs", FORBIDDEN),
        ("https://www.googleapis.com.evil.example/certs", FORBIDDEN),
        ("https://keys.example/certs", FORBIDDEN),
    ] {
        assert_eq!(
            refused(discover(), GOOGLE, place).await,
            expected,
            "{place}"
        );
    }
    // With another issuer, it is no longer Google's host.
    let other = || RemoteKeys::discover(Preset::google().with_issuer(ISSUER));
    let place = "https://keys.example/certs";
    assert_eq!(refused(other(), ISSUER, place).await, None);
    // Its second name is not allowed in the metadata.
    let wrong = refused(discover(), "accounts.google.com", GOOGLE_KEYS).await;
    assert_eq!(wrong, Some("wrong_issuer"));
}

#[tokio::test(start_paused = true)]
async fn a_verifier_for_google_takes_its_keys_from_google() {
    let key = key("a");
    for (place, expected) in [
        (GOOGLE_KEYS, "accepted"),
        ("https://keys.example/certs", "keys_unavailable"),
    ] {
        let provider = Provider::new(&[&key]);
        provider.state().issuer = Some(GOOGLE.into());
        provider.state().jwks_uri = Some(place.into());
        let verifier = Verifier::discover(Preset::google())
            .remote(|keys| keys.fetch(provider.clone()))
            .audience("orders")
            .clock(FixedClock::at(NOW))
            .build()
            .await
            .unwrap();
        for issuer in [GOOGLE, "accounts.google.com"] {
            let verdict = check(&verifier, &token_of(&key, issuer)).await;
            assert_eq!(verdict, expected, "{issuer}, {place}");
        }
    }
    let refused = Verifier::discover(Preset::google())
        .remote(|keys| keys.fetch(Provider::new(&[&key])))
        .audience("orders")
        .build()
        .await;
    assert!(matches!(refused, Err(ConfigError::InvalidSetting(_))));
}

#[tokio::test(start_paused = true)]
async fn metadata_that_names_a_bad_place_later_is_not_followed() {
    let (key, new) = (key("a"), key("new"));
    let provider = Provider::new(&[&key]);
    let keys = RemoteKeys::discover(ISSUER)
        .fetch(provider.clone())
        .jitter_seed(1)
        .build()
        .unwrap();
    keys.ready().await.unwrap();
    let verifier = verifier(&keys);
    let good = provider.asked_for_keys().remove(0);
    provider.state().jwks_uri = Some("https://127.0.0.1/jwks".into());
    pass(1_200).await;
    // The URL from before is asked as long as the metadata can be used.
    assert_eq!(keys.status().last_error(), None);
    provider.publish(&[&key, &new]);
    assert_eq!(check(&verifier, &token(&new)).await, "accepted");
    pass(3_600).await;
    assert_eq!(keys.status().last_error(), FORBIDDEN);
    assert_eq!(check(&verifier, &unknown("b")).await, "keys_unavailable");
    assert_eq!(check(&verifier, &token(&key)).await, "accepted");
    assert!(provider.asked_for_keys().iter().all(|place| *place == good));

    // Another name is followed.
    let moved = "https://keys.example/jwks";
    provider.state().jwks_uri = Some(moved.into());
    pass(300).await;
    assert_eq!(keys.status().last_error(), None);
    assert_eq!(keys.status().state(), KeysState::Fresh);
    assert_eq!(provider.asked_for_keys().last().unwrap(), moved);
    assert_eq!(check(&verifier, &unknown("c")).await, "unknown_key");
}
