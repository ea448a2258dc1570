//! Tests of the Rust code in the README files.

use std::fs;

use crate::pages::{Page, files, root};

/// Returns the snippets, as they are compiled.
fn snippets() -> Vec<String> {
    let folder = root().join("tests/tests/readme/snippets");
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

/// Returns the examples, and the tests that need other frameworks, middleware or targets, or a browser.
fn programs() -> Vec<String> {
    let mut files = files(&["rs"]);
    let folders = [
        "examples",
        "tests/frameworks",
        "tests/src/bin/forms",
        "tests/tests/mtls",
        "tests/tests/set_ups",
        "tests/wasm",
    ];
    files.retain(|file| folders.iter().any(|folder| file.path.starts_with(folder)));
    files.into_iter().map(|file| file.text).collect()
}

/// Returns true if the file contains these lines, one after the other, all indented by the same
/// amount.
fn stands_in(file: &str, block: &str) -> bool {
    let lines: Vec<_> = file.lines().collect();
    let block: Vec<_> = block.lines().collect();
    let first = block.first().copied().unwrap_or_default();
    lines.windows(block.len()).any(|window| {
        let Some(indent) = window[0].strip_suffix(first) else {
            return false;
        };
        let is_one = |(line, own): (&&str, &&str)| match own.is_empty() {
            true => line.is_empty(),
            false => line.strip_prefix(indent) == Some(*own),
        };
        indent.trim().is_empty() && window.iter().zip(&block).all(is_one)
    })
}

#[test]
fn every_snippet_is_compiled_as_it_stands_in_the_readme() {
    let snippets = snippets();
    // The blocks of the other pages are doc tests.
    for (path, least) in [("README.md", 5), ("core/README.md", 5)] {
        let pages = Page::readmes();
        let page = pages.iter().find(|page| page.path.as_os_str() == path);
        let blocks = page.unwrap().blocks("rust");
        assert!(blocks.len() > least, "{path}");
        for block in blocks {
            let is_compiled = snippets.iter().any(|file| stands_in(file, &block));
            assert!(
                is_compiled,
                "{path}: in no file of tests/tests/readme/snippets:\n{block}"
            );
        }
    }
}

/// What a guide shows of another framework is no doc test: core does not depend on that.
#[test]
fn what_the_guides_show_of_other_crates_is_compiled_elsewhere() {
    let (programs, mut count) = (programs(), 0);
    for page in Page::all() {
        if page.path.starts_with("core/docs/guide") {
            for block in page.blocks("rust") {
                let is_compiled = programs.iter().any(|file| stands_in(file, &block));
                let path = page.path.display();
                assert!(
                    is_compiled,
                    "{path}: in no example, and in no file of the tests that stand for one:\n{block}"
                );
                count += 1;
            }
        }
    }
    assert!(count > 2, "only {count} blocks");
}

#[test]
fn the_readme_is_short_and_that_of_core_opens_with_rust() {
    let pages = Page::readmes();
    let page = |path: &str| pages.iter().find(|page| page.path.as_os_str() == path);
    let lines = page("README.md").unwrap().text.lines().count();
    assert!(lines <= 180, "{lines} lines");
    let core = &page("core/README.md").unwrap().text;
    assert_eq!(core.find("```"), core.find("```rust\n"));
}

/// rustdoc hides such lines, but GitHub and crates.io show them.
#[test]
fn no_readme_has_hidden_lines() {
    for page in Page::readmes() {
        for block in page.blocks("rust") {
            for line in block.lines().map(str::trim_start) {
                let is_hidden = line == "#" || line.starts_with("# ");
                assert!(!is_hidden, "{}: {line}", page.path.display());
            }
        }
    }
}

#[test]
fn a_block_is_found_at_any_indentation_and_by_all_of_its_lines() {
    let file = "fn a() {\n    let b = 1;\n\n    if b == 1 {\n        c();\n    }\n}\n";
    assert!(stands_in(file, "let b = 1;\n\nif b == 1 {\n    c();\n}"));
    assert!(stands_in(file, "fn a() {\n    let b = 1;"));
    assert!(!stands_in(file, "let b = 1;\nif b == 1 {"));
    assert!(!stands_in(file, "if b == 1 {\nc();"));
    assert!(!stands_in(file, "b = 1;"));
    assert!(!stands_in(file, "let b = 2;"));
}
