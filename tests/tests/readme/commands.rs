//! The commands of the README files.

use std::{env, ffi::OsString, process::Command};

use serde_json::Value;

use crate::pages::{Page, repository, root};

#[test]
fn the_first_command_is_the_one_that_gets_the_repository() {
    let pages = Page::readmes();
    let readme = pages
        .iter()
        .find(|page| page.path.as_os_str() == "README.md");
    let blocks = readme.unwrap().blocks("sh");
    let expected = format!("git clone {} && cd countersign", repository());
    assert_eq!(blocks[0].lines().next(), Some(&*expected));
}

#[test]
fn commands_for_cargo_name_packages_and_targets_that_there_are() {
    let workspace = workspace();
    let mut count = 0;
    for page in Page::readmes() {
        let commands = page.text.split("cargo ").skip(1);
        for command in commands.map(|rest| rest.split(['`', '\n']).next().unwrap_or_default()) {
            let words: Vec<_> = command.split_whitespace().collect();
            let [verb @ ("bench" | "run" | "test"), words @ ..] = &*words else {
                continue;
            };
            let option = |name: &str| {
                let at = words.iter().position(|word| *word == name)?;
                words.get(at + 1).copied()
            };
            let told = format!("{}: cargo {command}", page.path.display());
            let package = option("-p").unwrap_or_else(|| panic!("{told}: which package?"));
            let package = workspace.iter().find(|own| own["name"] == package);
            let package = package.unwrap_or_else(|| panic!("{told}: there is no such package"));
            let targets = package["targets"].as_array().unwrap();
            let is_one = |kind: &str, name: &str| {
                let is = |target: &&Value| target["name"] == name && target["kind"][0] == kind;
                targets.iter().any(|target| is(&target))
            };
            for (name, kind) in [("--bench", "bench"), ("--bin", "bin"), ("--test", "test")] {
                if let Some(target) = option(name) {
                    assert!(is_one(kind, target), "{told}: there is no such {kind}");
                }
            }
            let programs = targets.iter().filter(|target| target["kind"][0] == "bin");
            assert!(
                *verb != "run" || programs.count() > 0,
                "{told}: it has no program"
            );
            count += 1;
        }
    }
    assert!(count > 10, "only {count} commands were found");
}

/// The packages of the workspace, as cargo tells them.
fn workspace() -> Vec<Value> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(cargo)
        .args(["metadata", "--locked", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}
