//! Tests of the commands in the pages.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::pages::{Page, repository, root};

#[test]
fn the_first_command_in_the_repository_is_the_one_that_gets_it() {
    let pages = Page::readmes();
    let readme = pages
        .iter()
        .find(|page| page.path.as_os_str() == "README.md");
    let blocks = readme.unwrap().blocks("sh");
    let expected = format!("git clone {} && cd countersign", repository());
    let first = blocks.iter().find(|block| !block.starts_with("cargo add"));
    assert_eq!(first.unwrap().lines().next(), Some(&*expected));
}

#[test]
fn commands_for_cargo_name_packages_and_targets_that_there_are() {
    let workspace = workspace();
    let mut count = 0;
    for page in Page::all() {
        for (verb, words) in commands(&page.text) {
            let told = format!("{}: {verb} {}", page.path.display(), words.join(" "));
            if verb == "add" {
                let (name, features) = added(&words);
                let package = find(&workspace, name)
                    .unwrap_or_else(|| panic!("{told}: there is no such package"));
                for feature in features {
                    let is_one = package["features"].get(feature).is_some();
                    assert!(is_one, "{told}: there is no such feature");
                }
                count += 1;
                continue;
            }
            let options = |name: &str| {
                let pairs = words.windows(2).filter(|pair| pair[0] == name);
                pairs.map(|pair| pair[1]).collect::<Vec<_>>()
            };
            let [name] = *options("-p") else {
                panic!("{told}: which package?");
            };
            let package = find(&workspace, name)
                .unwrap_or_else(|| panic!("{told}: there is no such package"));
            let targets = package["targets"].as_array().unwrap();
            for (option, kind) in [("--bench", "bench"), ("--bin", "bin"), ("--test", "test")] {
                for target in options(option) {
                    let is = |own: &Value| own["name"] == target && own["kind"][0] == kind;
                    assert!(targets.iter().any(is), "{told}: there is no such {kind}");
                }
            }
            for list in options("--features") {
                for feature in list.split(',') {
                    let is_one = package["features"].get(feature).is_some();
                    assert!(is_one, "{told}: there is no such feature");
                }
            }
            let mut programs = targets.iter().filter(|target| target["kind"][0] == "bin");
            assert!(
                verb != "run" || programs.next().is_some(),
                "{told}: it has no program"
            );
            count += 1;
        }
    }
    assert!(count > 30, "only {count} commands were found");
}

/// Returns the cargo commands of a page: verb and words of each `cargo add`, `bench`, `run` and
/// `test` that names a package. `tests/run ARGS` is a `test`.
fn commands(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut commands = Vec::new();
    for (opening, verb) in [("cargo ", None), ("tests/run ", Some("test"))] {
        for rest in text.split(opening).skip(1) {
            let command = rest.split(['`', '\n', '#']).next().unwrap_or_default();
            let mut words = command.split_whitespace();
            let Some(verb) = verb.or_else(|| words.next()) else {
                continue;
            };
            let words: Vec<_> = words.collect();
            let is_ours = match verb {
                "add" => words
                    .first()
                    .is_some_and(|name| name.starts_with("countersign")),
                "bench" | "run" | "test" => words.contains(&"-p"),
                _ => false,
            };
            if is_ours {
                commands.push((verb, words));
            }
        }
    }
    commands
}

/// Returns the package and the features of a `cargo add`.
fn added<'w>(words: &[&'w str]) -> (&'w str, Vec<&'w str>) {
    let features = words
        .iter()
        .skip_while(|word| **word != "--features")
        .nth(1);
    let features = features.map_or_else(Vec::new, |list| list.split(',').collect());
    (words[0], features)
}

fn find<'w>(workspace: &'w [Value], name: &str) -> Option<&'w Value> {
    workspace.iter().find(|own| own["name"] == name)
}

/// Returns the name and the folder of each package that is published.
pub(crate) fn publishable() -> Vec<(String, PathBuf)> {
    let mut packages = Vec::new();
    for package in workspace() {
        if package["publish"].is_null() {
            let manifest = Path::new(package["manifest_path"].as_str().unwrap());
            let folder = manifest.parent().unwrap().strip_prefix(root()).unwrap();
            packages.push((package["name"].as_str().unwrap().to_owned(), folder.into()));
        }
    }
    packages
}

/// Returns the packages of the workspace, as cargo lists them.
fn workspace() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--locked", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Runs cargo, and returns its output.
pub(crate) fn cargo(arguments: &[&str]) -> String {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}
