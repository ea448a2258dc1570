//! A verified token has no default.

use countersign::VerifiedToken;

fn main() {
    let _ = VerifiedToken::default();
}
