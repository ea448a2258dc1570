//! The greeter as a page sees it: gRPC-Web over HTTP/1.1, byte for byte.
//!
//! The protocol: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

use std::{convert::Infallible, net::SocketAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use countersign::{Issuer, SigningKey};
use countersign_tower::{GrpcStatus, JwtAuthLayer};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tonic::{
    body::Body,
    codegen::http::{Method, Request, Response},
};
use tonic_greeter::{greet, serve_web};
use tonic_web::GrpcWebLayer;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::cors::{Any, CorsLayer};

const ORIGIN: &str = "https://app.example";
const PATH: &str = "/greeter.Greeter/Greet";
const BINARY: &str = "application/grpc-web+proto";
const TEXT: &str = "application/grpc-web-text+proto";

/// `GreetRequest { word: "Hello" }` in the frame of a message.
const HELLO: &[u8] = b"\0\0\0\0\x07\x0a\x05Hello";

/// The answer to one request.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Returns the gRPC status as a client of gRPC-Web finds it: in the frame of trailers, which is the last
    /// one of the body, or in the head, where there is no body.
    fn grpc_status(&self) -> Option<String> {
        if !self
            .header("content-type")?
            .starts_with("application/grpc-web")
        {
            return None;
        }
        if self.frames().is_empty() {
            return self.header("grpc-status").map(str::to_owned);
        }
        let (_, trailers) = self.frames().pop().filter(|(flag, _)| *flag == 0x80)?;
        let trailers = String::from_utf8(trailers).unwrap();
        trailers.lines().find_map(|line| {
            let value = line.strip_prefix("grpc-status:")?;
            Some(value.trim().to_owned())
        })
    }

    /// Returns the frames of the body: a flag, and what is in it.
    fn frames(&self) -> Vec<(u8, Vec<u8>)> {
        let content_type = self.header("content-type").unwrap();
        let decoded = match content_type.starts_with("application/grpc-web-text") {
            // Each chunk may be padded on its own.
            true => self
                .body
                .chunks(4)
                .flat_map(|four| STANDARD.decode(four).unwrap())
                .collect(),
            false => self.body.clone(),
        };
        let (mut rest, mut frames) = (decoded.as_slice(), Vec::new());
        while let [flag, a, b, c, d, after @ ..] = rest {
            let (content, after) = after.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
            frames.push((*flag, content.to_vec()));
            rest = after;
        }
        frames
    }
}

/// Sends one request over a connection of its own.
async fn send(server: SocketAddr, method: &str, head: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut request =
        format!("{method} {PATH} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n");
    for (name, value) in head {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("origin: {ORIGIN}\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut connection = TcpStream::connect(server).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    connection.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut answer = Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: answer.split_off(end + 4),
    };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = dechunked(&answer.body);
    }
    answer
}

/// Puts the chunks together (RFC 9112 section 7.1).
fn dechunked(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}

/// Calls the greeter as a page does.
async fn call(server: SocketAddr, media_type: &str, token: Option<&str>) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut head = vec![
        ("content-type", media_type),
        ("accept", media_type),
        ("x-grpc-web", "1"),
    ];
    head.extend(bearer.as_deref().map(|value| ("authorization", value)));
    let body = match media_type {
        TEXT => STANDARD.encode(HELLO).into_bytes(),
        _ => HELLO.to_vec(),
    };
    send(server, "POST", &head, &body).await
}

async fn preflight(server: SocketAddr) -> Answer {
    let head = [
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type,x-grpc-web",
        ),
    ];
    send(server, "OPTIONS", &head, b"").await
}

fn issuer() -> Issuer {
    let key = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://id.example", key).audience("greeter");
    issuer.build().unwrap()
}

fn token(issuer: &Issuer) -> String {
    let token = issuer.issue(&json!({ "sub": "ada" }));
    token.unwrap().into_string()
}

