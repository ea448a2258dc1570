//! The sample files say what the server understands.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

use std::{fs, path::Path};

use countersign::SystemClock;
use resource_server::{Api, Config, Mistake};
use tokio::runtime::Builder;

/// The API of a file. Nobody runs its tasks, so no provider is asked.
fn api(file: &Path) -> Result<Api, Mistake> {
    let runtime = Builder::new_current_thread().build().unwrap();
    let _within = runtime.enter();
    Api::new(&Config::read(file)?, SystemClock)
}

#[test]
fn each_sample_is_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = fs::read_dir(root.join("providers")).unwrap();
    let samples: Vec<_> = folder
        .map(|entry| entry.unwrap().path())
        .chain([root.join("resource-server.toml")])
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    assert_eq!(samples.len(), 10);
    for sample in samples {
        if let Err(mistake) = api(&sample) {
            panic!("{mistake}");
        }
    }
}

#[test]
fn each_member_that_is_commented_out_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("resource-server.toml")).unwrap();
    let is_member = |line: &str| line.contains(" = ");
    let members: Vec<_> = text
        .lines()
        .filter(|line| is_member(line) && !line.starts_with("#  "))
        .map(|line| line.trim_start_matches("# "))
        .collect();
    assert_eq!(members.len(), 31);
    // `provider` stands in place of `issuer` and `keys`.
    let (provider, members): (Vec<&str>, Vec<&str>) = members
        .iter()
        .partition(|member| member.starts_with("provider"));
    let all = members
        .join("\n")
        .replace("pattern =", "[tenants]\npattern =")
        .replace("issuer =", "[[issuers]]\nissuer =");
    let by_provider = format!(
        "listen = \"127.0.0.1:8080\"\n[[issuers]]\n{}\naudience = \"shop-1\"",
        provider[0]
    );
    let folder = tempfile::tempdir().unwrap();
    for text in [all, by_provider] {
        let file = folder.path().join("all.toml");
        fs::write(&file, text).unwrap();
        if let Err(mistake) = api(&file) {
            panic!("{mistake}");
        }
    }
}

#[test]
fn a_list_of_more_tenants_than_there_is_room_for_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tenants.toml");
    for (tenants, is_good) in [(10_000, true), (10_001, false)] {
        let allow: Vec<String> = (0..tenants).map(|number| format!("t{number}")).collect();
        let text = format!(
            "[tenants]\npattern = \"https://{{tenant}}.id.example\"\naudience = \"shop\"\nallow = {allow:?}\n"
        );
        fs::write(&file, text).unwrap();
        match api(&file) {
            Ok(_) => assert!(is_good),
            Err(mistake) => {
                assert!(!is_good, "{mistake}");
                assert!(mistake.to_string().contains("room for 10000"), "{mistake}");
            }
        }
    }
}
