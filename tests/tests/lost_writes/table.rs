//! The table in `docs/OPERATIONS.md`.

use std::{fs, path::Path};

/// A row, as it stands in the documentation.
pub(crate) type Row = String;

/// Makes a row: an event, a case, and what its session is told without the choice and with it.
pub(crate) fn row(event: &str, case: &str, without: &str, with: &str) -> Row {
    format!("| {event} | {case} | {without} | {with} |")
}

/// Compares the rows of an event with those of the documentation.
#[track_caller]
pub(crate) fn compare(event: &str, rows: &[Row]) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATIONS.md");
    let docs = fs::read_to_string(docs).unwrap();
    let documented: Vec<_> = docs
        .lines()
        .filter(|line| line.starts_with(&format!("| {event} |")))
        .collect();
    let rows_of_test = rows.join("\n");
    assert_eq!(
        documented, rows,
        "the documentation should have\n{rows_of_test}"
    );
}
