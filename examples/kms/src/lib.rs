//! Keys in a KMS: a [`Signer`](countersign::issue::Signer) for each of four services, over its plain HTTPS API.
//!
//! Each names one version of a key, reads its public half at start, and checks that every answer is of that version.

mod aws;
mod azure;
mod credentials;
mod google;
mod http;
mod sigv4;
mod vault;

pub use self::{
    aws::AwsKms,
    azure::AzureKeyVault,
    credentials::Credentials,
    google::GoogleKms,
    http::Client,
    sigv4::{AwsKeys, authorization},
    vault::VaultTransit,
};

/// The answers of the services, as they are read: for fuzzing.
#[doc(hidden)]
pub mod answers {
    pub use crate::{
        aws::{read_public_key as aws_key, read_signature as aws_signature},
        azure::{read_public_key as azure_key, read_signature as azure_signature},
        google::{read_public_key as google_key, read_signature as google_signature},
        vault::{read_public_key as vault_key, read_signature as vault_signature},
    };
}
