//! Issues a token, verifies it, and logs somebody in: for `.ci/run`, on each target of WebAssembly that is installed.

use std::{
    error::Error,
    io::{Write, stdout},
    pin::pin,
    task::{Context, Poll, Waker},
};

use countersign::{
    Clock, Issuer, MemoryStore, Sessions, SigningKey,
    session::{ClientInfo, Identity},
};
use serde_json::json;

/// WASI has a clock.
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
fn clock() -> impl Clock {
    countersign::SystemClock
}

/// `wasm32-unknown-unknown` has none of its own.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
fn clock() -> impl Clock {
    struct JsClock;

    impl Clock for JsClock {
        fn now(&self) -> i64 {
            (js_sys::Date::now() / 1_000.0) as i64
        }
    }

    JsClock
}

/// Polls once: a key and a store in memory have nothing to wait for.
fn main() -> Result<(), Box<dyn Error>> {
    match pin!(run()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err("something waits".into()),
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    for key in [
        SigningKey::generate_es256()?,
        SigningKey::generate_ed25519()?,
        SigningKey::hs256("pale-ale, or 32 bytes of anything")?,
    ] {
        let issuer = Issuer::builder("https://id.example", key).audience("orders");
        let issuer = issuer.clock(clock()).build()?;
        let (token, verifier) = (issuer.issue(&json!({ "sub": "ada" }))?, issuer.verifier());
        let verified = verifier.verify(token.as_str()).await?;
        let alg = verified.header().algorithm();
        writeln!(
            stdout(),
            "{alg:?}: {}",
            verified.subject().unwrap_or_default()
        )?;
        let changed = format!("{}A", token.as_str());
        if verifier.verify(&changed).await.is_ok() {
            return Err("a changed token is accepted".into());
        }

        let sessions = Sessions::builder(issuer, MemoryStore::new()).build()?;
        let user = Identity::new("ada", json!({}));
        let pair = sessions.start(&user, ClientInfo::new()).await?;
        let access = pair.access_token().as_str();
        sessions.verifier().verify(access).await?;
    }
    Ok(())
}
