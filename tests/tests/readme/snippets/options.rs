//! Options, made once for both adapters.

#[test]
fn the_options_fit_together() {
    let verifier = countersign::testing::TestIssuer::new().verifier();
    use countersign::{Authenticator, Policy, TokenSource};

    let authenticator = Authenticator::new(verifier)
        .source(TokenSource::bearer().or(TokenSource::cookie("__Host-access")))
        .require(Policy::scope("orders:read").and(Policy::role("guest").not()))
        .realm("orders");
    assert!(format!("{authenticator:?}").contains("orders"));
}
