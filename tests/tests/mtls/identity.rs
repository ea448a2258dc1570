//! Certificates that vouch for themselves, and the settings of a server that takes them.

use std::sync::Arc;

use countersign::proof::{AnyClientCertificate, ClientCertificate};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::provider;

/// A self-signed certificate with its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) pem: String,
    key: KeyPair,
}

impl Identity {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            key,
        }
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub(crate) fn thumbprint(&self) -> String {
        let certificate = ClientCertificate::from_der(&self.certificate);
        certificate.thumbprint().to_string()
    }
}

/// The settings of a server that asks for certificates, and ends the handshake without one if it `is_required`.
pub(crate) fn server_config(
    identity: &Identity,
    version: &'static SupportedProtocolVersion,
    is_required: bool,
) -> ServerConfig {
    let verifier = match is_required {
        false => AnyClientCertificate::requested(&provider()),
        true => AnyClientCertificate::required(&provider()),
    };
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![identity.certificate.clone()], identity.key())
        .unwrap()
}
