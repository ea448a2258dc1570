//! What `rustls` checks of the certificate of a client.

use std::fmt;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, UnixTime},
    server::{
        ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

/// Asks clients for a certificate, and takes any whose private key they have: for tokens that are bound to one (RFC 8705).
///
/// What vouches for the client is the token, which names its certificate. So nobody has to vouch for the certificate itself: it may be
/// self-signed (RFC 8705 section 2.2), and neither its issuer nor its dates are looked at (section 6.2). The signature of the handshake is
/// checked, always.
///
/// By itself, it lets everybody in: **do not use it where a certificate alone is the client's right to be there.** For that, and for
/// both, `rustls` has `WebPkiClientVerifier`.
///
/// Certificates are those of X.509 version 3, as `rustls` reads them.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use countersign::proof::AnyClientCertificate;
/// use rustls::{
///     ServerConfig,
///     crypto::CryptoProvider,
///     pki_types::{CertificateDer, PrivateKeyDer},
/// };
///
/// fn config(
///     provider: Arc<CryptoProvider>,
///     chain: Vec<CertificateDer<'static>>,
///     key: PrivateKeyDer<'static>,
/// ) -> Result<ServerConfig, rustls::Error> {
///     let verifier = AnyClientCertificate::requested(&provider);
///     ServerConfig::builder_with_provider(provider)
///         .with_safe_default_protocol_versions()?
///         .with_client_cert_verifier(Arc::new(verifier))
///         .with_single_cert(chain, key)
/// }
/// ```
pub struct AnyClientCertificate {
    is_required: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyClientCertificate {
    /// Asks for a certificate, and goes on without one: for a server that also has clients with bearer tokens.
    #[must_use]
    pub fn requested(provider: &CryptoProvider) -> Self {
        Self {
            is_required: false,
            algorithms: provider.signature_verification_algorithms,
        }
    }

    /// Ends the handshake with clients that have no certificate.
    #[must_use]
    pub fn required(provider: &CryptoProvider) -> Self {
        Self {
            is_required: true,
            ..Self::requested(provider)
        }
    }
}

impl ClientCertVerifier for AnyClientCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    /// None: a client picks a certificate whoever issued it.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match ParsedCertificate::try_from(end_entity) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(_) => Err(CertificateError::BadEncoding.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for AnyClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyClientCertificate")
            .field("is_required", &self.is_required)
            .finish_non_exhaustive()
    }
}
