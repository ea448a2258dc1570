//! Tests of metadata over a socket.

use countersign::{
    ConfigError, RemoteKeys, Verifier,
    testing::{Fault, JwksServer, TestIssuer},
};
use tokio::task::JoinSet;

use crate::setup::{JWKS, Site, within};

/// Issuers, and the paths of their metadata: by OpenID Connect Discovery, and by RFC 8414.
const PLACES: [(&str, &str, &str); 3] = [
    ("", JwksServer::OPENID, JwksServer::OAUTH),
    ("/", JwksServer::OPENID, JwksServer::OAUTH),
    (
        "/realms/shop",
        "/realms/shop/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/realms/shop",
    ),
];

/// Returns an app of this provider that knows only the issuer. Its first fetch has ended.
async fn discovered(server: JwksServer) -> Site {
    let keys = RemoteKeys::discover(server.issuer()).build().unwrap();
    let _ = within(keys.ready()).await;
    Site::with_keys(server, keys)
}

async fn discover(issuer: &str) -> Result<Verifier, ConfigError> {
    let verifier = Verifier::discover(issuer).audience(TestIssuer::AUDIENCE);
    within(verifier.build()).await
}

#[tokio::test]
async fn the_metadata_says_where_the_keys_are() {
    for (path, openid, oauth) in PLACES {
        let site = discovered(JwksServer::start_at(path)).await;
        let verdict = site.check(&site.newest_token()).await;
        assert_eq!(verdict, "accepted", "{path:?}");
        let asked = [openid, oauth, JWKS].map(|path| site.server.requests(path));
        assert_eq!(asked, [1, 0, 1], "{path:?}");
        // A new key needs a fetch of the keys, and none of the metadata.
        site.server.rotate();
        let verdict = site.check(&site.newest_token()).await;
        assert_eq!(verdict, "accepted", "{path:?}");
        let asked = [openid, oauth, JWKS].map(|path| site.server.requests(path));
        assert_eq!(asked, [1, 0, 2], "{path:?}");
    }
}

#[tokio::test]
async fn a_provider_with_metadata_by_rfc_8414_only_is_found() {
    for (path, openid, oauth) in PLACES {
        for fault in [
            Fault::Status(404),
            Fault::Html,
            Fault::Body("{}".into()),
            Fault::Body(String::new()),
        ] {
            let server = JwksServer::start_at(path);
            server.fault(openid, fault.clone());
            let site = discovered(server).await;
            let verdict = site.check(&site.newest_token()).await;
            assert_eq!(verdict, "accepted", "{path:?}, {fault:?}");
            let asked = [openid, oauth, JWKS].map(|path| site.server.requests(path));
            assert_eq!(asked, [1, 1, 1], "{path:?}, {fault:?}");
        }
    }
}

#[tokio::test]
async fn without_metadata_a_server_starts_and_waits() {
    let mut sites = JoinSet::new();
    for (fault, expected) in [
        (Fault::Status(404), "no_metadata"),
        (Fault::Html, "no_metadata"),
        (Fault::Body("{}".into()), "no_metadata"),
        (Fault::Status(500), "status"),
        (Fault::Truncated, "read"),
        (Fault::Huge((256 << 10) + 1), "too_large"),
        (Fault::GzipBomb, "encoded"),
    ] {
        sites.spawn(async move {
            let server = JwksServer::start();
            for path in [JwksServer::OPENID, JwksServer::OAUTH] {
                server.fault(path, fault.clone());
            }
            let verifier = discover(&server.issuer()).await;
            assert!(verifier.is_ok(), "{fault:?}: {verifier:?}");

            let site = discovered(server).await;
            let last_error = site.keys.status().last_error();
            assert_eq!(last_error, Some(expected), "{fault:?}");
            let token = site.newest_token();
            assert_eq!(site.check_now(&token), "keys_unavailable", "{fault:?}");
            assert_eq!(site.server.requests(JWKS), 0, "{fault:?}");
            for path in [JwksServer::OPENID, JwksServer::OAUTH] {
                site.server.heal(path);
            }
            site.accepts_soon(&token, expected).await;
            assert_eq!(site.keys.status().last_error(), None, "{fault:?}");
        });
    }
    sites.join_all().await;
}

#[tokio::test]
async fn metadata_of_another_issuer_ends_the_start() {
    for (path, openid, oauth) in PLACES {
        let server = JwksServer::start_at(path);
        assert!(discover(&server.issuer()).await.is_ok(), "{path:?}");
        // Each of the two, if it is the one that answers.
        for (wrong, away) in [(openid, oauth), (oauth, openid)] {
            server.fault(wrong, Fault::WrongIssuer);
            server.fault(away, Fault::Status(404));
            let before = server.requests(JWKS);
            let refused = discover(&server.issuer()).await;
            let Err(ConfigError::InvalidSetting(text)) = refused else {
                panic!("{wrong}: {refused:?}");
            };
            assert!(text.contains("https://another.test"), "{text}");
            assert_eq!(server.requests(JWKS), before, "{wrong}");
            server.heal(wrong);
            server.heal(away);
        }
        assert!(discover(&server.issuer()).await.is_ok(), "{path:?}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_makes_another_issuer() {
    for (path, other) in [("", "/"), ("/", ""), ("/realms/shop", "/realms/shop/")] {
        let server = JwksServer::start_at(path);
        let refused = discover(&server.url_of(other)).await;
        assert!(
            matches!(refused, Err(ConfigError::InvalidSetting(_))),
            "{path:?}: {refused:?}"
        );
        assert!(discover(&server.url_of(path)).await.is_ok(), "{path:?}");
    }
}

#[tokio::test]
async fn keys_are_not_fetched_from_another_name_of_this_machine() {
    let other = JwksServer::start();
    let port = other.address().port();
    for (jwks_uri, expected) in [
        (
            format!("http://localhost:{port}/jwks"),
            Some("forbidden_jwks_uri"),
        ),
        (
            format!("http://[::1]:{port}/jwks"),
            Some("forbidden_jwks_uri"),
        ),
        (
            format!("http://127.0.0.2:{port}/jwks"),
            Some("forbidden_jwks_uri"),
        ),
        // The issuer's own host, with any port.
        (other.url(), None),
    ] {
        let server = JwksServer::start();
        server.metadata("jwks_uri", &*jwks_uri);
        let site = discovered(server).await;
        assert_eq!(site.keys.status().last_error(), expected, "{jwks_uri}");
        assert_eq!(site.keys.status().is_ready(), expected.is_none());
        let asked = usize::from(expected.is_none());
        assert_eq!(other.requests(JWKS), asked, "{jwks_uri}");
    }
}

#[tokio::test]
async fn the_target_of_redirected_metadata_is_never_asked() {
    let target = JwksServer::start();
    let server = JwksServer::start();
    let places = [JwksServer::OPENID, JwksServer::OAUTH];
    for path in places {
        server.fault(path, Fault::Redirect(target.url_of(path)));
    }
    let site = discovered(server).await;
    assert_eq!(site.keys.status().last_error(), Some("redirect"));
    assert_eq!(site.check_now(&site.newest_token()), "keys_unavailable");
    assert_eq!(places.map(|path| target.requests(path)), [0, 0]);

    for path in places {
        site.server.heal(path);
    }
    site.accepts_soon(&site.newest_token(), "no redirect").await;
}
