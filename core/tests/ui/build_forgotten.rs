//! A builder is not a verifier yet.

use countersign::{Authenticator, Key, Verifier};

fn main() {
    let key = Key::hs256("an example secret of 32 bytes or more").unwrap();
    let _ = Authenticator::new(Verifier::builder(key).issuer("i").audience("a"));
}
