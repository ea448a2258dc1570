//! `build` can fail, and returns a `Result`.

use countersign::{Authenticator, Key, Verifier};

fn main() {
    let key = Key::hs256("an example secret of 32 bytes or more").unwrap();
    let verifier = Verifier::builder(key).issuer("i").audience("a").build();
    let _ = Authenticator::new(verifier);
}
