//! Tests of the files: they are valid, and name what there is.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use serde_json::Value;

use crate::prometheus::is_left_out;

pub(crate) fn repository(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(file)
}

pub(crate) fn read(file: &str) -> String {
    fs::read_to_string(repository(file)).unwrap()
}

fn promtool(args: &[&str]) {
    let output = Command::new("promtool").args(args).output().unwrap();
    let (out, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{args:?}: {out}{error}");
}

#[test]
fn the_alarms_are_valid_and_each_has_a_test_beside_its_nearest_quiet_twin() {
    let names: Vec<String> = (read("docs/alerts.yml").lines())
        .filter_map(|line| Some(line.trim().strip_prefix("- alert: ")?.to_owned()))
        .collect();
    let tests = read("tests/data/alerts.test.yml");
    for name in &names {
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name}");
    }
    if is_left_out() {
        return;
    }
    promtool(&[
        "check",
        "rules",
        repository("docs/alerts.yml").to_str().unwrap(),
    ]);
    let tests = repository("tests/data/alerts.test.yml");
    promtool(&["test", "rules", tests.to_str().unwrap()]);
}

/// Returns the expressions of the dashboard's panels.
fn expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("docs/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let targets = targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap());
    targets.map(str::to_owned).collect()
}

#[test]
fn the_expressions_of_the_dashboard_are_valid() {
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (number, expression) in expressions().iter().enumerate() {
        let expression = expression
            .replace("$__rate_interval", "5m")
            .replace("$job", ".*");
        rules += &format!("  - record: panel:{number}\n    expr: {expression:?}\n");
    }
    if is_left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dashboard.yml");
    fs::write(&file, rules).unwrap();
    promtool(&["check", "rules", file.to_str().unwrap()]);
}

/// Returns the words of a text that are names of metrics.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("countersign_"));
    let suffixes = ["_bucket", "_sum", "_count"];
    let names = names.map(|name| {
        let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
        base.filter(|base| base.ends_with("_seconds"))
            .unwrap_or(name)
    });
    names.map(str::to_owned).collect()
}

#[test]
fn alarms_and_dashboard_name_the_metrics_of_the_documentation() {
    let code = read("core/src/metrics/mod.rs");
    let table = code.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let documented: BTreeSet<String> = table
        .filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect();
    let dashboard = metrics_in(&expressions().join("\n"));
    assert_eq!(
        dashboard, documented,
        "left: the dashboard, right: the documentation"
    );

    let rules = read("docs/alerts.yml");
    let expressions = rules.lines().filter(|line| line.contains("countersign_"));
    let alarms = metrics_in(&expressions.collect::<Vec<_>>().join("\n"));
    assert!(alarms.is_subset(&documented), "{alarms:?}");
}
