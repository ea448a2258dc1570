//! The guides show what the apps here are: whole differences, counted lines, the code of the deployments.

/// Whether a line of a difference was there before, is there after, or both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
    Both,
}

/// An app, before and after.
struct App {
    guide: &'static str,
    /// The heading of its section there.
    heading: &'static str,
    before: &'static str,
    after: &'static str,
}

macro_rules! app {
    ($guide:ident, $heading:literal, $file:literal) => {
        App {
            guide: $guide,
            heading: $heading,
            before: include_str!(concat!("../../src/old/", $file)),
            after: include_str!(concat!("../../src/new/", $file)),
        }
    };
}

const APPS: [App; 5] = [
    app!(
        SELF_ISSUED,
        "An extractor by hand, as in axum's example",
        "axum.rs"
    ),
    app!(
        SELF_ISSUED,
        "`actix-web-httpauth` with `jsonwebtoken`",
        "actix.rs"
    ),
    app!(OF_PROVIDERS, "`jwt-authorizer`", "jwt_authorizer.rs"),
    app!(OF_PROVIDERS, "`axum-jwt-auth`", "axum_jwt_auth.rs"),
    app!(
        OF_PROVIDERS,
        "`openidconnect`, from the client to the API",
        "openidconnect.rs"
    ),
];

const SELF_ISSUED: &str = include_str!("../../../../core/docs/guide/from_jsonwebtoken.md");
const OF_PROVIDERS: &str = include_str!("../../../../core/docs/guide/from_middleware.md");
const MIGRATING: &str = include_str!("../../../../core/docs/guide/migrating.md");
const DEPLOYMENTS: &str = include_str!("../../src/deployments.rs");

/// The unchanged lines that a difference shows beside a changed one.
const CONTEXT: usize = 1;

#[test]
fn the_guide_shows_the_whole_difference_of_each_app() {
    for app in APPS {
        let title = format!("\n# {}\n", app.heading);
        let (_, section) = app.guide.split_once(&title).expect(app.heading);
        let section = section.split("\n# ").next().unwrap();
        let expected = format!("```diff\n{}```\n", difference(app.before, app.after));
        assert!(section.contains(&expected), "{}:\n{expected}", app.heading);
    }
}

#[test]
fn the_guide_has_the_number_of_lines_of_each_app() {
    for app in APPS {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-');
        let anchor: String = app.heading.chars().filter(kept).collect();
        let anchor = anchor.to_lowercase().replace(' ', "-");
        let row = format!(
            "(#{anchor}) | {} | {} |\n",
            lines(app.before),
            lines(app.after)
        );
        assert!(app.guide.contains(&row), "{row}");
    }
}

#[test]
fn the_guide_has_the_code_of_the_deployments() {
    let functions = DEPLOYMENTS
        .split("\n\n")
        .filter(|part| part.contains("pub fn "));
    let mut count = 0;
    for function in functions {
        let function = function.trim_end().replace("pub fn", "fn");
        assert!(MIGRATING.contains(&function), "{function}");
        count += 1;
    }
    assert_eq!(count, 5);
    let (_, last) = DEPLOYMENTS.rsplit_once("pub async fn").unwrap();
    assert!(OF_PROVIDERS.contains(last), "{last}");
}

/// Counts the lines that are neither empty nor comments.
fn lines(source: &str) -> usize {
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    source.lines().map(str::trim).filter(is_code).count()
}

/// Returns the lines without those of imports and of the documentation of the file.
fn without_imports(source: &str) -> Vec<&str> {
    let mut is_import = false;
    let body = source.lines().skip_while(|line| line.starts_with("//!"));
    let body = body.filter(|line| {
        is_import |= line.starts_with("use ");
        let is_kept = !is_import;
        is_import &= !line.ends_with(';');
        is_kept
    });
    body.skip_while(|line| line.is_empty()).collect()
}

/// Returns what has changed from one source to the other, with a line around each change.
fn difference(before: &str, after: &str) -> String {
    let (before, after) = (without_imports(before), without_imports(after));
    let all = aligned(&before, &after);
    let is_near = |at: usize| {
        let near = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(all.len());
        all[near].iter().any(|(side, _)| *side != Side::Both)
    };
    let mut text = String::new();
    let mut last = 0;
    for (at, (side, line)) in all.iter().enumerate().filter(|(at, _)| is_near(*at)) {
        if at > last + 1 && !text.is_empty() {
            text.push_str(" ..\n");
        }
        last = at;
        let sign = match side {
            Side::Before => '-',
            Side::After => '+',
            Side::Both => ' ',
        };
        text.push_str(format!("{sign}{line}").trim_end());
        text.push('\n');
    }
    text
}

/// Aligns two texts by their longest common subsequence of lines.
fn aligned<'t>(before: &[&'t str], after: &[&'t str]) -> Vec<(Side, &'t str)> {
    let mut common = vec![vec![0; after.len() + 1]; before.len() + 1];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            common[i][j] = if before[i] == after[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut all) = (0, 0, Vec::new());
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            all.push((Side::Both, before[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == after.len() || (i < before.len() && common[i + 1][j] >= common[i][j + 1]) {
            all.push((Side::Before, before[i]));
            i += 1;
        } else {
            all.push((Side::After, after[j]));
            j += 1;
        }
    }
    all
}
