//! Tests of the certificates that are accepted.

use std::{error::Error, net::Ipv4Addr, sync::Arc};

use countersign::remote::{Fetch, FetchError, FetchErrorKind, FetchRequest, HttpFetch};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use crate::setup::{ENOUGH, within};

/// A certificate and its key.
pub(crate) struct Pair {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

/// An authority that no system trusts.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority for tests");
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn sign(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Pair {
            certificate: certificate.der().clone(),
            key,
        }
    }
}

/// Returns the contents of a good server certificate.
pub(crate) fn for_names(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

pub(crate) fn acceptor(pair: &Pair, version: &'static SupportedProtocolVersion) -> TlsAcceptor {
    let key = PrivatePkcs8KeyDer::from(pair.key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.certificate.clone()], key.into())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers each connection with `{}`. Returns the port.
pub(crate) async fn serve(pair: &Pair, version: &'static SupportedProtocolVersion) -> u16 {
    let acceptor = acceptor(pair, version);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that refuses the certificate ends here.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

async fn get(trusted: Option<&str>, pair: &Pair, host: &str) -> Result<Vec<u8>, FetchError> {
    get_by(&TLS13, trusted, pair, host).await
}

async fn get_by(
    version: &'static SupportedProtocolVersion,
    trusted: Option<&str>,
    pair: &Pair,
    host: &str,
) -> Result<Vec<u8>, FetchError> {
    let port = serve(pair, version).await;
    let fetch = match trusted {
        Some(pem) => HttpFetch::builder().root_certificate_pem(pem).build(),
        None => HttpFetch::builder().build(),
    };
    let request = FetchRequest::new(format!("https://{host}:{port}/jwks"), ENOUGH);
    let answer = within(fetch.unwrap().get(request)).await?;
    Ok(answer.body().to_vec())
}

/// Returns the refusal in the words of the TLS library.
#[track_caller]
fn refusal(result: Result<Vec<u8>, FetchError>) -> String {
    let refused = result.unwrap_err();
    assert_eq!(refused.kind(), FetchErrorKind::Connect);
    let causes = std::iter::successors(refused.source(), |&cause| cause.source());
    causes.map(|cause| format!("{cause}; ")).collect()
}

#[tokio::test]
async fn a_certificate_of_an_added_authority_is_accepted() {
    let authority = Authority::new();
    let pair = authority.sign(&for_names(&["localhost"]));
    for version in [&TLS13, &TLS12] {
        let answer = get_by(version, Some(&authority.pem()), &pair, "localhost").await;
        assert_eq!(answer.unwrap(), b"{}");
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let authority = Authority::new();
    let pair = authority.sign(&for_names(&["localhost"]));
    let other = Authority::new().pem();
    for trusted in [None, Some(&*other)] {
        let refused = refusal(get(trusted, &pair, "localhost").await);
        // Both authorities have one name: the library checks the signature of the second.
        assert!(
            refused.contains("UnknownIssuer") || refused.contains("BadSignature"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_unless_it_was_added() {
    let key = KeyPair::generate().unwrap();
    let certificate = for_names(&["localhost"]).self_signed(&key).unwrap();
    let pem = certificate.pem();
    let pair = Pair {
        certificate: certificate.der().clone(),
        key,
    };
    let refused = refusal(get(None, &pair, "localhost").await);
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    assert_eq!(get(Some(&pem), &pair, "localhost").await.unwrap(), b"{}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let pem = authority.pem();
    for (names, host) in [
        (&["login.example"][..], "localhost"),
        (&["localhost.example", "*.localhost"], "localhost"),
        (&["localhost"], "127.0.0.1"),
        (&["127.0.0.2"], "127.0.0.1"),
    ] {
        let pair = authority.sign(&for_names(names));
        let refused = refusal(get(Some(&pem), &pair, host).await);
        assert!(
            refused.contains("not valid for name"),
            "{names:?}: {refused}"
        );
    }
    for (names, host) in [
        (&["login.example", "localhost"][..], "localhost"),
        (&["127.0.0.1"], "127.0.0.1"),
    ] {
        let pair = authority.sign(&for_names(names));
        assert!(get(Some(&pem), &pair, host).await.is_ok(), "{names:?}");
    }
}

#[tokio::test]
async fn a_certificate_is_refused_out_of_its_time() {
    let authority = Authority::new();
    let pem = authority.pem();
    let between = |from: i32, until: i32| {
        let mut params = for_names(&["localhost"]);
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        authority.sign(&params)
    };
    let refused = refusal(get(Some(&pem), &between(2019, 2020), "localhost").await);
    assert!(refused.contains("expired"), "{refused}");
    let refused = refusal(get(Some(&pem), &between(2998, 2999), "localhost").await);
    assert!(refused.contains("not valid yet"), "{refused}");
    let in_time = get(Some(&pem), &between(2019, 2999), "localhost").await;
    assert_eq!(in_time.unwrap(), b"{}");
}

#[tokio::test]
async fn a_certificate_of_a_client_is_none_of_a_server() {
    let authority = Authority::new();
    let mut params = for_names(&["localhost"]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let pem = authority.pem();
    let client = get(Some(&pem), &authority.sign(&params), "localhost").await;
    assert!(!refusal(client).is_empty());
    params
        .extended_key_usages
        .push(ExtendedKeyUsagePurpose::ServerAuth);
    let both = get(Some(&pem), &authority.sign(&params), "localhost").await;
    assert_eq!(both.unwrap(), b"{}");
}
