//! Logins in a frame on a page of another site, by the headers that Chromium sends.

use countersign::{AuthCookies, SessionRoutes};
use countersign_tests::{Entry, Request, sessions::MOUNT};
use serde_json::json;

use crate::bed::{sessions, sign_in};

/// Logs in from a page of the app itself, with these headers more.
fn log_in(cookies: &AuthCookies, headers: &[(&str, &str)]) -> [(u16, usize); 3] {
    let login = Request::post(&format!("{MOUNT}/login"))
        .header("host", "app.example")
        .header("origin", "https://app.example")
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-mode", "cors")
        .json(json!({ "name": "ada", "password": "engine" }).to_string());
    let login = headers
        .iter()
        .fold(login, |login, (name, value)| login.header(name, *value));
    Entry::ALL.map(|entry| {
        let routes = SessionRoutes::cookies(sessions(), cookies.clone(), sign_in).unwrap();
        let answer = entry.call(&routes, &login);
        (answer.status, answer.cookies().len())
    })
}

#[test]
fn a_login_in_a_foreign_frame_needs_cookies_that_come_back() {
    let of_the_site = [AuthCookies::new(), AuthCookies::new().same_site_lax()];
    for access in ["none", "inactive", "active"] {
        let framed = [("sec-fetch-storage-access", access)];
        for cookies in &of_the_site {
            assert_eq!(log_in(cookies, &framed), [(403, 0); 3], "{access}");
            assert_eq!(log_in(cookies, &[]), [(200, 2); 3]);
        }
        let partitioned = AuthCookies::new().same_site_none_partitioned();
        assert_eq!(log_in(&partitioned, &framed), [(200, 2); 3], "{access}");
    }
}
