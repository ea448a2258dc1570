//! Client certificates in a header, from a proxy that ends TLS.

mod encoding;
mod error;
mod format;
mod header;
mod pem_text;
mod proxies;
mod xfcc;

#[cfg(test)]
mod tests;

pub use self::{
    error::CertificateHeaderError, format::CertificateFormat, header::ClientCertificateHeader,
};
