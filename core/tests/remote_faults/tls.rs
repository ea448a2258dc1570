//! Tests of keys over TLS, from a server that no system trusts.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use countersign::{RemoteKeys, remote::HttpFetch, testing::JwksServer};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};
use tokio_rustls::TlsAcceptor;

use crate::setup::{JWKS, PATIENCE, Site, within};

/// Puts TLS in front of a provider. Returns the port, and the certificate as PEM.
async fn serve(provider: SocketAddr, params: &CertificateParams) -> (u16, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let private = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // A client that refuses the certificate ends here.
            let Ok(mut client) = acceptor.accept(client).await else {
                continue;
            };
            let mut server = TcpStream::connect(provider).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    });
    (port, certificate.pem())
}

/// Starts an app of this provider behind TLS, which trusts its certificate or not.
async fn site(params: &CertificateParams, is_trusted: bool) -> Site {
    let server = JwksServer::start();
    let (port, pem) = serve(server.address(), params).await;
    let fetch = if is_trusted {
        HttpFetch::builder().root_certificate_pem(pem)
    } else {
        HttpFetch::builder()
    };
    let keys = RemoteKeys::jwks(format!("https://localhost:{port}{JWKS}"))
        .fetch(fetch.build().unwrap())
        .build()
        .unwrap();
    Site::with_keys(server, keys)
}

fn for_name(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

#[tokio::test]
async fn keys_of_a_server_with_a_good_certificate_are_used() {
    let site = site(&for_name("localhost"), true).await;
    within(site.keys.ready()).await.unwrap();
    assert_eq!(site.check(&site.newest_token()).await, "accepted");
    site.server.rotate();
    assert_eq!(site.check(&site.newest_token()).await, "accepted");
    assert_eq!(site.server.requests(JWKS), 2);
}

#[tokio::test]
async fn keys_of_a_server_with_a_bad_certificate_are_unavailable() {
    let mut expired = for_name("localhost");
    expired.not_before = date_time_ymd(2019, 1, 1);
    expired.not_after = date_time_ymd(2020, 1, 1);
    let mut sites = JoinSet::new();
    for (what, params, is_trusted) in [
        ("self-signed", for_name("localhost"), false),
        ("expired", expired, true),
        ("of another", for_name("login.example"), true),
    ] {
        sites.spawn(async move {
            let site = site(&params, is_trusted).await;
            assert!(within(site.keys.ready()).await.is_err(), "{what}");
            assert_eq!(site.keys.status().last_error(), Some("connect"), "{what}");
            let start = Instant::now();
            let token = site.newest_token();
            let refused = within(site.verifier.verify(&token)).await.unwrap_err();
            assert!(start.elapsed() < PATIENCE, "{what}");
            assert_eq!(refused.reason(), "keys_unavailable", "{what}");
            assert_eq!(refused.challenge().status(), 503, "{what}");
            assert!(refused.challenge().retry_after().is_some(), "{what}");
            // Not even the request got through.
            assert_eq!(site.server.requests(JWKS), 0, "{what}");
        });
    }
    sites.join_all().await;
}
