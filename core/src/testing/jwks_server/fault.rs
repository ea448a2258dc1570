//! The faults of a provider.

use std::time::Duration;

/// A fault of a provider, or an unusual answer.
///
/// For [`JwksServer::fault`](super::JwksServer::fault) and
/// [`fault_once`](super::JwksServer::fault_once). Those that are about keys answer with a key set,
/// whatever the path. A key that comes or goes is no fault: see
/// [`rotate`](super::JwksServer::rotate), [`remove`](super::JwksServer::remove),
/// [`publish`](super::JwksServer::publish).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use countersign::testing::{Fault, JwksServer};
///
/// let server = JwksServer::start();
/// server.fault_once(JwksServer::JWKS, Fault::Unavailable(120));
/// server.fault_once(JwksServer::JWKS, Fault::Drip(Duration::from_millis(5)));
/// server.fault(JwksServer::JWKS, Fault::Html);
/// // The first answer is 503, the second is slow, all others are a web page, until:
/// server.heal(JwksServer::JWKS);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// 200 with this body instead of the document, for faults without a name here.
    Body(String),
    /// The document with this `Cache-Control`.
    CacheControl(String),
    /// The document in chunks, without its length. Most clients accept it.
    Chunked,
    /// The document in chunks, followed by chunks of spaces for as long as the client stays.
    ChunkedWithoutEnd,
    /// The document, one byte at a time, with this pause before each: a second for a slow-loris
    /// server.
    Drip(Duration),
    /// All keys, and a stranger's under the id of the key that signs.
    DuplicateKid,
    /// A set without keys.
    EmptySet,
    /// The document in gzip, even if the client did not ask for it.
    Gzip,
    /// A set without keys in 8 KiB of gzip, which are 8 MiB when unpacked.
    GzipBomb,
    /// Nothing at all, as long as the client stays.
    Hang,
    /// The head of the answer, with the length of the body, and nothing more as long as the client
    /// stays.
    HangAfterHeaders,
    /// The document with these headers beside its own.
    Headers(Vec<(String, String)>),
    /// 200 with a web page, as a captive portal or a login page in front of the provider gives it.
    Html,
    /// The document, followed by spaces up to this many bytes: still valid for a client that reads so far.
    Huge(usize),
    /// The document without `ETag`, also to a client that has it already.
    NoEtag,
    /// 304 to every client, with this `ETag` or none.
    NotModified(Option<String>),
    /// All keys, and a symmetric one.
    Oct,
    /// A symmetric key and no other.
    OnlyOct,
    /// The document as it is now, held back until a later request to the same path has its answer.
    /// For [`fault_once`](super::JwksServer::fault_once): if every answer waits for a later one,
    /// none comes.
    OutOfOrder,
    /// All keys, of which the one that signs has a private member, `d`.
    PrivateMembers,
    /// These bytes instead of an answer, then the end.
    Raw(Vec<u8>),
    /// 302 to this URL.
    Redirect(String),
    /// This status, with a short text.
    Status(u16),
    /// The first half of the document, though the whole was announced, then the end.
    Truncated,
    /// 503 with `Retry-After` in seconds.
    Unavailable(u32),
    /// The metadata of another issuer, with this server's keys.
    WrongIssuer,
}
