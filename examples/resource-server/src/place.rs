//! The position of a mistake in the file.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

/// A mistake in the configuration with its position: one line for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    file: PathBuf,
    place: Option<Place>,
    text: String,
}

/// Both count from 1. A column is a character, not a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

impl Mistake {
    /// A mistake in the file as a whole.
    pub(crate) fn in_all_of(file: &Path, text: impl fmt::Display) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            text: one_line(&text.to_string()),
        }
    }

    /// A mistake at these bytes of `content`, which is what the file holds.
    pub(crate) fn at(
        file: &Path,
        content: &str,
        bytes: &Range<usize>,
        text: impl fmt::Display,
    ) -> Self {
        let before = content.get(..bytes.start).unwrap_or(content);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let place = Place {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        };
        Self {
            place: Some(place),
            ..Self::in_all_of(file, text)
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.text)
    }
}

impl std::error::Error for Mistake {}

fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(content: &str, start: usize) -> String {
        let file = Path::new("api.toml");
        Mistake::at(file, content, &(start..start + 1), "wrong").to_string()
    }

    #[test]
    fn lines_and_columns_count_from_1() {
        assert_eq!(at("a = 1", 0), "api.toml:1:1: wrong");
        assert_eq!(at("a = 1\nb = 2", 10), "api.toml:2:5: wrong");
    }

    #[test]
    fn a_column_is_a_character() {
        assert_eq!(at("ä = 1", 5), "api.toml:1:5: wrong");
    }

    #[test]
    fn a_place_beyond_the_end_is_the_end() {
        assert_eq!(at("a\n", 9), "api.toml:2:1: wrong");
    }

    #[test]
    fn a_text_of_several_lines_becomes_one() {
        let mistake = Mistake::in_all_of(Path::new("api.toml"), "one\n  two");
        assert_eq!(mistake.to_string(), "api.toml: one; two");
    }
}
