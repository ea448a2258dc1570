//! The instructions that the parts of the hot path take, against a committed baseline.
//!
//! `cargo bench -p countersign --features cache --bench instructions` compares, and fails if a case
//! takes 5 % more. With `-- --save` it writes a new baseline.
//!
//! Each case runs under callgrind, which counts only within its calls. Valgrind presents a
//! processor without the instructions for SHA and for long numbers, so the instructions of the
//! signature alone are counted separately and subtracted. Keys, tokens and the clock are fixed, so
//! that a count is repeatable.

#[path = "instructions/callgrind.rs"]
mod callgrind;
#[path = "instructions/cases.rs"]
mod cases;

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, process::ExitCode};

use crate::cases::CASES;

/// The share by which a count may grow.
const ALLOWED: f64 = 0.05;
/// The share by which a count may grow if the baseline is from another compiler.
const ALLOWED_OTHER_COMPILER: f64 = 0.15;

fn main() -> ExitCode {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    match arguments.next().as_deref() {
        None => compare(),
        Some("--save") => save(),
        Some("--run") => {
            let name = arguments.next().unwrap_or_default();
            let calls = arguments.next().and_then(|calls| calls.parse().ok());
            cases::run(&name, calls.unwrap_or(0));
            ExitCode::SUCCESS
        }
        Some(other) => {
            eprintln!("what is {other}? There is `--save`, or nothing");
            ExitCode::FAILURE
        }
    }
}

/// Returns the counts of this build by name, each without its signature.
fn measure() -> BTreeMap<&'static str, u64> {
    let counts: BTreeMap<_, _> = CASES
        .iter()
        .map(|case| (case.name, callgrind::count(case.name, case.calls)))
        .collect();
    let without_signature = CASES.iter().filter(|case| !case.is_signature).map(|case| {
        let signature = case.signature.map_or(0, |name| counts[name]);
        (case.name, counts[case.name].saturating_sub(signature))
    });
    without_signature.collect()
}

fn save() -> ExitCode {
    let mut text = format!("# {HEAD}\nrustc {}\n", callgrind::compiler());
    for (name, count) in measure() {
        let _ = writeln!(text, "{name} {count}");
    }
    // A benchmark that cannot write its file has failed.
    std::fs::write(baseline(), text).expect("the baseline can be written");
    println!("written: {}", baseline().display());
    ExitCode::SUCCESS
}

fn compare() -> ExitCode {
    let text = std::fs::read_to_string(baseline()).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let known: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once(' ')).collect();
    let compiler = callgrind::compiler();
    let allowed = if known.get("rustc") == Some(&&*compiler) {
        ALLOWED
    } else {
        println!(
            "the baseline is of rustc {}, this is {compiler}: {:.0} % are allowed instead of {:.0} %",
            known.get("rustc").unwrap_or(&"?"),
            ALLOWED_OTHER_COMPILER * 100.0,
            ALLOWED * 100.0
        );
        ALLOWED_OTHER_COMPILER
    };
    let mut worse = Vec::new();
    let mut better = Vec::new();
    println!("| instructions | baseline | now | |\n|---|---:|---:|---:|");
    let counts = measure();
    for (name, count) in &counts {
        let before = known.get(name).and_then(|count| count.parse::<u64>().ok());
        let change = before.map(|before| share(*count, before) - 1.0);
        let (before, shown) = match (before, change) {
            (Some(before), Some(change)) => {
                (before.to_string(), format!("{:+.1} %", change * 100.0))
            }
            _ => (String::new(), "new".to_owned()),
        };
        println!("| {name} | {before} | {count} | {shown} |");
        match change {
            None => worse.push(*name),
            Some(change) if change > allowed => worse.push(*name),
            Some(change) if change < -allowed => better.push(*name),
            Some(_) => {}
        }
    }
    let gone = known
        .keys()
        .filter(|name| **name != "rustc" && !counts.contains_key(**name));
    for name in gone {
        println!("{name} is in the baseline, and no case any more");
    }
    let how = "cargo bench -p countersign --features cache --bench instructions -- --save";
    if !better.is_empty() {
        println!("better: {}. Keep it: {how}", better.join(", "));
    }
    if worse.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!(
        "worse, or not in the baseline: {}. If that is meant: {how}",
        worse.join(", ")
    );
    ExitCode::FAILURE
}

const HEAD: &str = "Instructions of one call, under callgrind: written by `cargo bench -p countersign --features cache --bench instructions -- --save`.";

fn baseline() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.baseline")
}

#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
fn share(now: u64, before: u64) -> f64 {
    now as f64 / before.max(1) as f64
}
