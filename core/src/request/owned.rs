//! A copy of a request's head.

use std::{fmt, net::IpAddr};

#[cfg(feature = "proof")]
use super::client_certificate::ClientCertificate;
use super::head::RequestHead;

/// A copy of the head of a request, for work that outlives the request's borrow: a login.
///
/// `Debug` shows neither the query nor headers: there may be tokens in them.
///
/// # Examples
///
/// ```
/// use countersign::adapter::OwnedHead;
///
/// /// The tenant, by the host that the request names.
/// fn tenant(head: &OwnedHead) -> Option<&str> {
///     let host = std::str::from_utf8(head.header("host")?).ok()?;
///     Some(host.split_once('.')?.0)
/// }
/// ```
#[derive(Clone)]
pub struct OwnedHead {
    method: String,
    path: String,
    target_path: String,
    query: Option<String>,
    authority: Option<String>,
    /// Names in lower case.
    headers: Vec<(String, Vec<u8>)>,
    peer: Option<IpAddr>,
    #[cfg(feature = "proof")]
    client_certificate: Option<ClientCertificate>,
}

impl OwnedHead {
    /// The most that is copied of the headers, in bytes: 64 KiB. Servers usually accept less; the headers beyond
    /// it are left out.
    pub const MAX_HEADER_BYTES: usize = 64 << 10;

    /// Copies a head. Its headers are there if the adapter implements
    /// [`visit_headers`](RequestHead::visit_headers).
    pub fn of(head: &dyn RequestHead) -> Self {
        let mut headers = Vec::new();
        let mut left = Self::MAX_HEADER_BYTES;
        head.visit_headers(&mut |name, value| {
            let rest = left.checked_sub(name.len() + value.len());
            left = rest.unwrap_or(0);
            if rest.is_some() {
                headers.push((name.to_ascii_lowercase(), value.to_vec()));
            }
        });
        Self {
            method: head.method().to_owned(),
            path: head.path().to_owned(),
            target_path: head.target_path().to_owned(),
            query: head.query().map(str::to_owned),
            authority: head.authority().map(str::to_owned),
            headers,
            peer: head.peer(),
            #[cfg(feature = "proof")]
            client_certificate: head.client_certificate(),
        }
    }

    /// Returns the one header of this name, in lower case. `None` where there is none, or more than one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        super::single_header(self, name).ok().flatten()
    }
}

impl RequestHead for OwnedHead {
    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn target_path(&self) -> &str {
        &self.target_path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        for (_, value) in self.headers.iter().filter(|(own, _)| own == name) {
            visit(value);
        }
    }

    fn visit_headers<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in &self.headers {
            visit(name, value);
        }
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    #[cfg(feature = "proof")]
    fn client_certificate(&self) -> Option<ClientCertificate> {
        self.client_certificate
    }
}

impl fmt::Debug for OwnedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedHead")
            .field("method", &self.method)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
