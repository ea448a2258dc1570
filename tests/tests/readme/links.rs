//! Tests of links. The README of a package is read on GitHub, on crates.io and on docs.rs, where a
//! relative link would lead to three different targets, so it has none. Other pages of a package
//! link to files that are packed with them, and the pages of the repository to any of its files. No
//! link needs the network to be checked.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use crate::{
    commands::{cargo, publishable},
    pages::{Page, files, repository, root},
};

/// The pages that are packed, each with the files of its package.
struct Packed(BTreeMap<PathBuf, Vec<PathBuf>>);

impl Packed {
    fn list() -> Self {
        let mut pages = BTreeMap::new();
        for (name, folder) in publishable() {
            let list = cargo(&[
                "package",
                "--list",
                "--allow-dirty",
                "--offline",
                "-p",
                &name,
            ]);
            let files: Vec<_> = list.lines().map(|file| folder.join(file)).collect();
            let own = files
                .iter()
                .filter(|file| file.extension() == Some("md".as_ref()));
            pages.extend(own.map(|page| (page.clone(), files.clone())));
        }
        Self(pages)
    }
}

/// Returns the fault of a link of a page; `None` if it is good.
fn objection(packed: &Packed, page: &Page, target: &str) -> Option<&'static str> {
    let (address, anchor) = target.split_once('#').unwrap_or((target, ""));
    if let Some(path) = address.strip_prefix(&repository()) {
        return within_the_repository(path, anchor);
    }
    if address.starts_with("https://") {
        return None;
    }
    if address.is_empty() {
        return anchor_of(page, anchor);
    }
    if is_rust_path(page, address) {
        return None;
    }
    let folder = page.path.parent().unwrap_or(Path::new(""));
    let Some(path) = normal(&folder.join(address)) else {
        return Some("it leads out of the repository");
    };
    let package = packed.0.get(&page.path);
    match package {
        Some(_) if page.path.ends_with("README.md") => return Some("it is relative"),
        Some(files) if !files.contains(&path) => return Some("it is not in the package"),
        _ => {}
    }
    within(&path, anchor)
}

/// Returns the fault of a path after the address of the repository.
fn within_the_repository(path: &str, anchor: &str) -> Option<&'static str> {
    let views = ["/blob/main/", "/tree/main/"];
    if let Some(file) = views.iter().find_map(|view| path.strip_prefix(view)) {
        return match path.starts_with("/tree/") {
            true if !root().join(file).is_dir() => Some("there is no such folder"),
            false if !root().join(file).is_file() => Some("there is no such file"),
            _ => within(Path::new(file), anchor),
        };
    }
    // Pages that GitHub generates.
    let is_made = ["", "/security", "/issues", "/releases"].contains(&path);
    (!is_made).then_some("it is neither /blob/main/FILE nor /tree/main/FOLDER")
}

/// Returns the fault of a path from the root.
fn within(path: &Path, anchor: &str) -> Option<&'static str> {
    if !root().join(path).exists() {
        return Some("there is no such file");
    }
    if anchor.is_empty() {
        return None;
    }
    let pages = Page::all();
    match pages.iter().find(|page| page.path == path) {
        Some(page) => anchor_of(page, anchor),
        None => Some("it is an anchor of no page"),
    }
}

fn anchor_of(page: &Page, anchor: &str) -> Option<&'static str> {
    let is_there = page.anchors().iter().any(|own| own == anchor);
    (!is_there).then_some("there is no such heading")
}

/// Returns true if rustdoc checks it: a path to an item, on a page of the documentation of a
/// package.
fn is_rust_path(page: &Page, address: &str) -> bool {
    !page.path.ends_with("README.md")
        && page.path.components().nth(1).is_some()
        && !page.path.starts_with("docs")
        && !address.contains(['/', '.'])
}

/// Returns the path without `.` and `..`; `None` if it leads out of the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            part => normal.push(part),
        }
    }
    Some(normal)
}

