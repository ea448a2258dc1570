//! PEM (RFC 7468): the block of a file that is the key, and its content.

use pem::Pem;
use zeroize::Zeroize;

use super::der::{self, PrivateKey};
use crate::{
    error::ConfigError,
    jose::{
        Algorithm,
        material::{Material, quoted},
    },
};

/// The one public key of a PEM file, or that of its first certificate.
pub(crate) fn public(pem: &[u8], algorithm: Algorithm) -> Result<Material, ConfigError> {
    let blocks = Blocks::parse(pem)?;
    if blocks.0.iter().any(is_private) {
        return Err(invalid(
            "this PEM holds a private key; a verifying key is made of the public one",
        ));
    }
    let is_chain = blocks.0.iter().all(|block| block.tag() == "CERTIFICATE");
    let key = match blocks.0.as_slice() {
        [] => return Err(invalid("this is no PEM: it has no BEGIN and END lines")),
        [key] => key,
        [leaf, ..] if is_chain => leaf,
        _ => return Err(invalid("this PEM holds more than one key")),
    };
    match key.tag() {
        "CERTIFICATE" => der::certificate(key.contents(), algorithm),
        "PUBLIC KEY" => der::public_key_info(key.contents(), algorithm),
        "RSA PUBLIC KEY" => der::rsa_public_key(key.contents()),
        label => Err(unknown(label)),
    }
}

/// The one private key of a PEM file; certificates beside it are passed over.
pub(crate) fn private(pem: &[u8], algorithm: Algorithm) -> Result<PrivateKey, ConfigError> {
    let blocks = Blocks::parse(pem)?;
    let mut keys = blocks.0.iter().filter(|block| is_private(block));
    let key = match (keys.next(), keys.next(), blocks.0.is_empty()) {
        (Some(key), None, _) => key,
        (Some(_), Some(_), _) => return Err(invalid("this PEM holds more than one private key")),
        (None, _, true) => return Err(invalid("this is no PEM: it has no BEGIN and END lines")),
        (None, ..) => {
            return Err(invalid(
                "this PEM holds no private key; a signing key needs one",
            ));
        }
    };
    if key.tag() == "ENCRYPTED PRIVATE KEY" || key.headers().get("DEK-Info").is_some() {
        return Err(invalid(
            "the private key is encrypted; decrypt it first, for example with openssl pkey",
        ));
    }
    match key.tag() {
        "EC PRIVATE KEY" => der::ec_private_key(key.contents(), None),
        "PRIVATE KEY" => der::private_key_info(key.contents(), algorithm),
        "RSA PRIVATE KEY" => der::rsa_private_key(key.contents()),
        label => Err(unknown(label)),
    }
}

/// The blocks of a file, wiped when dropped, without the curve that openssl writes before a key.
struct Blocks(Vec<Pem>);

impl Blocks {
    fn parse(pem: &[u8]) -> Result<Self, ConfigError> {
        let blocks = pem::parse_many(pem);
        let has_none = blocks.as_ref().map_or(true, Vec::is_empty);
        if has_none && pem.windows(2).any(|pair| pair == b"\\n") {
            return Err(invalid(
                "this is no PEM: it has a backslash and an `n` where its lines should break, as in a variable of \
                 the environment. Replace them by line feeds",
            ));
        }
        let mut blocks =
            blocks.map_err(|_| invalid("this is no PEM: a block in it is malformed"))?;
        blocks.retain(|block| block.tag() != "EC PARAMETERS");
        Ok(Self(blocks))
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        for block in self.0.drain(..) {
            block.into_contents().zeroize();
        }
    }
}

fn is_private(block: &Pem) -> bool {
    block.tag().ends_with("PRIVATE KEY")
}

fn invalid(reason: &str) -> ConfigError {
    ConfigError::InvalidKey(reason.to_owned())
}

fn unknown(label: &str) -> ConfigError {
    ConfigError::InvalidKey(format!("a PEM block {} is not supported", quoted(label)))
}
