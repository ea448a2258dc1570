//! The settings for bound tokens: `external_url`, `[dpop]` and `[mtls]`.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

use std::fs;

use countersign::{SigningKey, SystemClock};
use resource_server::{Api, Config};
use tempfile::TempDir;
use tokio::runtime::Builder;

const URL: &str = "external_url = \"https://api.example\"";
const PASSWORD: &str = "hunter2";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let jwk = SigningKey::generate_es256().unwrap().verifying_key();
    let keys = format!(r#"{{"keys":[{}]}}"#, jwk.to_jwk().unwrap());
    fs::write(folder.path().join("keys.json"), keys).unwrap();
    fs::write(folder.path().join("secret"), "a".repeat(32)).unwrap();
    fs::write(folder.path().join("weak"), "a".repeat(31)).unwrap();
    folder
}

/// Returns the mistake without the name of the file, if there is one.
fn mistake(folder: &TempDir, top: &str, tables: &str) -> Option<String> {
    let file = folder.path().join("api.toml");
    let issuer = "[[issuers]]\nissuer = \"https://id.example\"\naudience = \"shop\"\nkeys = { jwks_file = \"keys.json\" }";
    fs::write(&file, format!("{top}\n{tables}\n{issuer}\n")).unwrap();
    let runtime = Builder::new_current_thread().build().unwrap();
    let _within = runtime.enter();
    let api = Config::read(&file).and_then(|config| Api::new(&config, SystemClock));
    if let Ok(api) = &api {
        assert!(!format!("{api:?}").contains(PASSWORD));
    }
    let text = api.err()?.to_string();
    Some(text.rsplit_once("api.toml:").unwrap().1.to_owned())
}

#[test]
fn settings_that_belong_together_are_good() {
    let folder = folder();
    for tables in [
        "[dpop]\nreplay = \"memory\"",
        "[dpop]\nmode = \"allowed\"\nreplay = \"memory\"\nnonce = \"required\"\npast = 300\nfuture = 0",
        "[dpop]\nreplay = \"nonce-only\"\nnonce = \"required\"\nnonce_secret = \"file:secret\"",
        "[dpop]\nreplay = \"sqlite:proofs.db\"\nnonce = \"offered\"\nnonce_secret = \"file:secret\"",
        "[dpop]\nreplay = \"redis://:hunter2@redis.example\"",
        "[dpop]\nreplay = \"postgres://api:hunter2@db.example/api\"",
        "[mtls]\nmode = \"allowed\"\nheader = { name = \"client-cert\", format = \"rfc9440\", from = [\"127.0.0.1\"] }",
        "[mtls]\nmode = \"off\"",
    ] {
        assert_eq!(mistake(&folder, URL, tables), None, "{tables}");
    }
    assert_eq!(mistake(&folder, "", "[dpop]\nmode = \"off\""), None);
}

#[test]
fn a_mistake_names_its_line_and_its_key_and_repeats_no_secret() {
    let folder = folder();
    for (top, tables, place, part) in [
        ("", "[dpop]\nreplay = \"memory\"", "2:", "`external_url`"),
        (URL, "[dpop]\nmode = \"required\"", "2:", "`dpop.replay`"),
        (URL, "[dpop]\nmode = \"hunter2\"", "3:8:", "\"allowed\""),
        (URL, "[dpop]\nreplay = \"hunter2\"", "3:10:", "\"memory\""),
        (
            URL,
            "[dpop]\nreplay = \"mysql://a:hunter2@b\"",
            "3:10:",
            "\"memory\"",
        ),
        (
            URL,
            "[dpop]\nreplay = \"memory\"\nnonce = \"hunter2\"",
            "4:9:",
            "\"offered\"",
        ),
        (
            URL,
            "[dpop]\nreplay = \"memory\"\npast = 301",
            "4:8:",
            "`past`",
        ),
        (
            URL,
            "[dpop]\nreplay = \"memory\"\nfuture = -1",
            "4:10:",
            "`future`",
        ),
        (
            URL,
            "[dpop]\nreplay = \"nonce-only\"",
            "3:10:",
            "`nonce = \"required\"`",
        ),
        (
            URL,
            "[dpop]\nreplay = \"nonce-only\"\nnonce = \"required\"",
            "2:",
            "`dpop.nonce_secret`",
        ),
        (
            URL,
            "[dpop]\nreplay = \"sqlite:a.db\"\nnonce = \"required\"",
            "2:",
            "`dpop.nonce_secret`",
        ),
        (
            URL,
            "[dpop]\nreplay = \"memory\"\nnonce_secret = \"file:secret\"",
            "4:16:",
            "`nonce_secret`",
        ),
        (
            URL,
            "[dpop]\nreplay = \"memory\"\nnonce = \"offered\"\nnonce_secret = \"hunter2\"",
            "5:16:",
            "env:NAME",
        ),
        (
            URL,
            "[dpop]\nreplay = \"memory\"\nnonce = \"offered\"\nnonce_secret = \"file:weak\"",
            "5:16:",
            "at least 32",
        ),
        (
            "external_url = \"api.example\"",
            "[dpop]\nreplay = \"memory\"",
            "1:16:",
            "",
        ),
        (URL, "[mtls]\nmode = \"required\"", "2:", "`mtls.header`"),
        (
            URL,
            "[mtls]\nheader = { name = \"client-cert\", format = \"pem\", from = [\"127.0.0.1\"] }",
            "3:",
            "\"rfc9440\"",
        ),
        (
            URL,
            "[mtls]\nheader = { name = \"cookie\", format = \"rfc9440\", from = [\"127.0.0.1\"] }",
            "3:10:",
            "",
        ),
        (
            URL,
            "[mtls]\nheader = { name = \"client-cert\", format = \"rfc9440\", from = [] }",
            "3:10:",
            "",
        ),
    ] {
        let line = mistake(&folder, top, tables).unwrap_or_else(|| panic!("{tables}"));
        assert!(
            line.starts_with(place) && line.contains(part),
            "{tables}: {line}"
        );
        assert!(!line.contains(PASSWORD), "{line}");
    }
}
