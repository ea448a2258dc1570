//! Tokens in one line.

#[test]
fn the_good_token_passes_and_the_bad_ones_do_not() {
    use countersign::testing::TestIssuer;

    let issuer = TestIssuer::new();                         // give your app `issuer.verifier()`
    let good = issuer.token().subject("ada").role("admin").scope("orders:read").sign();
    let bad = [issuer.token().expired().sign(), issuer.token().audience("shop").sign(), issuer.token().unsigned()];
    assert!(issuer.verifier().verify_now(&good).is_ok());
    assert!(bad.iter().all(|token| issuer.verifier().verify_now(token).is_err()));
}
