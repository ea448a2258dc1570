//! The answers of the provider.

use std::time::Duration;

use super::{
    documents::Documents, fault::Fault, gzip, request::ReceivedRequest, server::JwksServer,
};

/// An answer, ready to be sent.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delivery: Delivery,
}

/// The way in which an answer is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Chunked,
    ChunkedWithoutEnd,
    Drip(Duration),
    Hang,
    HangAfterHeaders,
    /// As usual, followed by so many spaces.
    Padded(usize),
    /// The body alone, without a head.
    Raw,
    Truncated,
    Whole,
}

impl Answer {
    /// Makes the answer to a request from the documents of now.
    pub(super) fn new(
        documents: &Documents,
        request: &ReceivedRequest,
        fault: Option<&Fault>,
    ) -> Self {
        let good = Self::without_fault(documents, request);
        match fault {
            Some(Fault::NoEtag) => good,
            Some(fault) => good.with_fault(documents, fault).with_etag(request),
            None => good.with_etag(request),
        }
    }

    fn without_fault(documents: &Documents, request: &ReceivedRequest) -> Self {
        let path = request.path();
        if request.method() != "GET" {
            Self::of_status(405)
        } else if path == JwksServer::JWKS {
            Self::of_status(200)
                .with_body(documents.jwks())
                .with_header("content-type", "application/jwk-set+json")
        } else if documents.is_metadata(path) {
            Self::of_status(200)
                .with_body(documents.metadata())
                .with_header("content-type", "application/json")
        } else {
            Self::of_status(404)
        }
    }

    /// Adds an `ETag` of the body, and makes it a 304 for a client that has the body.
    fn with_etag(self, request: &ReceivedRequest) -> Self {
        if self.status != 200 || self.delivery != Delivery::Whole {
            return self;
        }
        let etag = match self.header("etag") {
            Some(etag) => etag.to_owned(),
            None => format!("\"{:08x}\"", gzip::crc32(&self.body)),
        };
        let is_known = request.header("if-none-match") == Some(&etag);
        let answer = self.with_header("etag", etag);
        if is_known {
            answer.unmodified()
        } else {
            answer
        }
    }

    fn with_fault(self, documents: &Documents, fault: &Fault) -> Self {
        match fault {
            Fault::Body(text) => self.with_body(text.as_str()),
            Fault::CacheControl(text) => self.with_header("cache-control", text),
            Fault::Chunked => self.sent(Delivery::Chunked),
            Fault::ChunkedWithoutEnd => self.sent(Delivery::ChunkedWithoutEnd),
            Fault::Drip(pause) => self.sent(Delivery::Drip(*pause)),
            Fault::DuplicateKid => self.with_body(documents.jwks_with_duplicate_kid()),
            Fault::EmptySet => self.with_body(r#"{"keys":[]}"#),
            Fault::Gzip => {
                let packed = gzip::stored(&self.body);
                self.with_body(packed)
                    .with_header("content-encoding", "gzip")
            }
            Fault::GzipBomb => self
                .with_body(gzip::bomb())
                .with_header("content-encoding", "gzip"),
            Fault::Hang => self.sent(Delivery::Hang),
            Fault::HangAfterHeaders => self.sent(Delivery::HangAfterHeaders),
            Fault::Headers(headers) => headers.iter().fold(self, |answer, (name, value)| {
                answer.with_header(name, value)
            }),
            Fault::Html => self
                .with_body("<!doctype html><title>Sign in</title><p>Sign in to this network.")
                .with_header("content-type", "text/html; charset=utf-8"),
            Fault::Huge(bytes) => {
                let padding = bytes.saturating_sub(self.body.len());
                self.sent(Delivery::Padded(padding))
            }
            Fault::NotModified(etag) => {
                let answer = self.unmodified();
                match etag {
                    Some(etag) => answer.with_header("etag", etag),
                    None => answer,
                }
            }
            Fault::Oct => self.with_body(documents.jwks_with_oct()),
            Fault::OnlyOct => self.with_body(Documents::jwks_of_oct()),
            // One is about a header that is not there yet, one about the time of the answer.
            Fault::NoEtag | Fault::OutOfOrder => self,
            Fault::PrivateMembers => self.with_body(documents.jwks_with_private_members()),
            Fault::Raw(bytes) => self.with_body(bytes.as_slice()).sent(Delivery::Raw),
            Fault::Redirect(url) => Self::of_status(302).with_header("location", url),
            Fault::Status(status) => Self::of_status(*status),
            Fault::Truncated => self.sent(Delivery::Truncated),
            Fault::Unavailable(seconds) => {
                Self::of_status(503).with_header("retry-after", seconds.to_string())
            }
            Fault::WrongIssuer => self.with_body(documents.metadata_of_another()),
        }
    }

    fn of_status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: reason(status).as_bytes().to_vec(),
            delivery: Delivery::Whole,
        }
    }

    fn unmodified(mut self) -> Self {
        self.status = 304;
        self.body.clear();
        self
    }

    /// Makes a 200 with this body.
    fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.status = 200;
        self.body = body.into();
        self
    }

    fn with_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        let mut answer = self.without_header(&name);
        answer.headers.push((name, value.into()));
        answer
    }

    fn without_header(mut self, name: &str) -> Self {
        self.headers
            .retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self
    }

    fn sent(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Returns the reason phrase of a status.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        304 => "Not Modified",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Unnamed",
    }
}