async fn start(issuer: &Issuer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(serve_web(listener, issuer.verifier().into(), ORIGIN));
    server
}

#[tokio::test]
async fn a_call_with_a_token_is_accepted_in_both_encodings() {
    let issuer = issuer();
    let server = start(&issuer).await;
    for media_type in [BINARY, TEXT] {
        let answer = call(server, media_type, Some(&token(&issuer))).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
        let frames = answer.frames();
        assert_eq!(frames[0], (0, b"\x0a\x0aHello, ada".to_vec()));
        assert_eq!(answer.grpc_status().as_deref(), Some("0"));
    }
}

#[tokio::test]
async fn a_refused_call_has_a_status_that_the_page_can_read() {
    let issuer = issuer();
    let server = start(&issuer).await;
    let foreign = token(&self::issuer());
    for media_type in [BINARY, TEXT] {
        for (token, message) in [
            (None, "authentication is required"),
            (Some("not.a.token"), "the token is malformed"),
            (Some(foreign.as_str()), "the token's key is not known here"),
        ] {
            let answer = call(server, media_type, token).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), Some(media_type));
            assert_eq!(answer.grpc_status().as_deref(), Some("16"));
            assert_eq!(answer.header("grpc-message"), Some(message));
            // A page of another origin reads no header that is not exposed.
            let exposed = answer.header("access-control-expose-headers").unwrap();
            assert_eq!(exposed, "grpc-status,grpc-message,www-authenticate");
            assert!(answer.header("www-authenticate").is_some());
        }
    }
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token() {
    let answer = preflight(start(&issuer()).await).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
    let allowed = answer.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("x-grpc-web"));
}

#[tokio::test]
async fn plain_grpc_goes_on() {
    let issuer = issuer();
    let server = start(&issuer).await;
    let text = greet(server, Some(&token(&issuer))).await.unwrap();
    assert_eq!(text, "Hello, ada");
    let refused = greet(server, None).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
}

fn asked(method: Method) -> Request<Body> {
    let request = Request::builder().method(method).uri(PATH);
    let request = request
        .header("content-type", BINARY)
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST");
    request.body(Body::empty()).unwrap()
}

/// Returns a header of an answer, or nothing.
fn header<'r>(answer: &'r Response<Body>, name: &str) -> Option<&'r str> {
    answer.headers().get(name)?.to_str().ok()
}

#[tokio::test]
async fn in_any_other_order_the_page_gets_what_it_cannot_read() {
    let greeter =
        service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let auth = JwtAuthLayer::new(issuer().verifier()).with_rejection_response(GrpcStatus);
    let cors = CorsLayer::new().allow_origin(Any);

    // Authentication outside of gRPC-Web refuses in plain gRPC.
    let service = ServiceBuilder::new()
        .layer(cors.clone())
        .layer(auth.clone())
        .layer(GrpcWebLayer::new())
        .service(greeter);
    let answer = service.oneshot(asked(Method::POST)).await.unwrap();
    assert_eq!(header(&answer, "content-type"), Some("application/grpc"));

    // Outside of CORS it refuses preflights, with the status of a success and without a header of CORS.
    let service = ServiceBuilder::new()
        .layer(auth.clone())
        .layer(cors.clone())
        .layer(GrpcWebLayer::new())
        .service(greeter);
    let answer = service.oneshot(asked(Method::OPTIONS)).await.unwrap();
    assert_eq!(header(&answer, "grpc-status"), Some("16"));
    assert_eq!(header(&answer, "access-control-allow-origin"), None);

    // gRPC-Web outside of CORS answers preflights itself.
    let service = ServiceBuilder::new()
        .layer(GrpcWebLayer::new())
        .layer(cors)
        .layer(auth)
        .service(greeter);
    let mut preflight = asked(Method::OPTIONS);
    preflight.headers_mut().remove("content-type");
    let answer = service.oneshot(preflight).await.unwrap();
    assert_eq!(answer.status(), 400);
}
