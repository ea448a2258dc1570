//! Hashing of passwords, in bounded memory.

use std::{
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
};

use argon2::{
    Argon2, Block, Params,
    password_hash::phc::{Output, Salt},
};

/// Hashes passwords by Argon2id, with the parameters that the crate recommends.
///
/// One hash takes 19 MiB of memory, so a crowd must not be served all at once. There is one piece of
/// memory for each processor, at most four. It is used again and again; who finds none waits.
pub(crate) struct Passwords {
    free: Mutex<Vec<Memory>>,
    freed: Condvar,
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
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            free: Mutex::new(vec![Memory::new(); processors.min(4)]),
            freed: Condvar::new(),
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

    /// Whether this is the password. Hashes are compared in constant time.
    pub(crate) fn verify(&self, password: &str, hash: &Hash) -> bool {
        self.output(password, &hash.salt)
            .is_some_and(|output| output == hash.output)
    }

    fn output(&self, password: &str, salt: &Salt) -> Option<Output> {
        let mut turn = self.wait_for_turn();
        turn.memory
            .resize(Params::DEFAULT.block_count(), Block::default());
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        Argon2::default()
            .hash_password_into_with_memory(
                password.as_bytes(),
                salt.as_ref(),
                &mut output,
                &mut turn.memory,
            )
            .ok()?;
        Output::new(&output).ok()
    }

    fn wait_for_turn(&self) -> Turn<'_> {
        let mut free = self.free();
        loop {
            if let Some(memory) = free.pop() {
                let passwords = self;
                return Turn { passwords, memory };
            }
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Memory>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of memory that goes back when it is dropped.
struct Turn<'p> {
    passwords: &'p Passwords,
    memory: Memory,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.passwords.free().push(mem::take(&mut self.memory));
        self.passwords.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

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
    fn a_crowd_is_served_in_the_memory_there_is() {
        let passwords = Passwords::new();
        let pieces = passwords.free().len();
        let hash = passwords.hash("one").unwrap();
        thread::scope(|scope| {
            let crowd: Vec<_> = (0..3 * pieces)
                .map(|_| scope.spawn(|| passwords.verify("one", &hash)))
                .collect();
            assert!(crowd.into_iter().all(|one| one.join().unwrap()));
        });
        assert_eq!(passwords.free().len(), pieces);
    }
}
