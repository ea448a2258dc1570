//! Tests of the form of a token: three parts of base64url, and nothing else.

use countersign::testing::TestIssuer;

#[test]
fn a_byte_out_of_the_alphabet_is_malformed_wherever_it_stands() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let good = issuer.token().sign();
    assert!(verifier.verify_now(&good).is_ok());

    let parts: Vec<&str> = good.split('.').collect();
    for foreign in ["=", "+", "/", " ", "\n", "\0", "%", "%2E", "ä", ".", ".."] {
        for part in 0..3 {
            for (at, place) in [(0, "start"), (1, "end")] {
                let mut parts: Vec<String> = parts.iter().map(|&part| part.into()).collect();
                let at = at * parts[part].len();
                parts[part].insert_str(at, foreign);
                let refused = verifier.verify_now(&parts.join(".")).unwrap_err();
                assert_eq!(
                    refused.reason(),
                    "malformed_token",
                    "{foreign:?} at the {place} of part {part}"
                );
            }
        }
    }
}
