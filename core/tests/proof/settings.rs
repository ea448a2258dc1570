//! Settings that contradict each other, or leave out what is needed.

use std::time::Duration;

use countersign::{
    Algorithm,
    proof::{Dpop, DpopBuilder, MemoryReplayStore, NonceKey, NonceMode, ProofMode},
};

fn usual() -> DpopBuilder {
    Dpop::builder()
        .external_url("https://api.test")
        .replay(MemoryReplayStore::new())
}

fn refusal(builder: DpopBuilder) -> String {
    builder.build().unwrap_err().to_string()
}

fn key() -> NonceKey {
    NonceKey::new([7; 32]).unwrap()
}

#[test]
fn what_is_needed_is_asked_for_by_its_name() {
    let without_url = Dpop::builder().replay(MemoryReplayStore::new());
    assert!(refusal(without_url).contains("external_url"));
    let without_store = Dpop::builder().external_url("https://api.test");
    assert!(refusal(without_store).contains("replay"));
    assert!(usual().build().is_ok());
}

#[test]
fn contradictions_are_refused() {
    let only = || {
        Dpop::builder()
            .external_url("https://api.test")
            .nonce_only()
    };
    for (builder, name) in [
        (usual().nonce_only(), "nonce_only"),
        (only(), "nonce_only"),
        (only().nonces(NonceMode::Offered), "nonce_only"),
        (only().nonces(NonceMode::Required), "nonce_key"),
        (usual().nonce_key(key()), "nonce_key"),
        (usual().past(Duration::from_secs(301)), "past"),
        (usual().future(Duration::from_secs(301)), "future"),
        (usual().algorithms([]), "algorithms"),
        (usual().algorithms([Algorithm::HS256]), "algorithms"),
        (usual().external_url("api.test"), "external_url"),
    ] {
        let text = refusal(builder);
        assert!(text.contains(name), "{name}: {text}");
    }
    for builder in [
        only().nonces(NonceMode::Required).nonce_key(key()),
        only().nonces(NonceMode::Required).single_process(),
        // A store in memory is of one process.
        usual().nonces(NonceMode::Offered),
        usual()
            .past(Duration::from_secs(300))
            .future(Duration::from_secs(300)),
    ] {
        assert!(builder.build().is_ok());
    }
}

#[test]
fn words_of_settings_are_read_and_written() {
    for text in ["off", "allowed", "required"] {
        assert_eq!(text.parse::<ProofMode>().unwrap().to_string(), text);
    }
    for text in ["off", "offered", "required"] {
        assert_eq!(text.parse::<NonceMode>().unwrap().to_string(), text);
    }
    assert!("on".parse::<ProofMode>().is_err());
    assert!("Required".parse::<NonceMode>().is_err());
}

#[test]
fn no_secret_is_shown() {
    let dpop = usual()
        .nonces(NonceMode::Required)
        .nonce_key(NonceKey::new("s3cret".repeat(8)).unwrap());
    let shown = format!("{:?} {:?}", dpop, NonceKey::new("s3cret".repeat(8)));
    assert!(!shown.contains("s3cret"));
    assert!(!format!("{:?}", dpop.build().unwrap()).contains("s3cret"));
}
