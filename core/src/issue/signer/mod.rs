//! Keys that are kept elsewhere: in a KMS, a vault, an HSM.

mod error;
mod external;
mod guard;
mod input;
#[allow(clippy::module_inception)] // the trait gives the room its name
mod signer;

pub use self::{error::SignerError, external::ExternalKey, input::SigningInput, signer::Signer};
