//! Sends one request as raw bytes, and reads any answer: for requests that no client would send.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::{Answer, Request};

/// The time that a server can be silent before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends a request over a new connection, and reads until the server closes it.
///
/// A server that closes it without an answer has refused: the status is 0.
#[must_use]
pub fn send(address: SocketAddr, request: &Request) -> Answer {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).expect("a connection");
    for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
        set(&stream, Some(PATIENCE)).expect("a time-out that is not zero");
    }
    // A server that refuses a request need not read all of it, and can cut the connection.
    let _ = stream.write_all(&message(request));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    parse(&String::from_utf8(answer).expect("a text"))
}

fn message(request: &Request) -> Vec<u8> {
    let Request { method, target, .. } = request;
    let head = format!("{method} {target} HTTP/1.1\r\nhost: api.example\r\nconnection: close\r\n");
    let mut message = head.into_bytes();
    for (name, value) in &request.headers {
        message.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    [&*message, b"\r\n"].concat()
}

fn parse(text: &str) -> Answer {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Answer::unbuildable();
    };
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
    let header = |name: &str| {
        let mut values = headers.iter();
        let value = values.find(|(own, _)| own.eq_ignore_ascii_case(name));
        value.map(|(_, value)| value.trim().to_owned())
    };
    Answer {
        status: status.and_then(|code| code.parse().ok()).expect("a status"),
        content_type: header("content-type"),
        retry_after: header("retry-after"),
        www_authenticate: header("www-authenticate"),
        dpop_nonce: header("dpop-nonce"),
        body: body.to_owned(),
        reason: None,
    }
}
