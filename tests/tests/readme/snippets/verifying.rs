//! Issuing and verifying without a framework.

#[tokio::test]
async fn a_token_is_issued_and_verified() -> Result<(), Box<dyn std::error::Error>> {
    let secret = "an example secret of 32 bytes or more";
    use countersign::{Issuer, Key, SigningKey, Verifier};

    #[derive(serde::Deserialize, serde::Serialize)]
    struct User { sub: String, role: String }

    let issuer = Issuer::builder("https://id.example", SigningKey::hs256(secret)?).audience("orders").build()?;
    let token = issuer.issue(&User { sub: "ada".into(), role: "admin".into() })?;

    let verifier = Verifier::builder(Key::hs256(secret)?).issuer("https://id.example").audience("orders").build()?;
    let user = verifier.verify_as::<User>(token.as_str()).await?;
    assert_eq!(user.role, "admin");
    assert_eq!(user.sub, "ada");
    Ok(())
}
