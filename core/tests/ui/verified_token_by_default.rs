//! There is no token to begin with.

use countersign::VerifiedToken;

fn main() {
    let _ = VerifiedToken::default();
}
