//! Tests of mistakes in the configuration file: one line with the position, and exit code 2. The
//! nearest good twin starts.

use std::{fs, process::Command};

use countersign::SigningKey;
use countersign_tests::server::{Ended, Server, free_address};

use crate::{
    mistake_table::{GOOD, KEYS, MISTAKES},
    servers::{self, Folder, bare_command, command},
};

const SECRET: &str = "an example secret of 32 bytes or more";
const WEAK: &str = "an example secret of 31 bytes !";

fn folder() -> Folder {
    let folder = Folder::new();
    let key = SigningKey::generate_es256().unwrap();
    let jwk = key.verifying_key().to_jwk().unwrap();
    folder.write("keys.json", &format!(r#"{{"keys":[{jwk}]}}"#));
    let symmetric = |k: &str| format!(r#"{{"keys":[{{"kty":"oct","alg":"HS256","k":"{k}"}}]}}"#);
    folder.write(
        "weak.json",
        &symmetric(&format!("{}g", &"abcdefghijkl".repeat(4)[..41])),
    );
    folder.write("symmetric.json", &symmetric(&"abcdefgh".repeat(8)));
    folder.write("secret", &format!("{SECRET}\n"));
    folder.write("weak", &format!("{WEAK}\n"));
    folder.write("root.pem", include_str!("root.pem"));
    folder
}

fn program(folder: &Folder, text: &str) -> Command {
    let mut command = command(&folder.write("api.toml", text));
    command
        .env("SECRET", SECRET)
        .env("WEAK", WEAK)
        .env_remove("NOT_SET");
    command
}

#[track_caller]
fn refused(folder: &Folder, text: &str) -> Ended {
    servers::refused(&mut program(folder, text))
}

#[test]
fn a_mistake_is_one_line_with_its_place_and_its_twin_starts() {
    let folder = folder();
    let name = folder.path().display().to_string();
    let mut objections = Vec::new();
    for (part, wrong, right, expected) in MISTAKES {
        assert_eq!(GOOD.matches(part).count(), 1, "{part}");
        let ended = refused(&folder, &GOOD.replace(part, wrong));
        let line = ended.stderr.replace(&name, "FOLDER");
        let expected = format!("FOLDER/api.toml:{expected}");
        let is_expected = match expected.strip_suffix(": ") {
            Some(start) => line.starts_with(start), // the rest is the library's text
            None => line == format!("{expected}\n"),
        };
        if !is_expected || line.lines().count() != 1 {
            objections.push(format!("{line}instead of\n{expected}\n"));
        }
        assert_eq!(
            (ended.code, &*ended.stdout),
            (Some(2), &[][..]),
            "{wrong}: {line}"
        );
        let _started = Server::start(&mut program(&folder, &GOOD.replace(part, right)));
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

#[test]
fn the_file_itself_may_be_the_mistake() {
    let folder = folder();
    let name = folder.path().display().to_string();
    let line = |ended: Ended| {
        assert_eq!((ended.code, &*ended.stdout), (Some(2), &[][..]));
        ended.stderr.replace(&name, "FOLDER")
    };
    let nowhere = servers::refused(&mut command(&folder.path().join("nowhere.toml")));
    let expected = "FOLDER/nowhere.toml: cannot be read: No such file or directory (os error 2)\n";
    assert_eq!(line(nowhere), expected);

    fs::write(folder.path().join("latin.toml"), b"realm = \"\xe4\"").unwrap();
    let latin = servers::refused(&mut command(&folder.path().join("latin.toml")));
    let expected = "FOLDER/latin.toml: cannot be read: stream did not contain valid UTF-8\n";
    assert_eq!(line(latin), expected);

    let expected = "FOLDER/api.toml:1:1: missing field `issuers`\n";
    assert_eq!(line(refused(&folder, "")), expected);
    let expected = "FOLDER/api.toml:1:11: there is no issuer, so nobody could come in\n";
    assert_eq!(line(refused(&folder, "issuers = []\n")), expected);
}

#[test]
fn an_issuer_stands_in_the_file_once() {
    let folder = folder();
    let table = GOOD.split("\n\n").nth(1).unwrap().to_owned() + "\n";
    let ended = refused(&folder, &format!("{table}\n{table}"));
    assert!(
        ended
            .stderr
            .ends_with("api.toml:8:10: this issuer stands here twice\n"),
        "{}",
        ended.stderr
    );
    let other = table.replace("https://id.example", "https://id.example/");
    let _started = Server::start(&mut program(&folder, &format!("{table}\n{other}")));
}

#[test]
fn an_address_that_is_taken_is_a_mistake_at_its_place() {
    let folder = folder();
    let first = Server::start(&mut program(&folder, GOOD));
    let taken = GOOD.replace("127.0.0.1:0", &first.address().to_string());
    let ended = refused(&folder, &taken);
    let expected = format!("api.toml:1:10: cannot listen on {}: ", first.address());
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);

    let management = GOOD.replace("localhost:0", &first.address().to_string());
    let ended = servers::refused(
        bare_command(&folder.write("management.toml", &management))
            .env("SECRET", SECRET)
            .args(["--listen", "127.0.0.1:0"]),
    );
    let address = first.address();
    let expected = format!("management.toml:15:10: cannot listen on {address}: ");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

#[test]
fn the_two_addresses_have_to_differ() {
    let folder = folder();
    let one = free_address().to_string();
    let text = GOOD
        .replace("127.0.0.1:0", &one)
        .replace("localhost:0", &one);
    let ended = servers::refused(&mut bare_command(&folder.write("api.toml", &text)));
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("api.toml:15:10: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn nothing_is_said_of_a_secret_in_a_wrong_place() {
    let folder = folder();
    for (part, wrong) in [
        (KEYS, "{ hs256_secret = \"hunter2\" }"),
        (KEYS, "\"hunter2\""),
        (KEYS, "{ discover = \"hunter2\" }"),
        (KEYS, "{ jwks_url = \"https://user:hunter2@id.example\" }"),
        ("60", "\"hunter2\""),
        ("[\"bearer\"]", "[\"hunter2\"]"),
    ] {
        let ended = refused(&folder, &GOOD.replace(part, wrong));
        assert_eq!(ended.code, Some(2), "{wrong}");
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}
