//! The pages of the repository, and their Markdown.

use std::{
    fs, iter,
    path::{Path, PathBuf},
};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page: its path from the root of the repository, and its text.
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Returns the root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Returns the address of the repository, from `Cargo.toml`.
pub(crate) fn repository() -> String {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("repository = "));
    line.unwrap().trim_matches('"').to_owned()
}

/// Returns every file of the repository with one of these extensions, sorted.
pub(crate) fn files(extensions: &[&str]) -> Vec<Page> {
    let mut files = Vec::new();
    collect(root(), extensions, &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

impl Page {
    /// Returns every page of the repository.
    pub(crate) fn all() -> Vec<Self> {
        files(&["md"])
    }

    /// Returns every `README.md`.
    pub(crate) fn readmes() -> Vec<Self> {
        let mut pages = Self::all();
        pages.retain(|page| page.path.ends_with("README.md"));
        assert!(pages.len() > 10);
        pages
    }

    fn events(&self) -> Parser<'_> {
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES;
        Parser::new_ext(&self.text, options)
    }

    /// Returns the fenced blocks of this language.
    pub(crate) fn blocks(&self, language: &str) -> Vec<String> {
        let mut blocks = Vec::new();
        let mut events = self.events();
        while let Some(event) = events.next() {
            let Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) = event else {
                continue;
            };
            let text = text_until(&mut events, TagEnd::CodeBlock);
            if info.split(',').next() == Some(language) {
                blocks.push(text.trim_end().to_owned());
            }
        }
        blocks
    }

    /// Returns the code spans.
    pub(crate) fn code_spans(&self) -> Vec<String> {
        let code = |event| match event {
            Event::Code(code) => Some(code.into_string()),
            _ => None,
        };
        self.events().filter_map(code).collect()
    }

    /// Returns the targets of links and pictures.
    pub(crate) fn targets(&self) -> Vec<String> {
        let mut targets = Vec::new();
        for event in self.events() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    targets.push(dest_url.into_string());
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    for attribute in ["src=\"", "href=\""] {
                        let rests = html.split(attribute).skip(1);
                        let values = rests.filter_map(|rest| Some(rest.split_once('"')?.0));
                        targets.extend(values.map(str::to_owned));
                    }
                }
                _ => {}
            }
        }
        targets
    }

    /// Returns the anchors of its headings, as GitHub makes them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        let mut events = self.events();
        while let Some(event) = events.next() {
            let Event::Start(Tag::Heading { level, .. }) = event else {
                continue;
            };
            let words = text_until(&mut events, TagEnd::Heading(level)).to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
            let numbered = (1..).map(|number| format!("{anchor}-{number}"));
            let mut names = iter::once(anchor.clone()).chain(numbered);
            anchors.extend(names.find(|name| !anchors.contains(name)));
        }
        anchors
    }
}

/// Returns the text up to this end.
fn text_until(events: &mut Parser<'_>, end: TagEnd) -> String {
    let mut text = String::new();
    for event in events {
        match event {
            Event::End(tag) if tag == end => break,
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::SoftBreak => text.push(' '),
            _ => {}
        }
    }
    text
}

fn collect(folder: &Path, extensions: &[&str], files: &mut Vec<Page>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_other = matches!(name, ".git" | ".venv" | "target" | "node_modules" | "dist");
        if path.is_dir() && !is_other {
            collect(&path, extensions, files);
        } else if path.is_file()
            && extensions
                .iter()
                .any(|own| path.extension() == Some(own.as_ref()))
        {
            files.push(Page {
                text: fs::read_to_string(&path).unwrap(),
                path: path.strip_prefix(root()).unwrap().to_owned(),
            });
        }
    }
}
