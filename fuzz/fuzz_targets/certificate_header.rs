//! The header in which a proxy sends the client's certificate. Input: its value, which is read in every format.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use base64::{Engine, engine::general_purpose::STANDARD};
use countersign::{
    adapter::RequestHead,
    proof::{CertificateFormat, CertificateHeaderError, ClientCertificateHeader},
};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

fuzz_target!(|data: &[u8]| {
    // A server lets no line break into a header.
    if data.contains(&b'\n') || data.contains(&b'\r') {
        return;
    }
    for format in CertificateFormat::ALL {
        let header = ClientCertificateHeader::new("x-cert", format, ["127.0.0.1"]);
        let header = header.expect("the settings are good");
        let head = |peer| Head { value: data, peer };
        let verdict = header.read(&head(Ipv4Addr::LOCALHOST.into()));
        let from_stranger = header.read(&head(Ipv4Addr::UNSPECIFIED.into()));
        match verdict {
            Ok(None) => {
                assert!(data.trim_ascii().is_empty());
                assert_eq!(from_stranger, Ok(None));
            }
            Ok(Some(certificate)) => {
                assert_eq!(from_stranger, Err(CertificateHeaderError::Stranger));
                let text = std::str::from_utf8(data.trim_ascii());
                let is_xfcc = format == CertificateFormat::EnvoyXfcc;
                assert!(text.is_ok() || is_xfcc);
                let text = String::from_utf8_lossy(data.trim_ascii());
                let thumbprint = *certificate.thumbprint().as_bytes();
                assert!(
                    thumbprints(format, &text).contains(&thumbprint),
                    "{format}: {text}"
                );
            }
            Err(error) => {
                assert!(!data.trim_ascii().is_empty());
                assert_eq!(from_stranger, Err(CertificateHeaderError::Stranger));
                assert_eq!(error, CertificateHeaderError::Malformed);
            }
        }
    }
});

/// Returns the thumbprints that a careless reader finds in a value: of the first certificate, or in Envoy's of any.
fn thumbprints(format: CertificateFormat, text: &str) -> Vec<[u8; 32]> {
    match format {
        CertificateFormat::EnvoyXfcc => text
            .split(['"', ';', '=', ','])
            .filter_map(|word| hex(word).or_else(|| hash(&pem(word)?)))
            .collect(),
        CertificateFormat::GoogleFingerprint => {
            let padded = format!("{}=", text.trim_end_matches('='));
            let bytes = STANDARD.decode(padded).ok();
            bytes
                .and_then(|bytes| bytes.try_into().ok())
                .into_iter()
                .collect()
        }
        CertificateFormat::AwsAlb | CertificateFormat::NginxEscapedPem => pem(text)
            .and_then(|base64| hash(&base64))
            .into_iter()
            .collect(),
        CertificateFormat::TraefikPem => {
            let first = text.split(',').next().unwrap_or_default();
            hash(&unescaped(first)).into_iter().collect()
        }
        _ => hash(text.trim_matches(':')).into_iter().collect(),
    }
}

/// Returns the base64 of the first block of percent-encoded PEM.
fn pem(text: &str) -> Option<String> {
    let text = unescaped(text);
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    Some(body.split_ascii_whitespace().collect())
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut unescaped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        unescaped.push(byte.unwrap_or_default().into());
        unescaped.push_str(part.get(2..).unwrap_or_default());
    }
    unescaped
}

/// Hashes DER that is a sequence of its whole length.
fn hash(base64: &str) -> Option<[u8; 32]> {
    let der = STANDARD.decode(base64).ok()?;
    let content = match der.as_slice() {
        [0x30, length @ ..0x80, content @ ..] => (content, usize::from(*length)),
        [0x30, 0x81, length, content @ ..] => (content, usize::from(*length)),
        [0x30, 0x82, high, low, content @ ..] => {
            (content, usize::from(*high) << 8 | usize::from(*low))
        }
        _ => return None,
    };
    (content.0.len() == content.1).then(|| Sha256::digest(&der).into())
}

fn hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(hash)
}

struct Head<'d> {
    value: &'d [u8],
    peer: IpAddr,
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == "x-cert" {
            visit(self.value);
        }
    }

    fn peer(&self) -> Option<IpAddr> {
        Some(self.peer)
    }
}
