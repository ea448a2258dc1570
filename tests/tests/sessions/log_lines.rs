//! Tests of log lines of the session routes.

use std::{
    io::{self, Write},
    sync::{Arc, LazyLock, Mutex},
};

use countersign::{
    AuthCookies, SessionRoutes,
    session::{Identity, SignIn},
};
use countersign_tests::{Entry, Request, sessions::MOUNT};
use serde_json::json;
use tracing::{Dispatch, Level};

use crate::bed::{Bed, credentials, post};

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

/// A second subscriber. With a single one, an event that another thread meets first is skipped everywhere.
static SECOND: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish()));

impl Log {
    /// Runs `work`, and returns the lines that it logged at `level` or above.
    pub(crate) fn of(level: Level, work: impl FnOnce()) -> Vec<String> {
        LazyLock::force(&SECOND);
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .without_time()
            .with_ansi(false)
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn login(name: &str, address: &str) -> Request {
    let body = json!({ "name": name, "password": "private-password" });
    post("/login").json(body.to_string()).from(address)
}

#[test]
fn a_closed_account_is_told_once_in_a_window_and_without_its_name() {
    let bed = Bed::new();
    let routes = bed.json();
    let call = |times: usize| {
        for _ in 0..times {
            let _ = Entry::Core.call(&routes, &login("private-name", "192.0.2.1"));
        }
    };
    let lines = Log::of(Level::WARN, || call(50));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(r#"limit="account""#), "{lines:?}");
    bed.advance(60);
    let all = Log::of(Level::TRACE, || call(50));
    assert!(!all.concat().contains("private"), "{all:?}");
    let closed = all.iter().filter(|line| line.contains("failed logins"));
    assert_eq!(closed.count(), 1);
    let debug = format!(
        "{routes:?} {:?}",
        countersign::session::LoginLimits::builder()
    );
    assert!(!debug.contains("private"));
}

#[test]
fn a_closed_address_is_named() {
    let bed = Bed::new();
    let routes = bed.json();
    let lines = Log::of(Level::WARN, || {
        for name in 0..120 {
            let _ = Entry::Core.call(&routes, &login(&format!("user {name}"), "2001:db8::7"));
        }
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains(r#"limit="address" address=2001:db8:: "#),
        "{lines:?}"
    );
}

#[test]
fn missing_addresses_and_accounts_are_told_once() {
    let bed = Bed::new();
    let unnamed =
        |_: SignIn<serde_json::Value>| async { Ok::<Option<Identity<()>>, io::Error>(None) };
    let routes = SessionRoutes::json(bed.sessions.clone(), unnamed);
    let lines = Log::of(Level::WARN, || {
        for _ in 0..3 {
            let body = r#"{"kennung":"private-name","password":"x"}"#;
            let _ = Entry::Core.call(&routes, &post("/login").json(body));
        }
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("builder().account(..)"), "{lines:?}");
    assert!(lines[1].contains("builder().address(..)"), "{lines:?}");
    let danger = "keeps the owner of an account out";
    assert!(lines[1].contains(danger), "{lines:?}");
    assert!(!lines.concat().contains("private"), "{lines:?}");
}

#[test]
fn a_known_address_and_a_named_account_are_no_news() {
    let bed = Bed::new();
    let routes = bed.json();
    let lines = Log::of(Level::WARN, || {
        let _ = Entry::Core.call(&routes, &login("ada", "192.0.2.1"));
    });
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn a_failed_login_is_told_with_its_reason_and_the_field_and_without_the_account() {
    let bed = Bed::new();
    let routes = bed.json();
    let lines = Log::of(Level::DEBUG, || {
        let _ = Entry::Core.call(&routes, &login("private-name", "192.0.2.1"));
        let body = r#"{"name":{"private-name":1},"password":"private-password"}"#;
        let request = post("/login").json(body).from("192.0.2.1");
        let _ = Entry::Core.call(&routes, &request);
    });
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("a login failed"))
        .collect();
    let [wrong, unreadable] = told[..] else {
        panic!("{lines:#?}");
    };
    for part in [
        "INFO countersign",
        r#"reason="wrong_credentials""#,
        "address=192.0.2.1",
    ] {
        assert!(wrong.contains(part), "{wrong}");
    }
    for part in [r#"reason="unreadable_login""#, r#"field="name""#] {
        assert!(unreadable.contains(part), "{unreadable}");
    }
    assert!(
        !lines.iter().any(|line| line.contains("private")),
        "{lines:#?}"
    );
}

/// The proxy removes `/app` from the path: browsers see the routes elsewhere than the app has mounted them.
#[test]
fn a_refresh_cookie_that_its_path_keeps_away_is_told_once() {
    let bed = Bed::new();
    let cookies = AuthCookies::new();
    let routes = bed.cookies_like(cookies.refresh_path_trusting_subdomains(MOUNT).unwrap());
    let refresh = |cookies: &str| {
        let request = post("/refresh").header("sec-fetch-site", "same-origin");
        let request = request.header("cookie", cookies);
        let answer = Entry::Core.call(&routes, &request.json(""));
        assert_eq!(answer.status, 400, "{answer:?}");
    };
    let login = post("/login").header("sec-fetch-site", "same-origin");
    let login = Entry::Core.call(&routes, &login.json(credentials("ada")));
    let access = login.cookies()[0].split(';').next().unwrap().to_owned();
    assert!(access.starts_with("__Host-access="), "{access}");
    // A scanner, and a visitor who is not logged in.
    let lines = Log::of(Level::WARN, || {
        refresh("theme=dark");
        refresh("__Host-access=a.b.c");
    });
    assert_eq!(lines, [""; 0]);
    let lines = Log::of(Level::WARN, || {
        refresh(&access);
        refresh(&access);
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(&format!("path={MOUNT:?}")), "{lines:?}");

    // Without a path there is nothing to be wrong.
    let routes = bed.cookies_like(AuthCookies::named("other").unwrap());
    let request = post("/refresh").header("sec-fetch-site", "same-origin");
    let cookie = access.replace("__Host-", "__Host-other-");
    let lines = Log::of(Level::WARN, || {
        let _ = Entry::Core.call(&routes, &request.header("cookie", cookie).json(""));
    });
    assert_eq!(lines, [""; 0]);
}

/// What anybody can repeat must not fill the disk.
#[test]
fn a_flood_of_refusals_is_ten_lines_for_each_reason() {
    let bed = Bed::new();
    let routes = bed.json();
    let lines = Log::of(Level::TRACE, || {
        for number in 0..300 {
            let body = json!({ "refresh_token": format!("invented {number}") });
            let _ = Entry::Core.call(&routes, &post("/refresh").json(body.to_string()));
            let request = login(
                &format!("user {number}"),
                &format!("192.0.2.{}", number % 250),
            );
            let _ = Entry::Core.call(&routes, &request);
        }
    });
    let about = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    for reason in ["malformed_refresh_token", "wrong_credentials"] {
        // The test may last from one window into the next.
        let told = about(&format!("reason={reason:?}"));
        assert!((10..=20).contains(&told), "{reason}: {told}");
    }
}
