//! nginx in front, which ends TLS and sends the certificate in a header.

use std::{fs, net::SocketAddr};

use axum::{
    Router,
    extract::{Request, State},
    routing::any,
};
use countersign::proof::{CertificateFormat, ClientCertificateHeader};
use countersign_tests::{nginx::Nginx, server::free_address};
use countersign_tower::Head;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use rustls::version;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

use crate::{Client, Http, Identity};

/// nginx is the second address of this machine, to be told from clients that come directly.
const PROXY: &str = "127.0.0.2";

#[test]
fn the_header_of_nginx_has_the_certificate_of_its_client() {
    let runtime = Runtime::new().unwrap();
    let [server, own, other] = ["localhost", "own", "other"].map(Identity::new);
    let app = start(&runtime);
    let Some((_nginx, address, _folder)) = start_nginx(&server, app) else {
        return;
    };
    let spoofed = escaped(&other.pem);
    for version in [&version::TLS12, &version::TLS13] {
        let ask = |identity: Option<&Identity>, headers: &[(&str, &str)]| {
            let client = Client::new(&server, identity, version, Http::One);
            runtime.block_on(client.ask(address, headers)).unwrap()
        };
        assert_eq!(ask(Some(&own), &[]).body, own.thumbprint());
        assert_eq!(ask(None, &[]).body, "none");
        // What a client sends is not passed on.
        let headers = [("x-client-cert", spoofed.as_str())];
        assert_eq!(ask(Some(&own), &headers).body, own.thumbprint());
        assert_eq!(ask(None, &headers).body, "none");
    }
}

#[test]
fn the_header_of_a_client_without_the_proxy_is_refused() {
    let runtime = Runtime::new().unwrap();
    let app = start(&runtime);
    let pem = escaped(&Identity::new("stolen").pem);
    let ask = |header: Option<&str>| runtime.block_on(ask_directly(app, header));
    assert_eq!(ask(None), "none");
    assert_eq!(
        ask(Some(&pem)),
        "the peer is no proxy that may send client certificates"
    );
}

/// An app that shows what the header says.
fn start(runtime: &Runtime) -> SocketAddr {
    let format = CertificateFormat::NginxEscapedPem;
    let header = ClientCertificateHeader::new("x-client-cert", format, [PROXY]).unwrap();
    let show = async |State(header): State<ClientCertificateHeader>, request: Request| match header
        .read(&Head::from(&request))
    {
        Ok(Some(certificate)) => certificate.thumbprint().to_string(),
        Ok(None) => "none".into(),
        Err(error) => error.to_string(),
    };
    let app = Router::new().fallback(any(show)).with_state(header);
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    runtime.spawn(async { axum::serve(listener, app).await });
    address
}

fn start_nginx(
    server: &Identity,
    app: SocketAddr,
) -> Option<(Nginx, SocketAddr, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = ["server.pem", "server.key"].map(|name| folder.path().join(name));
    fs::write(&certificate, &server.pem).unwrap();
    fs::write(&key, server.key_pem()).unwrap();
    let address = free_address();
    let configuration = format!(
        "worker_processes 1;
        pid nginx.pid;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            server {{
                listen {address} ssl;
                ssl_certificate {certificate};
                ssl_certificate_key {key};
                ssl_protocols TLSv1.2 TLSv1.3;
                ssl_verify_client optional_no_ca;
                location / {{
                    proxy_pass http://{app};
                    proxy_bind {PROXY};
                    proxy_set_header X-Client-Cert $ssl_client_escaped_cert;
                }}
            }}
        }}",
        certificate = certificate.display(),
        key = key.display(),
    );
    let nginx = Nginx::start(&configuration, address, "certificates behind nginx")?;
    Some((nginx, address, folder))
}

/// Asks the app without a proxy, and returns what it says.
async fn ask_directly(app: SocketAddr, header: Option<&str>) -> String {
    let stream = TokioIo::new(TcpStream::connect(app).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut request = http::Request::get("/").header("host", "localhost");
    if let Some(header) = header {
        request = request.header("x-client-cert", header);
    }
    let request = request.body(String::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || byte == b'-' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
