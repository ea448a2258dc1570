//! Starts a gRPC server, calls it without a token and with one, and prints what it answers.

use std::io::{Write, stdout};

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
    let mut out = stdout();
    writeln!(out, "listening on {server}")?;
    tokio::spawn(serve(listener, issuer.verifier()));

    match greet(server, None).await {
        Ok(text) => writeln!(out, "without a token: {text}")?,
        Err(status) => {
            let (code, message) = (status.code(), status.message());
            writeln!(out, "without a token: {code:?}, {message}")?;
        }
    }
    let token = issuer.issue(&json!({ "sub": "ada" }))?;
    let text = greet(server, Some(token.as_str())).await?;
    writeln!(out, "with a token: {text}")?;
    Ok(())
}
