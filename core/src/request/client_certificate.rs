//! The certificate that a client proved in the TLS handshake.

use crate::jose::Thumbprint;

/// The certificate of a client, whose private key the TLS handshake proved (RFC 8705 section 3).
///
/// Made once for each connection, or by a parser of a proxy's header, and put where
/// [`RequestHead::client_certificate`](crate::adapter::RequestHead::client_certificate) finds it: the adapters look for one
/// in the request's extensions. Whether anybody vouches for the certificate is not looked at: what counts is that the token
/// names it.
///
/// # Examples
///
/// ```
/// use countersign::proof::ClientCertificate;
///
/// # let der: &[u8] = b"0\x03\x02\x01\x00";
/// let certificate = ClientCertificate::from_der(der);
/// assert_eq!(certificate.thumbprint().to_string().len(), 43);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCertificate(Thumbprint);

impl ClientCertificate {
    /// Takes the leaf certificate of the handshake, as DER, and computes its thumbprint.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Self {
        Self(Thumbprint::of(der))
    }

    /// Takes the leaf certificate of a TLS connection of `rustls` 0.23, once the handshake is over. `None` if the client sent
    /// none.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::proof::ClientCertificate;
    /// use rustls::ServerConnection;
    ///
    /// fn certificate(connection: &ServerConnection) -> Option<ClientCertificate> {
    ///     ClientCertificate::of_connection(connection)
    /// }
    /// ```
    #[cfg(feature = "client-certificates")]
    #[must_use]
    pub fn of_connection(connection: &rustls::ServerConnection) -> Option<Self> {
        let [leaf, ..] = connection.peer_certificates()? else {
            return None;
        };
        Some(Self::from_der(leaf))
    }

    /// Takes the thumbprint, where somebody else has computed it.
    #[must_use]
    pub fn from_thumbprint(thumbprint: Thumbprint) -> Self {
        Self(thumbprint)
    }

    /// Returns the SHA-256 hash of the certificate's DER (`x5t#S256`, RFC 8705 section 3.1).
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.0
    }
}