#[test]
fn no_link_leads_nowhere() {
    let packed = Packed::list();
    assert!(packed.0.len() >= 5);
    let mut objections = Vec::new();
    let mut count = 0;
    for page in Page::all() {
        for target in page.targets() {
            count += 1;
            if let Some(objection) = objection(&packed, &page, &target) {
                objections.push(format!("{}: {target}: {objection}", page.path.display()));
            }
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
    assert!(count > 60, "only {count} links were found");
}

#[test]
fn addresses_of_the_repository_in_code_lead_to_what_there_is() {
    let own = repository();
    let mut objections = Vec::new();
    for file in files(&["rs", "toml", "yml"]) {
        if file.path.starts_with("tests/tests/readme") {
            continue;
        }
        for rest in file.text.split(&own).skip(1) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && !"/-_.#".contains(c));
            let path = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
            let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
            if let Some(objection) = within_the_repository(path, anchor) {
                objections.push(format!("{}: {path}: {objection}", file.path.display()));
            }
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

/// A text in a code span counts as a path if it begins with a folder of the root.
#[test]
fn paths_in_code_spans_name_what_there_is() {
    let folders = [
        "core/",
        "tower-jwt/",
        "actix-jwt/",
        "stores/",
        "tests/",
        "examples/",
        "fuzz/",
        "docs/",
    ];
    let mut objections = Vec::new();
    let mut count = 0;
    for page in Page::all() {
        for span in page.code_spans() {
            let path = span.split_whitespace().next().unwrap_or_default();
            let is_path = folders.iter().any(|folder| path.starts_with(folder))
                && !path.contains(|c: char| !c.is_alphanumeric() && !"/-_.".contains(c));
            if !is_path {
                continue;
            }
            count += 1;
            // A page of a package can mean a folder of the package.
            let own = page.path.parent().map(|folder| folder.join(path));
            let places = [Some(path.into()), own];
            if !places
                .into_iter()
                .flatten()
                .any(|place| root().join(place).exists())
            {
                objections.push(format!("{}: {path}", page.path.display()));
            }
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
    assert!(count > 20, "only {count} paths were found");
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let own = repository();
    let files =
        ["README.md", "CHANGELOG.md", "src/lib.rs"].map(|file| Path::new("core").join(file));
    let pages = files.iter().take(2);
    let packed = Packed(pages.map(|page| (page.clone(), files.to_vec())).collect());
    let told = |path: &str, text: &str| {
        let page = Page {
            path: path.into(),
            text: text.to_owned(),
        };
        let targets = page.targets();
        let [target] = &*targets else {
            panic!("{text}");
        };
        objection(&packed, &page, target)
    };
    for (path, text, expected) in [
        ("core/README.md", "see [it](CHANGELOG.md)", "it is relative"),
        (
            "core/README.md",
            "[it]\n\n[it]: docs/x.md",
            "it is relative",
        ),
        ("core/README.md", "<img src=\"a.png\">", "it is relative"),
        (
            "core/CHANGELOG.md",
            "[it](../CONTRIBUTING.md)",
            "it is not in the package",
        ),
        (
            "core/CHANGELOG.md",
            "[it](tests/ui.rs)",
            "it is not in the package",
        ),
        (
            "README.md",
            "see [it](http://id.example)",
            "there is no such file",
        ),
        ("README.md", "![it](docs/no.png)", "there is no such file"),
        (
            "README.md",
            "[it]\n\n[it]: docs/no.md",
            "there is no such file",
        ),
        (
            "README.md",
            "[it](../README.md)",
            "it leads out of the repository",
        ),
        ("README.md", "# A b\n[it](#a-c)", "there is no such heading"),
        (
            "README.md",
            "[it](CONTRIBUTING.md#no)",
            "there is no such heading",
        ),
        ("README.md", "[it](core#no)", "it is an anchor of no page"),
        (
            "README.md",
            &format!("[it]({own}/blob/main/NO.md)"),
            "there is no such file",
        ),
        (
            "README.md",
            &format!("[it]({own}/tree/main/no)"),
            "there is no such folder",
        ),
        (
            "README.md",
            &format!("[it]({own}/blob/main/CONTRIBUTING.md#no)"),
            "there is no such heading",
        ),
        (
            "README.md",
            &format!("[it]({own}/SECURITY.md)"),
            "it is neither /blob/main/FILE nor /tree/main/FOLDER",
        ),
    ] {
        assert_eq!(told(path, text), Some(expected), "{path}: {text}");
    }
    for (path, text) in [
        ("core/README.md", "see [it](https://id.example/a#b)"),
        ("core/README.md", "# A b\n[it](#a-b)"),
        ("core/README.md", "# A `b`\n# A b\n[it](#a-b-1)"),
        ("core/CHANGELOG.md", "[it](src/lib.rs)"),
        ("core/docs/guide/providers.md", "[it](crate::Verifier)"),
        ("docs/COMPARE.md", "[it](../CONTRIBUTING.md#speed)"),
        ("README.md", "[it](core)"),
        ("README.md", &format!("[it]({own})")),
        (
            "README.md",
            &format!("[it]({own}/blob/main/CONTRIBUTING.md#speed)"),
        ),
        ("README.md", &format!("[it]({own}/tree/main/examples)")),
    ] {
        assert_eq!(told(path, text), None, "{path}: {text}");
    }
    let code = Page {
        path: "README.md".into(),
        text: "```text\n[it](a.md)\n```\n".to_owned(),
    };
    assert!(code.targets().is_empty());
}
