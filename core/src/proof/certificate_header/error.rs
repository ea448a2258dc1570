//! Why a proxy's header was refused.

/// Why a header with a client certificate was refused.
///
/// Each is a reason to refuse the request, never to go on without the certificate. The text has nothing of the header in it.
///
/// # Examples
///
/// ```
/// use countersign::proof::CertificateHeaderError;
///
/// let text = CertificateHeaderError::Stranger.to_string();
/// assert_eq!(text, "the peer is no proxy that may send client certificates");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateHeaderError {
    /// There is a certificate of the TLS connection, and one in the header: it is open whose the request is.
    #[error("there is a client certificate in the connection and one in a header")]
    Direct,
    /// The header is there more than once.
    #[error("the header with the client certificate is there more than once")]
    Duplicate,
    /// The header is not in the format that was configured, or names more than one certificate where one is allowed.
    #[error("the header with the client certificate is malformed")]
    Malformed,
    /// The header comes from a peer that is no proxy of the list, or from an unknown one.
    #[error("the peer is no proxy that may send client certificates")]
    Stranger,
    /// The header is longer than [`MAX_BYTES`](super::ClientCertificateHeader::MAX_BYTES).
    #[error("the header with the client certificate is too long")]
    TooLong,
}
