//! Texts for people: the expectations and findings of a rule.

use super::{facts::Facts, settings::VerifierSettings};
use crate::error::quoted;

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

pub(super) fn at_most(seconds: Option<i64>, setting: &str) -> String {
    seconds.map_or("any".to_owned(), |seconds| {
        format!("at most {seconds} s (`{setting}`)")
    })
}

pub(super) fn latest(settings: &VerifierSettings, facts: &Facts<'_>) -> String {
    format!(
        "absent, or at most {}",
        facts.now.saturating_add(settings.leeway)
    )
}

pub(super) fn date(date: Option<i64>) -> String {
    date.map_or("absent".to_owned(), |date| date.to_string())
}

pub(super) fn presence(is_present: bool) -> &'static str {
    match is_present {
        true => "present",
        false => "absent",
    }
}
