//! The pages of the repository, and their Markdown.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A page: its path from the root of the repository, and its text.
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// What `repository` is in `Cargo.toml`.
pub(crate) fn repository() -> String {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("repository = "));
    line.unwrap().trim_matches('"').to_owned()
}

impl Page {
    /// Every page of the repository, sorted.
    pub(crate) fn all() -> Vec<Self> {
        let mut pages = Vec::new();
        collect(root(), &mut pages);
        pages.sort_by(|one, other| one.path.cmp(&other.path));
        pages
    }

    /// Every `README.md`.
    pub(crate) fn readmes() -> Vec<Self> {
        let mut pages = Self::all();
        pages.retain(|page| page.path.ends_with("README.md"));
        assert!(pages.len() > 10);
        pages
    }

    /// The blocks of code whose opening line says this language, or this and something more.
    pub(crate) fn blocks(&self, language: &str) -> Vec<String> {
        let mut blocks = Vec::new();
        let mut parts = self.text.split("\n```");
        while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
            let (info, code) = block.split_once('\n').unwrap_or((block, ""));
            if info.split(',').next() == Some(language) {
                blocks.push(code.to_owned());
            }
        }
        blocks
    }

    /// The text without its blocks of code.
    pub(crate) fn prose(&self) -> String {
        self.text.split("\n```").step_by(2).collect()
    }

    /// The anchors of its headings.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let prose = self.prose();
        let headings = prose.lines().filter(|line| line.starts_with('#'));
        headings
            .map(|line| {
                let words = line.trim_start_matches('#').trim().to_lowercase();
                let kept = words
                    .chars()
                    .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                kept.map(|c| if c == ' ' { '-' } else { c }).collect()
            })
            .collect()
    }
}

fn collect(folder: &Path, pages: &mut Vec<Page>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_other = name.starts_with('.') || matches!(name, "target" | "node_modules" | "dist");
        if path.is_dir() && !is_other {
            collect(&path, pages);
        } else if name.ends_with(".md") {
            pages.push(Page {
                text: fs::read_to_string(&path).unwrap(),
                path: path.strip_prefix(root()).unwrap().to_owned(),
            });
        }
    }
}
