//! The header in which a proxy sends the client's certificate.

use std::fmt;

use super::{CertificateFormat, CertificateHeaderError, proxies::Proxies};
use crate::{
    error::ConfigError,
    request::{ClientCertificate, DuplicateHeader, RequestHead, single_header},
};

/// A header in which a proxy that ends TLS sends the client's certificate.
///
/// It is only as good as the way from the proxy: whoever can send the header has any certificate. So it counts from the peers
/// of a list alone, and a request from somebody else with this header is refused. The proxy must take the header out of what
/// clients send, and ask for their certificates; the guide [behind a proxy](crate::guide::behind_a_proxy) has the lines for each.
///
/// The peer is that of [`RequestHead::peer`](crate::adapter::RequestHead::peer), which no header can set. Where it is unknown, as behind a
/// Unix socket, the header is refused.
///
/// # Examples
///
/// ```
/// use countersign::proof::{CertificateFormat, ClientCertificateHeader};
///
/// let header = ClientCertificateHeader::new(
///     "client-cert",
///     CertificateFormat::Rfc9440,
///     ["127.0.0.1", "10.0.0.0/8"],
/// )?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientCertificateHeader {
    /// In lower case.
    name: Box<str>,
    format: CertificateFormat,
    from: Proxies,
}

impl ClientCertificateHeader {
    /// The longest value that is read, in bytes: 16 KiB.
    pub const MAX_BYTES: usize = 16 << 10;

    /// Takes the name of the header, its format, and the proxies that may send it: addresses (`"::1"`) and networks
    /// (`"10.0.0.0/8"`).
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] without a proxy. [`ConfigError::InvalidSetting`] if `name` is the name of no header; if one of
    /// `from` is neither address nor network, has bits behind the prefix, or is everybody. [`ConfigError::Conflict`] if the header
    /// has another meaning: `Authorization`, `Cookie`, `DPoP`, `Host` and `Proxy-Authorization`.
    pub fn new(
        name: &str,
        format: CertificateFormat,
        from: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, ConfigError> {
        let name = name.to_ascii_lowercase();
        if !is_header_name(&name) {
            return Err(ConfigError::InvalidSetting(format!(
                "{name:?} is the name of no header"
            )));
        }
        if TAKEN.contains(&name.as_str()) {
            return Err(ConfigError::Conflict(format!(
                "the header {name:?} cannot have the client certificate, too"
            )));
        }
        Ok(Self {
            name: name.into(),
            format,
            from: Proxies::parse(from)?,
        })
    }

    /// Returns the name of the header, in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the format of the header.
    #[must_use]
    pub fn format(&self) -> CertificateFormat {
        self.format
    }

    /// Reads the certificate from a request. `None` where the header is absent or empty: proxies send an empty one for clients
    /// without a certificate.
    ///
    /// A certificate of the connection itself is not looked at then. Between a proxy of the list and this server, it is the
    /// proxy's.
    ///
    /// # Errors
    ///
    /// [`CertificateHeaderError`], for which the request has to be refused: the header is there twice, comes from a peer that
    /// is not in the list, comes beside a certificate of the connection, is too long, or not in the format.
    pub fn read(
        &self,
        head: &dyn RequestHead,
    ) -> Result<Option<ClientCertificate>, CertificateHeaderError> {
        let value = single_header(head, &self.name)
            .map_err(|DuplicateHeader| CertificateHeaderError::Duplicate)?;
        let value = value.map(<[u8]>::trim_ascii);
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        if !head.peer().is_some_and(|peer| self.from.contain(peer)) {
            return Err(CertificateHeaderError::Stranger);
        }
        if head.client_certificate().is_some() {
            return Err(CertificateHeaderError::Direct);
        }
        if value.len() > Self::MAX_BYTES {
            return Err(CertificateHeaderError::TooLong);
        }
        let thumbprint = self.format.thumbprint(value);
        let thumbprint = thumbprint.ok_or(CertificateHeaderError::Malformed)?;
        Ok(Some(ClientCertificate::from_thumbprint(thumbprint)))
    }
}

/// `x-forwarded-client-cert (envoy)`, for logs.
impl fmt::Display for ClientCertificateHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.format)
    }
}

/// Returns whether a text is a `token` (RFC 9110 section 5.6.2).
fn is_header_name(name: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_tchar)
}

const TAKEN: [&str; 5] = [
    "authorization",
    "cookie",
    "dpop",
    "host",
    "proxy-authorization",
];
