//! The key that signs the tokens.

use std::env::{self, VarError};

use countersign::{Algorithm, SigningKey};

use crate::output::complain;

const SECRET: &str = "JWT_SECRET";

/// A key for this algorithm: with HS256 from the environment variable `JWT_SECRET`, else a new one.
///
/// # Errors
///
/// One line for the operator: the secret is too short, or no key can be made.
pub fn key(algorithm: Algorithm) -> Result<SigningKey, String> {
    if algorithm != Algorithm::HS256 {
        return generate(algorithm);
    }
    match env::var(SECRET) {
        Ok(secret) => from_secret(&secret),
        Err(VarError::NotPresent) => {
            complain(format_args!(
                "warning: {SECRET} is not set, so the secret is a random one: tokens end with this process"
            ));
            generate(algorithm)
        }
        Err(VarError::NotUnicode(_)) => Err(format!("{SECRET} is not valid UTF-8")),
    }
}

fn from_secret(secret: &str) -> Result<SigningKey, String> {
    SigningKey::hs256(secret).map_err(|error| format!("{SECRET} cannot be used: {error}"))
}

fn generate(algorithm: Algorithm) -> Result<SigningKey, String> {
    SigningKey::generate(algorithm).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_refused_with_its_name_and_the_length_that_is_needed() {
        let text = "JWT_SECRET cannot be used: weak key: an HS256 secret needs at least 32 bytes, this one has 6: ";
        let told = from_secret("secret").unwrap_err();
        assert!(told.starts_with(text), "{told}");
    }

    #[test]
    fn a_secret_of_32_bytes_is_enough() {
        assert!(from_secret("an example secret of 32 bytes, !").is_ok());
    }
}
