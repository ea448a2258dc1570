//! Only the library can make a verified token.

use countersign::VerifiedToken;

fn main() {
    let _ = VerifiedToken {
        inner: panic!(),
        added: None,
    };
}
