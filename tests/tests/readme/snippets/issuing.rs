//! Issuing tokens.

#[test]
fn tokens_pass_the_own_verifier_and_only_public_keys_are_published() -> Result<(), Box<dyn std::error::Error>> {
    use countersign::{Issuer, SigningKey};

    #[derive(serde::Serialize)]
    struct User<'a> { sub: &'a str, role: &'a str }

    let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
        .audience("orders")
        .build()?;                                          // tokens live for 15 minutes: `.ttl(..)` changes that
    let token = issuer.issue(&User { sub: "ada", role: "admin" })?;
    let verifier = issuer.verifier();                       // for this server's own routes
    let jwks = issuer.jwks();                               // for everybody else: the public keys
    assert!(verifier.verify_now(token.as_str()).is_ok());
    assert!(jwks.contains("\"x\"") && !jwks.contains("\"d\""));
    Ok(())
}
