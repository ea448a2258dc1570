//! Starts a gRPC server, calls it without a token and with one, and prints what it answers.

use countersign::{Issuer, SigningKey};
use serde_json::json;
use tokio::net::TcpListener;
use tonic_greeter::{BoxError, greet, serve};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
        .audience("greeter")
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = listener.local_addr()?;
    println!("listening on {server}");
    tokio::spawn(serve(listener, issuer.verifier()));

    match greet(server, None).await {
        Ok(text) => println!("without a token: {text}"),
        Err(status) => println!("without a token: {:?}, {}", status.code(), status.message()),
    }
    let token = issuer.issue(&json!({ "sub": "ada" }))?;
    println!(
        "with a token: {}",
        greet(server, Some(token.as_str())).await?
    );
    Ok(())
}
