//! A connection, from its first request to its end.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::{
    answer::{Answer, Delivery, reason},
    request::ReceivedRequest,
    state::Shared,
};

/// Answers the requests of a connection, until one of the two ends it.
pub(super) fn serve(mut stream: TcpStream, shared: &Shared) {
    while let Some(request) = ReceivedRequest::read(&mut stream) {
        let stays = !request.wants_to_close();
        let (answer, turn) = shared.take(request);
        if !shared.wait(&turn) {
            return;
        }
        let sent = send(&mut stream, &answer);
        shared.answered(&turn);
        if !stays || sent.is_err() || answer.ends_connection() {
            return;
        }
    }
}

impl Answer {
    fn ends_connection(&self) -> bool {
        match self.delivery {
            Delivery::Chunked | Delivery::Drip(_) | Delivery::Padded(_) | Delivery::Whole => false,
            Delivery::ChunkedWithoutEnd
            | Delivery::Hang
            | Delivery::HangAfterHeaders
            | Delivery::Raw
            | Delivery::Truncated => true,
        }
    }
}

fn send(stream: &mut TcpStream, answer: &Answer) -> io::Result<()> {
    let body = &answer.body;
    match answer.delivery {
        Delivery::Chunked => {
            stream.write_all(head(answer, None).as_bytes())?;
            for chunk in body.chunks(100) {
                send_chunk(stream, chunk)?;
            }
            send_chunk(stream, b"")
        }
        Delivery::ChunkedWithoutEnd => {
            stream.write_all(head(answer, None).as_bytes())?;
            send_chunk(stream, body)?;
            loop {
                send_chunk(stream, &SPACES)?;
            }
        }
        Delivery::Drip(pause) => {
            stream.write_all(head(answer, Some(body.len())).as_bytes())?;
            for byte in body {
                wait(stream, Some(pause))?;
                stream.write_all(&[*byte])?;
            }
            stream.set_read_timeout(None)
        }
        Delivery::Hang => wait(stream, None),
        Delivery::HangAfterHeaders => {
            stream.write_all(head(answer, Some(body.len())).as_bytes())?;
            wait(stream, None)
        }
        Delivery::Padded(padding) => {
            stream.write_all(head(answer, Some(body.len() + padding)).as_bytes())?;
            stream.write_all(body)?;
            let mut left = padding;
            while left > 0 {
                let part = left.min(SPACES.len());
                stream.write_all(&SPACES[..part])?;
                left -= part;
            }
            Ok(())
        }
        Delivery::Raw => stream.write_all(body),
        Delivery::Truncated => {
            stream.write_all(head(answer, Some(body.len())).as_bytes())?;
            stream.write_all(&body[..body.len() / 2])
        }
        Delivery::Whole => {
            let mut message = head(answer, Some(body.len())).into_bytes();
            message.extend(body);
            stream.write_all(&message)
        }
    }
}

/// Writes the head of an answer with a body of this length, or one in chunks.
fn head(answer: &Answer, length: Option<usize>) -> String {
    let status = answer.status;
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if status != 304 {
        head += &match length {
            Some(length) => format!("content-length: {length}\r\n"),
            None => "transfer-encoding: chunked\r\n".to_owned(),
        };
    }
    head + "\r\n"
}

fn send_chunk(stream: &mut TcpStream, chunk: &[u8]) -> io::Result<()> {
    let mut message = format!("{:x}\r\n", chunk.len()).into_bytes();
    message.extend(chunk);
    message.extend(b"\r\n");
    stream.write_all(&message)
}

/// Waits for this time, or until the client goes, which is an error.
fn wait(stream: &mut TcpStream, time: Option<Duration>) -> io::Result<()> {
    // A timeout of zero would be an error.
    stream.set_read_timeout(time.map(|time| time.max(Duration::from_micros(1))))?;
    let mut unread = [0; 512];
    loop {
        match stream.read(&mut unread) {
            Ok(0) => return Err(ErrorKind::ConnectionAborted.into()),
            Ok(_) => {}
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::TimedOut | ErrorKind::WouldBlock => return Ok(()),
                _ => return Err(error),
            },
        }
    }
}

const SPACES: [u8; 4096] = [b' '; 4096];
