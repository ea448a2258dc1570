//! A request as text, so that a seed can be read.

use countersign::adapter::RequestHead;

/// A request: method and target in the first line, then headers, then an empty line and the body. The
/// authority of the target stands among the headers, as `:authority` does in HTTP/2.
#[derive(Clone, Debug, Default)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads any bytes. Header values are those that an HTTP library would let pass: no control
    /// characters but tabs, no spaces around.
    pub fn parse(bytes: &[u8]) -> Self {
        let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
            Some(at) => (&bytes[..at], bytes[at + 2..].to_vec()),
            None => (bytes, Vec::new()),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
        let (method, target) = first.split_once(' ').unwrap_or((&first, "/"));
        let headers = lines.filter_map(|line| {
            // A colon in front belongs to the name.
            let colon = 1 + line.iter().skip(1).position(|byte| *byte == b':')?;
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            let value = line[colon + 1..].trim_ascii();
            let is_good = |byte: &u8| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f;
            value.iter().all(is_good).then(|| (name, value.to_vec()))
        });
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.collect(),
            body,
        }
    }

    /// The values of a header.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let own = self.headers.iter().filter(|(own, _)| own == name);
        own.map(|(_, value)| value.as_slice()).collect()
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.push((name.to_owned(), value.to_vec()));
        self
    }
}

impl RequestHead for Request {
    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    fn authority(&self) -> Option<&str> {
        let first = self.values(":authority").into_iter().next();
        first.and_then(|authority| str::from_utf8(authority).ok())
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        self.values(name).into_iter().for_each(visit);
    }
}
