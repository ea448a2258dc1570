//! A verified token cannot be read from a client.

use countersign::VerifiedToken;

fn main() {
    let _: VerifiedToken = serde_json::from_str("{}").unwrap();
}
