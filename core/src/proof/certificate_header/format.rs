//! The formats in which proxies write a client certificate.

use std::{fmt, str::FromStr};

use super::{encoding, pem_text, xfcc};
use crate::{
    error::ConfigError,
    jose::{Thumbprint, is_der_sequence},
};

/// How a proxy writes the client's certificate into a header.
///
/// | format | text | usual header | source |
/// |---|---|---|---|
/// | `Rfc9440` | `rfc9440` | `Client-Cert` | RFC 9440 |
/// | `EnvoyXfcc` | `envoy` | `X-Forwarded-Client-Cert` | Envoy, Istio |
/// | `NginxEscapedPem` | `nginx` | any | nginx, `$ssl_client_escaped_cert` |
/// | `TraefikPem` | `traefik` | `X-Forwarded-Tls-Client-Cert` | Traefik, `passTLSClientCert` with `pem` |
/// | `HaproxyDer` | `haproxy` | any | HAProxy, `%[ssl_c_der,base64]` |
/// | `AwsAlb` | `aws-alb` | `X-Amzn-Mtls-Clientcert-Leaf`, or `X-Amzn-Mtls-Clientcert` in passthrough mode | AWS |
/// | `GoogleDer` | `google` | any | Google Cloud, `{client_cert_leaf}` |
/// | `GoogleFingerprint` | `google-fingerprint` | any | Google Cloud, `{client_cert_sha256_fingerprint}` |
/// | `AzureDer` | `azure` | `X-ARR-ClientCert` | Azure App Service |
/// | `CloudflareDer` | `cloudflare` | `Cf-Client-Cert-Der-Base64` | Cloudflare |
///
/// Its text is for configuration files.
///
/// # Examples
///
/// ```
/// use countersign::proof::CertificateFormat;
///
/// let format: CertificateFormat = "nginx".parse()?;
/// assert_eq!(format, CertificateFormat::NginxEscapedPem);
/// assert_eq!(format.as_str(), "nginx");
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateFormat {
    /// Percent-encoded PEM, in which `+`, `=` and `/` stand for themselves. A chain follows the leaf in passthrough mode.
    AwsAlb,
    /// DER in base64.
    AzureDer,
    /// DER in base64.
    CloudflareDer,
    /// One element with `Hash`, `Cert` or both.
    EnvoyXfcc,
    /// DER as a byte sequence of RFC 9440.
    GoogleDer,
    /// The SHA-256 hash of the DER in base64, without the certificate.
    GoogleFingerprint,
    /// DER in base64.
    HaproxyDer,
    /// Percent-encoded PEM. The older `$ssl_client_cert`, with tabs, is not read.
    NginxEscapedPem,
    /// DER as a byte sequence: `:MII..=:` (RFC 8941 section 3.3.5), without parameters.
    Rfc9440,
    /// The base64 of a PEM, percent-encoded or not. The chain follows the leaf, between commas.
    TraefikPem,
}

impl CertificateFormat {
    /// All formats.
    pub const ALL: [Self; 10] = [
        Self::AwsAlb,
        Self::AzureDer,
        Self::CloudflareDer,
        Self::EnvoyXfcc,
        Self::GoogleDer,
        Self::GoogleFingerprint,
        Self::HaproxyDer,
        Self::NginxEscapedPem,
        Self::Rfc9440,
        Self::TraefikPem,
    ];

    /// Returns the name of the format in configuration files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwsAlb => "aws-alb",
            Self::AzureDer => "azure",
            Self::CloudflareDer => "cloudflare",
            Self::EnvoyXfcc => "envoy",
            Self::GoogleDer => "google",
            Self::GoogleFingerprint => "google-fingerprint",
            Self::HaproxyDer => "haproxy",
            Self::NginxEscapedPem => "nginx",
            Self::Rfc9440 => "rfc9440",
            Self::TraefikPem => "traefik",
        }
    }

    /// Reads a header's value, which is not empty, and returns the thumbprint of the client's certificate. `None` unless the
    /// whole value is in this format.
    pub(super) fn thumbprint(self, value: &[u8]) -> Option<Thumbprint> {
        let certificate = match self {
            Self::AwsAlb => leaf_pem(value, b"+=/"),
            Self::AzureDer | Self::CloudflareDer | Self::HaproxyDer => der(value),
            Self::EnvoyXfcc => return xfcc::thumbprint(value),
            Self::GoogleDer | Self::Rfc9440 => byte_sequence(value),
            Self::GoogleFingerprint => {
                return encoding::base64_hash(value).map(Thumbprint::from_bytes);
            }
            Self::NginxEscapedPem => one_pem(value, b""),
            Self::TraefikPem => leaf_of_list(value),
        };
        certificate.map(|der| Thumbprint::of(&der))
    }
}

impl fmt::Display for CertificateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CertificateFormat {
    type Err = ConfigError;

    /// Finds the format by its name, in lower case.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            ConfigError::InvalidSetting(format!(
                "{text:?} is no format of client certificates; there are {names}"
            ))
        })
    }
}

/// One certificate as percent-encoded PEM.
pub(super) fn one_pem(value: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let mut blocks = pem(value, plain)?;
    if blocks.len() > 1 {
        return None;
    }
    blocks.pop()
}

/// The first certificate of percent-encoded PEM. The others must be certificates, too.
fn leaf_pem(value: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    pem(value, plain)?.into_iter().next()
}

fn pem(value: &[u8], plain: &[u8]) -> Option<Vec<Vec<u8>>> {
    let blocks = pem_text::certificates(&encoding::percent(value, plain)?)?;
    let are_good = blocks.iter().all(|der| is_der_sequence(der));
    are_good.then_some(blocks)
}

/// DER in base64.
fn der(value: &[u8]) -> Option<Vec<u8>> {
    encoding::base64(value).filter(|der| is_der_sequence(der))
}

/// DER in base64 between colons.
fn byte_sequence(value: &[u8]) -> Option<Vec<u8>> {
    der(value.strip_prefix(b":")?.strip_suffix(b":")?)
}

/// The first of a list. The others must be certificates, too.
fn leaf_of_list(value: &[u8]) -> Option<Vec<u8>> {
    let certificates: Option<Vec<_>> = value
        .split(|byte| *byte == b',')
        .map(|text| der(&encoding::percent(text, b"+=/")?))
        .collect();
    certificates?.into_iter().next()
}
