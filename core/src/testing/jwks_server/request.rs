//! A request as it was sent.

use std::io::{ErrorKind, Read};

/// A request that reached a [`JwksServer`](super::JwksServer).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedRequest {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl ReceivedRequest {
    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the path with the query, as it was sent.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the first value of a header. The case of `name` does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn wants_to_close(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// Reads the next request of a connection; `None` at its end, and if that is no request.
    pub(super) fn read(stream: &mut impl Read) -> Option<Self> {
        let mut head = Vec::new();
        let mut byte = [0];
        // One byte at a time, so that the next request is left alone. Fast enough for tests.
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                // A method is in capitals: this may be TLS, whose client would wait for an answer for ever.
                Ok(1) if head.is_empty() && !byte[0].is_ascii_uppercase() => return None,
                Ok(1) if head.len() < LONGEST => head.push(byte[0]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return None,
            }
        }
        Self::parse(&String::from_utf8_lossy(&head))
    }

    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.lines();
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.collect(),
        })
    }
}

const LONGEST: usize = 64 * 1024;
