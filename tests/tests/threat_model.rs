//! A test of the test names in THREAT-MODEL.md.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Collects the names of all functions below this folder.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    for entry in entries {
        let path = entry.expect("an entry").path();
        let is_skipped = ["target", "node_modules"]
            .iter()
            .any(|name| path.ends_with(name));
        if path.is_dir() && !is_skipped {
            functions(&path, names);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let found = text
                .split("fn ")
                .skip(1)
                .filter_map(|rest| rest.split('(').next());
            names.extend(found.map(str::to_owned));
        }
    }
}

/// Returns the texts in backquotes that look like the names of tests.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |text: &&str| {
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        text.matches('_').count() >= 2 && text.bytes().all(letters)
    };
    text.split('`').skip(1).step_by(2).filter(is_name)
}

#[test]
fn every_test_that_is_named_exists() {
    let root = root();
    let text = fs::read_to_string(root.join("THREAT-MODEL.md")).expect("the threat model");
    let mut names = BTreeSet::new();
    for folder in ["core", "tower-jwt", "actix-jwt", "stores", "tests"] {
        functions(&root.join(folder), &mut names);
    }
    let missing: Vec<_> = named(&text).filter(|name| !names.contains(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "no such tests");
    assert!(named(&text).count() > 60);
}

#[test]
fn every_threat_has_a_test() {
    let text = fs::read_to_string(root().join("THREAT-MODEL.md")).expect("the threat model");
    let (_, threats) = text.split_once("## Threats").expect("a section");
    let (threats, _) = threats.split_once("\n## ").expect("a next section");
    let rows = threats.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter(|line| !line.starts_with("| threat"));
    for row in rows {
        assert!(named(row).next().is_some(), "no test: {row}");
    }
}
