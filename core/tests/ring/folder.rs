//! Tests of a ring in a folder: its files, who may read them, and what a crash leaves behind.

use std::{fs, path::Path, thread};

use countersign::{
    ConfigError, SigningKey, SigningKeys,
    issue::{KeyFolder, RingDocument, RingKeyState},
    testing::FixedClock,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{KEYS, LIFETIME, NOW, document, issuer, published, signing};

struct Folder {
    path: TempDir,
    clock: FixedClock,
    keys: KeyFolder,
}

impl Folder {
    fn new() -> Self {
        let path = tempfile::tempdir().unwrap();
        let clock = FixedClock::at(NOW);
        let keys = KeyFolder::new(path.path().join("keys")).clock(clock.clone());
        keys.create(|_| Ok(document())).unwrap();
        Self { path, clock, keys }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.path.path().join("keys").join(name)
    }

    /// The names of the files, without that of the lock.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.file("")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "ring.lock").collect();
        names.sort();
        names
    }

    fn json(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.file("ring.json")).unwrap()).unwrap()
    }

    fn write(&self, document: &Value) {
        fs::write(self.file("ring.json"), document.to_string()).unwrap();
    }

    #[track_caller]
    fn refused(&self) -> String {
        let error = self.keys.load().unwrap_err().to_string();
        error.replace(&self.file("").display().to_string(), "DIR/")
    }
}

#[test]
fn a_restarted_node_has_the_ring_of_the_others() {
    let folder = Folder::new();
    let one = SigningKeys::open(folder.keys.clone()).unwrap();
    let token = issuer(&one, &folder.clock).issue(&json!({})).unwrap();
    let signs = folder
        .keys
        .change(|document, now| document.rotate(&KEYS[1], now))
        .unwrap();
    folder.clock.set(signs + 9);
    let other = SigningKeys::open(folder.keys.clone()).unwrap();
    assert_eq!(published(&other), ["a", "b"]);
    let other = issuer(&other, &folder.clock);
    assert!(other.verifier().verify_now(token.as_str()).is_ok());
    assert_eq!(signing(&other), "b");
}

#[test]
fn each_private_key_has_a_file_until_it_is_needed_no_more() {
    let folder = Folder::new();
    let name = |key: &SigningKey| format!("key-{}.pem", key.verifying_key().thumbprint().unwrap());
    let (a, b) = (name(&KEYS[0]), name(&KEYS[1]));
    assert_eq!(folder.files(), [a.clone(), "ring.json".into()]);
    let signs = folder
        .keys
        .change(|document, now| document.rotate(&KEYS[1], now))
        .unwrap();
    let mut files = [a, b.clone()];
    files.sort();
    assert_eq!(folder.files(), [&files[..], &["ring.json".into()]].concat());
    folder.clock.set(signs + LIFETIME);
    folder.keys.change(RingDocument::prune).unwrap();
    assert_eq!(folder.files(), [b, "ring.json".into()]);
    assert_eq!(
        folder.json()["keys"][0]["kty"],
        "EC",
        "the public key is in the document"
    );
    let states: Vec<_> = folder
        .keys
        .load()
        .unwrap()
        .keys(signs + LIFETIME)
        .map(|key| key.state)
        .collect();
    assert_eq!(states, [RingKeyState::Retired, RingKeyState::Active]);
}

#[test]
fn a_ring_is_created_once() {
    let folder = Folder::new();
    let again = folder.keys.create(|_| Ok(document()));
    assert!(matches!(again, Err(ConfigError::Conflict(_))), "{again:?}");
}

#[test]
fn a_folder_or_a_file_that_is_not_there_is_named() {
    let absent = KeyFolder::new("/nonexistent/keys")
        .load()
        .unwrap_err()
        .to_string();
    assert!(
        absent.starts_with("missing setting: cannot read /nonexistent/keys: "),
        "{absent}"
    );
    let folder = Folder::new();
    let mut document = folder.json();
    document["keys"][0]["file"] = json!("other.pem");
    folder.write(&document);
    let refused = folder.refused();
    let expected =
        "missing setting: DIR/ring.json: `keys[0]`: \"other.pem\": cannot read DIR/other.pem: ";
    assert!(refused.starts_with(expected), "{refused}");
}

