//! Tests of fetches through a proxy.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use countersign::{
    remote::{Fetch, FetchError, FetchErrorKind, FetchRequest, HttpFetch, HttpFetchBuilder},
    testing::JwksServer,
};
use rustls::version::TLS13;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::{
    setup::{ENOUGH, within},
    tls::{Authority, acceptor, for_names, serve},
};

/// A proxy on this machine, where every name leads to one port.
struct Proxy {
    port: u16,
    /// The heads of its requests.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(
        leads_to: u16,
        answer: &'static str,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                match &tls {
                    None => tunnel(client, leads_to, answer, &seen).await,
                    Some(tls) => {
                        let client = tls.accept(client).await.unwrap();
                        tunnel(client, leads_to, answer, &seen).await;
                    }
                }
            }
        });
        Self { port, heads }
    }

    async fn to(leads_to: u16) -> Self {
        Self::start(leads_to, OPENED, None).await
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn tunnel(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    leads_to: u16,
    answer: &str,
    seen: &Mutex<Vec<String>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    seen.lock().unwrap().push(String::from_utf8(head).unwrap());
    client.write_all(answer.as_bytes()).await.unwrap();
    if answer == OPENED {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, leads_to))
            .await
            .unwrap();
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

const OPENED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

async fn get(builder: HttpFetchBuilder, url: &str) -> Result<Vec<u8>, FetchError> {
    let fetch = builder.build().unwrap();
    let answer = within(fetch.get(FetchRequest::new(url, ENOUGH))).await?;
    Ok(answer.body().to_vec())
}

#[tokio::test]
async fn a_proxy_opens_a_tunnel_and_sees_nothing_of_what_goes_through() {
    let authority = Authority::new();
    let port = serve(&authority.sign(&for_names(&["id.example"])), &TLS13).await;
    let proxy = Proxy::to(port).await;
    for (user, header) in [
        ("", ""),
        // `ada:engine`
        (
            "ada:engine@",
            "Proxy-Authorization: Basic YWRhOmVuZ2luZQ==\r\n",
        ),
    ] {
        let builder = HttpFetch::builder()
            .root_certificate_pem(authority.pem())
            .header("authorization", "Bearer for-the-provider")
            .proxy(format!("http://{user}127.0.0.1:{}", proxy.port));
        let body = get(builder, "https://id.example/jwks").await;
        assert_eq!(body.unwrap(), b"{}");
        let expected =
            format!("CONNECT id.example:443 HTTP/1.1\r\nHost: id.example:443\r\n{header}\r\n");
        assert_eq!(proxy.heads().pop(), Some(expected));
    }
}

#[tokio::test]
async fn a_proxy_can_be_reached_by_tls() {
    let authority = Authority::new();
    let port = serve(&authority.sign(&for_names(&["id.example"])), &TLS13).await;
    let tls = |name| acceptor(&authority.sign(&for_names(&[name])), &TLS13);
    let proxy = Proxy::start(port, OPENED, Some(tls("localhost"))).await;
    let builder = HttpFetch::builder()
        .root_certificate_pem(authority.pem())
        .proxy(format!("https://localhost:{}", proxy.port));
    assert_eq!(
        get(builder, "https://id.example/jwks").await.unwrap(),
        b"{}"
    );
}

#[tokio::test]
async fn a_proxy_that_leads_elsewhere_is_found_out() {
    let authority = Authority::new();
    let port = serve(&authority.sign(&for_names(&["other.example"])), &TLS13).await;
    let proxy = Proxy::to(port).await;
    let asking = |url| {
        let builder = HttpFetch::builder().root_certificate_pem(authority.pem());
        get(
            builder.proxy(format!("http://127.0.0.1:{}", proxy.port)),
            url,
        )
    };
    let refused = asking("https://id.example/jwks").await.unwrap_err();
    assert_eq!(refused.kind(), FetchErrorKind::Connect);
    assert_eq!(asking("https://other.example/jwks").await.unwrap(), b"{}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_no_connection() {
    for answer in [
        "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\n\r\n",
        "",
    ] {
        let proxy = Proxy::start(0, answer, None).await;
        let builder = HttpFetch::builder().proxy(format!("http://127.0.0.1:{}", proxy.port));
        let refused = get(builder, "https://id.example/jwks").await.unwrap_err();
        assert_eq!(refused.kind(), FetchErrorKind::Connect, "{answer}");
        assert_eq!(proxy.heads().len(), 1);
    }
}

#[tokio::test]
async fn exceptions_this_machine_and_plain_http_go_without_the_proxy() {
    let authority = Authority::new();
    let port = serve(
        &authority.sign(&for_names(&["localhost", "127.0.0.1"])),
        &TLS13,
    )
    .await;
    let proxy = Proxy::start(0, "", None).await;
    let builder = || {
        HttpFetch::builder()
            .root_certificate_pem(authority.pem())
            .proxy(format!("http://127.0.0.1:{}", proxy.port))
            .no_proxy("nowhere.invalid")
    };
    for host in ["localhost", "127.0.0.1"] {
        let body = get(builder(), &format!("https://{host}:{port}/jwks")).await;
        assert_eq!(body.unwrap(), b"{}");
    }
    let plain = JwksServer::start();
    assert!(get(builder(), &plain.url()).await.is_ok());
    // It is no name, and the proxy is not asked for it.
    assert!(
        get(builder(), "https://id.nowhere.invalid/jwks")
            .await
            .is_err()
    );
    assert_eq!(proxy.heads(), [""; 0]);
}
