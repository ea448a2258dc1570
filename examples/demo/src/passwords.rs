//! Hashing of passwords.

use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::{
    Argon2, Block, Params,
    password_hash::phc::{Output, Salt},
};

/// Hashes passwords by Argon2id, with the parameters that the crate recommends.
///
/// One hash takes 19 MiB of memory, which the next one uses again. How many are made at once is the
/// caller's affair.
pub(crate) struct Passwords {
    free: Mutex<Vec<Memory>>,
}

/// The hash of a password, and the salt that was in it.
pub(crate) struct Hash {
    salt: Salt,
    output: Output,
}

/// Empty until it is used for the first time.
type Memory = Vec<Block>;

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            free: Mutex::default(),
        }
    }

    /// Hashes a password with a random salt.
    pub(crate) fn hash(&self, password: &str) -> Result<Hash, String> {
        let salt = Salt::generate();
        match self.output(password, &salt) {
            Some(output) => Ok(Hash { salt, output }),
            None => Err("a password cannot be hashed".to_owned()),
        }
    }

    /// Returns whether this is the password. Hashes are compared in constant time.
    pub(crate) fn verify(&self, password: &str, hash: &Hash) -> bool {
        self.output(password, &hash.salt)
            .is_some_and(|output| output == hash.output)
    }

    fn output(&self, password: &str, salt: &Salt) -> Option<Output> {
        let mut memory = self.free().pop().unwrap_or_default();
        memory.resize(Params::DEFAULT.block_count(), Block::default());
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        let hashed = Argon2::default().hash_password_into_with_memory(
            password.as_bytes(),
            salt.as_ref(),
            &mut output,
            &mut memory,
        );
        self.free().push(memory);
        hashed.ok()?;
        Output::new(&output).ok()
    }

    fn free(&self) -> MutexGuard<'_, Vec<Memory>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new();
        let hash = passwords.hash("one").unwrap();
        assert!(passwords.verify("one", &hash));
        assert!(!passwords.verify("two", &hash));
    }

    #[test]
    fn one_password_has_many_hashes() {
        let passwords = Passwords::new();
        let (first, second) = (
            passwords.hash("one").unwrap(),
            passwords.hash("one").unwrap(),
        );
        assert_ne!(first.output, second.output);
    }

    #[test]
    fn one_hash_uses_the_memory_of_the_last() {
        let passwords = Passwords::new();
        let hash = passwords.hash("one").unwrap();
        for _ in 0..3 {
            assert!(passwords.verify("one", &hash));
            assert_eq!(passwords.free().len(), 1);
        }
    }
}