#[test]
fn a_file_of_another_folder_is_refused() {
    let folder = Folder::new();
    let name = folder.json()["keys"][0]["file"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::copy(folder.file(&name), folder.path.path().join("outside.pem")).unwrap();
    for wrong in [
        "../outside.pem",
        "/etc/passwd",
        "a/b.pem",
        "..",
        ".",
        "",
        "a\\b",
        "./x.pem",
    ] {
        let mut document = folder.json();
        document["keys"][0]["file"] = json!(wrong);
        folder.write(&document);
        let refused = folder.refused();
        assert!(
            refused.ends_with("`file` is the name of a file in the folder"),
            "{refused}"
        );
    }
}

#[test]
fn keys_can_be_pem_or_jwk_files_and_retired_ones_public() {
    let folder = Folder::new();
    let private = KEYS[1].to_pkcs8_pem().unwrap();
    let other = RingDocument::new(&KEYS[2], super::times(), NOW)
        .unwrap()
        .to_json()
        .unwrap();
    let other: Value = serde_json::from_str(&other).unwrap();
    let mut jwk = other["keys"][0].clone();
    jwk.as_object_mut()
        .unwrap()
        .retain(|name, _| !name.ends_with("_from"));
    write_private(&folder.file("one.pem"), &private);
    write_private(&folder.file("two.jwk"), &jwk.to_string());
    let public = KEYS[0].verifying_key().to_jwk().unwrap();
    fs::write(folder.file("old.jwk"), public).unwrap();
    let entry =
        |file: &str, at: i64| json!({"file": file, "publish_from": at, "sign_from": at + 60});
    let mut old = entry("old.jwk", NOW - 900);
    let mut one = entry("one.pem", NOW - 500);
    let mut two = entry("two.jwk", NOW + 100);
    old["until"] = json!(NOW + 1_000);
    one["until"] = json!(NOW + 1_000);
    one["alg"] = json!("ES256");
    let mut document = folder.json();
    document["keys"] = json!([old, one, two]);
    folder.write(&document);
    let ids: Vec<_> = folder
        .keys
        .load()
        .unwrap()
        .keys(NOW)
        .map(|key| (key.id, key.is_private))
        .collect();
    let thumbprint = KEYS[1].verifying_key().thumbprint().unwrap().to_owned();
    assert_eq!(
        ids,
        [
            ("a".to_owned(), false),
            (thumbprint, true),
            ("c".to_owned(), true)
        ]
    );

    // A name of its own; an algorithm that the key is not for.
    two["kid"] = json!("named");
    one["alg"] = json!("RS256");
    document["keys"] = json!([old, one, two]);
    folder.write(&document);
    assert!(
        folder
            .refused()
            .starts_with("invalid key: DIR/ring.json: `keys[1]`: \"one.pem\": ")
    );
    one.as_object_mut().unwrap().remove("alg");
    document["keys"] = json!([old, one, two]);
    folder.write(&document);
    assert!(
        folder
            .refused()
            .ends_with("a PEM needs the member `alg` beside it")
    );
    one["alg"] = json!("ES256");
    document["keys"] = json!([old, one, two]);
    folder.write(&document);
    assert_eq!(
        folder.keys.load().unwrap().keys(NOW).last().unwrap().id,
        "named"
    );
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    set_mode(path, 0o600);
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

#[cfg(unix)]
#[test]
fn a_private_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::MetadataExt;

    let folder = Folder::new();
    let name = folder.json()["keys"][0]["file"]
        .as_str()
        .unwrap()
        .to_owned();
    let key = folder.file(&name);
    let is_of_root = fs::metadata(&key).unwrap().uid() == 0;
    for (mode, accepted) in [
        (0o600, true),
        (0o400, true),
        (0o640, is_of_root),
        (0o440, is_of_root),
        (0o660, false),
        (0o604, false),
        (0o644, false),
        (0o602, false),
    ] {
        set_mode(&key, mode);
        assert_eq!(folder.keys.load().is_ok(), accepted, "{mode:o}");
    }
    set_mode(&key, 0o644);
    let most = if is_of_root { "0640" } else { "0600" };
    assert_eq!(
        folder.refused(),
        format!(
            "invalid setting: DIR/ring.json: `keys[0]`: \"{name}\": others can read or change DIR/{name}: its mode is \
             0644, and may be {most} at most (chmod)"
        )
    );
}

#[cfg(unix)]
#[test]
fn a_document_or_a_folder_that_others_can_change_is_refused() {
    let folder = Folder::new();
    for (mode, accepted) in [(0o644, true), (0o664, false), (0o646, false), (0o600, true)] {
        set_mode(&folder.file("ring.json"), mode);
        assert_eq!(folder.keys.load().is_ok(), accepted, "{mode:o}");
    }
    for (mode, accepted) in [
        (0o755, true),
        (0o775, false),
        (0o757, false),
        (0o1777, true),
        (0o700, true),
    ] {
        set_mode(&folder.file(""), mode);
        assert_eq!(folder.keys.load().is_ok(), accepted, "{mode:o}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_saved_keeps_the_permissions_that_were_given() {
    use std::os::unix::fs::MetadataExt;

    let folder = Folder::new();
    let mode = |name: &str| fs::metadata(folder.file(name)).unwrap().mode() & 0o777;
    assert_eq!(fs::metadata(folder.file("")).unwrap().mode() & 0o777, 0o700);
    for file in folder.files() {
        assert_eq!(mode(&file), 0o600, "{file}");
    }
    set_mode(&folder.file("ring.json"), 0o640);
    folder
        .keys
        .change(|document, now| document.rotate(&KEYS[1], now))
        .unwrap();
    let name = format!("key-{}.pem", KEYS[1].verifying_key().thumbprint().unwrap());
    assert_eq!((mode("ring.json"), mode(&name)), (0o640, 0o640));
}

#[test]
fn a_change_that_is_refused_leaves_every_file_as_it_was() {
    let folder = Folder::new();
    let before = (folder.files(), folder.json());
    let refused = folder.keys.change(|document, now| {
        document.rotate(&KEYS[1], now)?;
        Err::<(), _>(ConfigError::Missing("not today".into()))
    });
    assert!(refused.is_err());
    // A key that would be published before every node has read of it.
    let late = folder
        .keys
        .change(|document, now| document.rotate(&KEYS[1], now - 1));
    let late = late.unwrap_err().to_string();
    assert!(late.contains("its `publish_from` must be"), "{late}");
    assert_eq!((folder.files(), folder.json()), before);
}

#[test]
fn what_a_crash_left_behind_stops_nobody() {
    let folder = Folder::new();
    // It died while it wrote the document, after the file of the key.
    let name = format!("key-{}.pem", KEYS[1].verifying_key().thumbprint().unwrap());
    write_private(&folder.file(&name), "-----BEGIN PRIV");
    write_private(&folder.file(".ring.json.tmp"), "{\"keys\":[");
    write_private(&folder.file(&format!(".{name}.tmp")), "-----");
    assert_eq!(folder.keys.load().unwrap().keys(NOW).count(), 1);
    folder
        .keys
        .change(|document, now| document.rotate(&KEYS[1], now))
        .unwrap();
    assert_eq!(folder.keys.load().unwrap().keys(NOW).count(), 2);
    assert!(!folder.files().iter().any(|file| file.ends_with(".tmp")));
}

#[test]
fn two_operators_at_once_lose_no_key() {
    let folder = Folder::new();
    let results: Vec<_> = thread::scope(|scope| {
        let changes: Vec<_> = KEYS[1..]
            .iter()
            .map(|key| {
                let keys = folder.keys.clone();
                scope.spawn(move || keys.change(|document, now| document.rotate(key, now)))
            })
            .collect();
        changes
            .into_iter()
            .map(|change| change.join().unwrap())
            .collect()
    });
    // One rotation is on its way; whoever came later was told so.
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let refused =
        |result: &&Result<i64, ConfigError>| matches!(result, Err(ConfigError::Conflict(_)));
    assert_eq!(results.iter().filter(refused).count(), 6);
    let states: Vec<_> = folder
        .keys
        .load()
        .unwrap()
        .keys(NOW)
        .map(|key| key.state)
        .collect();
    assert_eq!(states, [RingKeyState::Active, RingKeyState::Announced]);
}

#[test]
fn readers_see_every_document_whole_while_it_is_replaced() {
    let folder = Folder::new();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for key in &KEYS[1..] {
                let signs = folder
                    .keys
                    .change(|document, now| document.rotate(key, now))
                    .unwrap();
                folder.clock.set(signs + 1_000);
                folder.keys.change(RingDocument::prune).unwrap();
            }
        });
        while !writer.is_finished() {
            folder.keys.load().unwrap();
        }
        writer.join().unwrap();
    });
    assert_eq!(folder.keys.load().unwrap().keys(i64::MAX).count(), 1);
}
