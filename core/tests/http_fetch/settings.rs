//! Tests of the settings, and of their errors.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign::{ConfigError, remote::HttpFetch};
use tracing::{
    Event, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};

const CERTIFICATE: &str = include_str!("../data/keys/p256.certificate.pem");
const KEY: &str = include_str!("../data/keys/p256.spki.pem");

fn problem(result: Result<HttpFetch, ConfigError>) -> String {
    let problem = result.unwrap_err();
    assert!(matches!(problem, ConfigError::InvalidSetting(_)));
    problem.to_string()
}

#[test]
fn a_pem_of_roots_has_a_certificate() {
    let build = |pem: &[u8]| HttpFetch::builder().root_certificate_pem(pem).build();
    let broken = CERTIFICATE.replacen("MII", "AII", 1);
    let cut = &CERTIFICATE[..CERTIFICATE.len() / 2];
    for bad in [
        "",
        "no pem",
        KEY,
        cut,
        &broken,
        &format!("{CERTIFICATE}{broken}"),
    ] {
        assert!(
            problem(build(bad.as_bytes())).contains("certificate"),
            "{bad}"
        );
    }
    for good in [
        CERTIFICATE.to_owned(),
        format!("{CERTIFICATE}{CERTIFICATE}"),
        format!("{KEY}\n# a comment\n{CERTIFICATE}"),
    ] {
        assert!(build(good.as_bytes()).is_ok(), "{good}");
    }
    // A good PEM does not make up for a bad one.
    let builder = HttpFetch::builder().root_certificate_pem(CERTIFICATE);
    assert!(builder.root_certificate_pem(KEY).build().is_err());
}

#[test]
fn a_header_is_one_that_http_allows() {
    let build = |name: &str, value: &str| HttpFetch::builder().header(name, value).build();
    for (name, value) in [
        ("", "a"),
        ("x y", "a"),
        ("x:", "a"),
        ("\u{fc}", "a"),
        ("x\r\n", "a"),
    ] {
        assert!(
            problem(build(name, value)).contains("no name of a header"),
            "{name}"
        );
    }
    for value in [
        "hunter2\r\ny: z",
        "hunter2\0",
        "hunter2\u{fc}\n",
        "hunter2\u{7f}",
    ] {
        let problem = problem(build("x-key", value));
        assert!(
            problem.contains("x-key") && !problem.contains("hunter2"),
            "{problem}"
        );
    }
    assert!(build("x-key", "hunter2").is_ok());
    assert!(build("X-Key", "").is_ok());
}

#[test]
fn a_header_that_the_client_decides_on_is_not_to_be_set() {
    let build = |name: &str| HttpFetch::builder().header(name, "a").build();
    for name in [
        "accept",
        "Accept-Encoding",
        "connection",
        "content-length",
        "host",
        "HOST",
        "if-none-match",
        "range",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    ] {
        assert!(problem(build(name)).contains("not yours to set"), "{name}");
        let asked_for = HttpFetch::builder().header_from(name, || Ok("a".into()));
        assert!(
            problem(asked_for.build()).contains("not yours to set"),
            "{name}"
        );
    }
    for name in [
        "accept-language",
        "authorization",
        "cookie",
        "x-forwarded-host",
    ] {
        assert!(build(name).is_ok(), "{name}");
    }
}

#[test]
fn a_user_agent_is_one_that_http_allows() {
    let build = |text: &str| HttpFetch::builder().user_agent(text).build();
    assert!(problem(build("shop/2\r\nhost: other")).contains("user agent"));
    assert!(build("shop/2 (https://shop.example)").is_ok());
}

#[test]
fn the_value_of_a_header_is_not_shown() {
    let builder = HttpFetch::builder().header("x-key", "hunter2");
    let shown = format!("{builder:?} {builder:#?}");
    let fetch = builder.build().unwrap();
    let shown = format!("{shown} {fetch:?} {fetch:#?}");
    assert!(shown.contains("x-key"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let bytes = "hunter2".bytes().map(|byte| byte.to_string());
    assert!(
        !shown.contains(&bytes.collect::<Vec<_>>().join(", ")),
        "{shown}"
    );
}

/// Counts warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("countersign")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if *event.metadata().level() == Level::WARN {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn warnings(build: impl FnOnce() -> HttpFetch) -> usize {
    let warnings = Warnings::default();
    let _fetch = tracing::subscriber::with_default(warnings.clone(), build);
    warnings.0.load(Ordering::SeqCst)
}

/// The variable that is set for the process that the test below starts.
const SYSTEM_ROOTS: &str = "COUNTERSIGN_TEST_SYSTEM_ROOTS";

/// The variables of a process name the roots of its system, so this needs a process of its own.
#[test]
fn a_system_without_roots_is_one_warning() {
    if let Ok(roots) = std::env::var(SYSTEM_ROOTS) {
        let expected = usize::from(roots == "none");
        assert_eq!(warnings(HttpFetch::default), expected);
        let with_root = || {
            HttpFetch::builder()
                .root_certificate_pem(CERTIFICATE)
                .build()
        };
        assert_eq!(warnings(|| with_root().unwrap()), 0);
        return;
    }
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/keys");
    for (roots, file) in [("none", "p256.spki.pem"), ("one", "p256.certificate.pem")] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "settings::a_system_without_roots_is_one_warning"])
            .env(SYSTEM_ROOTS, roots)
            .env("SSL_CERT_FILE", format!("{data}/{file}"))
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{roots}: {said}"
        );
    }
}
