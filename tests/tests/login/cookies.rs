//! Tests of cookie mode over a socket, without a browser.

use std::process::Command;

use countersign_tests::server::Server;

use crate::servers::{PROGRAMS, start};

/// Runs curl with a cookie jar, and returns the status.
fn curl(server: &Server, jar: &str, path: &str, more: &[&str]) -> String {
    let output = Command::new("curl")
        .args([
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-b",
            jar,
            "-c",
            jar,
        ])
        .args(more)
        .arg(format!("http://{}{path}", server.address()))
        .output()
        .expect("curl");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_client_with_a_cookie_jar_logs_in_calls_refreshes_and_logs_out() {
    for program in PROGRAMS {
        let server = start(program);
        let folder = tempfile::tempdir().unwrap();
        let jar = folder.path().join("jar").display().to_string();
        let curl = |path: &str, more: &[&str]| curl(&server, &jar, path, more);
        let json = ["-H", "content-type: application/json", "-d"];
        let login = r#"{"email":"user@example.com","password":"password123"}"#;
        let post = ["-X", "POST", "-H", "content-type: application/json"];
        let own = [post.as_slice(), &["-H", "sec-fetch-site: same-origin"]].concat();

        assert_eq!(
            curl("/session/login", &[json.as_slice(), &[login]].concat()),
            "200"
        );
        assert_eq!(curl("/api/profile", &[]), "200");
        assert_eq!(curl("/api/admin", &[]), "403");
        assert_eq!(curl("/session/refresh", &post), "403");
        assert_eq!(curl("/session/refresh", &own), "200");
        assert_eq!(curl("/session/sessions", &[]), "200");
        assert_eq!(curl("/session/logout", &own), "204");
        assert_eq!(curl("/api/profile", &[]), "401");
    }
}
