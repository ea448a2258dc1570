//! Tokens that are bound to the certificate of the client.

use std::sync::Arc;

use super::{
    certificate_header::ClientCertificateHeader,
    mode::{Modes, ProofMode},
};
use crate::request::{ClientCertificate, RequestHead};

/// The check of tokens that are bound to the client's certificate (RFC 8705 section 3), for
/// [`Authenticator::mutual_tls`](crate::Authenticator::mutual_tls).
///
/// A token with `cnf` and `x5t#S256` is accepted only over a connection on which the client proved this certificate. Who
/// signed the certificate is not looked at: the issuer of the token did that, or had a reason not to.
///
/// The certificate is that of the TLS connection, which the server puts where
/// [`RequestHead::client_certificate`](crate::adapter::RequestHead::client_certificate) finds it.
///
/// # Examples
///
/// ```
/// # use countersign::{Authenticator, testing::TestIssuer};
/// use countersign::proof::{MutualTls, ProofMode};
/// # let verifier = TestIssuer::new().verifier();
///
/// let authenticator = Authenticator::new(verifier)
///     .mutual_tls(MutualTls::new().mode(ProofMode::Allowed));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing until an authenticator has it"]
pub struct MutualTls {
    modes: Modes,
    header: Option<Arc<ClientCertificateHeader>>,
}

impl MutualTls {
    /// Requires tokens that are bound to the certificate of the connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether tokens may or must be bound to a certificate. Default: [`ProofMode::Required`].
    pub fn mode(mut self, mode: ProofMode) -> Self {
        self.modes.usual = mode;
        self
    }

    /// Sets it for the tokens of one issuer. The last call for an issuer counts.
    pub fn mode_for(mut self, issuer: impl Into<String>, mode: ProofMode) -> Self {
        let issuer: Box<str> = issuer.into().into();
        self.modes.own.retain(|(own, _)| *own != issuer);
        self.modes.own.push((issuer, mode));
        self
    }

    /// Reads the certificate from a header that a proxy sets, where the proxy ends TLS. Default: from no header.
    ///
    /// A header from anybody else than the [named peers](ClientCertificateHeader::new) refuses a token that is bound to a
    /// certificate, and so does a certificate of the connection beside a header.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::proof::{CertificateFormat, ClientCertificateHeader, MutualTls};
    ///
    /// let header = ClientCertificateHeader::new("client-cert", CertificateFormat::Rfc9440, ["127.0.0.1"])?;
    /// let mutual_tls = MutualTls::new().header(header);
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn header(mut self, header: ClientCertificateHeader) -> Self {
        self.header = Some(Arc::new(header));
        self
    }

    pub(crate) fn modes(&self) -> &Modes {
        &self.modes
    }

    /// Finds the certificate of the client.
    ///
    /// # Errors
    ///
    /// The fault, for the log.
    pub(crate) fn certificate(
        &self,
        head: &dyn RequestHead,
    ) -> Result<Option<ClientCertificate>, String> {
        match &self.header {
            Some(header) => header.read(head).map_err(|error| error.to_string()),
            None => Ok(head.client_certificate()),
        }
    }
}
