//! The order of the modules of `core/src`: imports lead downwards only, and never in a circle.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The modules from the ground up. A module uses modules of earlier lines only.
const ORDER: [&[&str]; 12] = [
    &["sync", "clock", "future"],
    &["error"],
    &["metrics"],
    &["log"],
    &["jose"],
    &["claims", "keys", "request"],
    &["proof", "remote", "revocation"],
    &["verify"],
    &["auth", "issue"],
    &["session"],
    &["testing"],
    // The public tree, and modules for rustdoc, tests and fuzzing only.
    &["lib", "guide", "fuzzing", "models"],
];

#[test]
fn every_room_uses_only_rooms_below_it() {
    let level = |room: &str| ORDER.iter().position(|rooms| rooms.contains(&room));
    let mut up = Vec::new();
    for (file, source) in sources() {
        let own = room(&file);
        let own_level = level(&own).unwrap_or_else(|| panic!("{own} is in no line of ORDER"));
        for path in paths(&source) {
            // `crate::Name` is a name of the public tree, for links and tests.
            let Some(other) = path.first().filter(|name| is_module(name)) else {
                continue;
            };
            let other_level = level(other).unwrap_or_else(|| panic!("{other} is no room"));
            if *other != own && other_level >= own_level {
                up.push(format!("{} -> {}", file.display(), path.join("::")));
            }
        }
    }
    assert!(up.is_empty(), "{up:#?}");
}

#[test]
fn the_folders_of_a_room_use_each_other_in_no_circle() {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, source) in sources() {
        let Some(own) = folder(&file) else { continue };
        for path in paths(&source) {
            let [room, folder, ..] = &path[..] else {
                continue;
            };
            let other = format!("{room}/{folder}");
            if root().join(&other).is_dir() && other != own {
                uses.entry(own.clone()).or_default().insert(other);
            }
        }
    }
    assert!(uses.len() > 5, "{uses:?}");
    // A module that uses none of the remaining ones is not part of a circle.
    while let Some(end) = uses
        .iter()
        .find(|(_, others)| others.iter().all(|other| !uses.contains_key(other)))
        .map(|(own, _)| own.clone())
    {
        uses.remove(&end);
    }
    assert!(uses.is_empty(), "a circle is among these: {uses:#?}");
}

#[test]
fn the_root_is_a_directory_of_rooms() {
    let entries: Vec<_> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    let folders = entries.iter().filter(|entry| entry.path().is_dir()).count();
    assert!(folders <= 15, "{folders} folders");
    assert!(entries.len() - folders <= 7, "{entries:?}");
}

#[test]
fn imports_are_read_with_all_their_braces() {
    let source = "use crate::{\n    a::{B, c::{D, E}},\n    f,\n};\nfn g() { crate::h::i(); }";
    let found: Vec<_> = paths(source).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a::B", "a::c::D", "a::c::E", "f", "h::i"]);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Returns the files, each with its code: without comments, tests and models.
fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs")
                && !["tests.rs", "models.rs", "lib.rs"].contains(&&*name)
            {
                let source = fs::read_to_string(&path).unwrap();
                let code = source.split("mod tests {").next().unwrap();
                let lines = code.lines().map(|line| line.split("//").next().unwrap());
                let code = lines.collect::<Vec<_>>().join("\n");
                files.push((path.strip_prefix(root()).unwrap().to_owned(), code));
            }
        }
    }
    assert!(files.len() > 100, "{}", files.len());
    files.sort();
    files
}

fn room(file: &Path) -> String {
    let first = file.components().next().unwrap().as_os_str();
    first.to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Returns the folder within its module that contains a file.
fn folder(file: &Path) -> Option<String> {
    let mut parts = file.parent()?.iter().map(|part| part.to_str().unwrap());
    Some(format!("{}/{}", parts.next()?, parts.next()?))
}

fn is_module(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// Returns all paths that begin at the root of the crate, with import trees written out.
fn paths(source: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, start) in source.match_indices("crate::") {
        if !source[..at].ends_with(|c: char| c == '_' || c.is_alphanumeric()) {
            tree(&source[at + start.len()..], &[], &mut found);
        }
    }
    found
}

/// Reads one branch of an import tree, and returns what comes after it.
fn tree<'t>(mut rest: &'t str, before: &[String], found: &mut Vec<Vec<String>>) -> &'t str {
    let mut path = before.to_vec();
    loop {
        rest = rest.trim_start();
        if let Some(branches) = rest.strip_prefix('{') {
            rest = branches.trim_start();
            while !rest.starts_with('}') && !rest.is_empty() {
                rest = tree(rest, &path, found).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        let end = rest
            .find(|c: char| c != '_' && c != '*' && !c.is_alphanumeric())
            .unwrap_or(rest.len());
        path.push(rest[..end].to_owned());
        rest = &rest[end..];
        if let Some(alias) = rest.strip_prefix(" as ") {
            rest = alias.trim_start_matches(|c: char| c == '_' || c.is_alphanumeric());
        }
        match rest.strip_prefix("::") {
            Some(more) => rest = more,
            None => {
                found.push(path);
                return rest;
            }
        }
    }
}
