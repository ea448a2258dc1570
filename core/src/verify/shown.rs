//! What a rule expects and what it finds, for people.

use crate::verify::rules::{Facts, Settings};

pub(super) fn any_of(names: Option<&[Box<str>]>) -> String {
    names.map_or("any".to_owned(), |names| {
        names
            .iter()
            .map(|name| quoted(Some(name)))
            .collect::<Vec<_>>()
            .join(" or ")
    })
}

pub(super) fn listed(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    match all.as_slice() {
        [] => "none".to_owned(),
        all => all.join(", "),
    }
}

pub(super) fn at_most(seconds: Option<i64>) -> String {
    seconds.map_or("any".to_owned(), |seconds| format!("at most {seconds} s"))
}

pub(super) fn latest(settings: &Settings, facts: &Facts<'_>) -> String {
    format!(
        "absent, or at most {}",
        facts.now.saturating_add(settings.leeway)
    )
}

pub(super) fn date(date: Option<i64>) -> String {
    date.map_or("absent".to_owned(), |date| date.to_string())
}

/// A text from a token, escaped and cut to a length that a log can bear.
pub(super) fn quoted(text: Option<&str>) -> String {
    text.map_or("absent".to_owned(), |text| {
        // Cut before escaping, so that a huge text costs nothing, and again after it.
        let text: String = text.chars().take(LONGEST + 1).collect();
        cut(format!("{text:?}"))
    })
}

/// Cuts to the length that a log can bear.
pub(super) fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// The most characters that an explanation shows of one claim.
pub(super) const LONGEST: usize = 128;
