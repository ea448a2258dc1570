//! Tests of SIGHUP: the file is read again, as a whole or not at all.

use std::time::Duration;

use countersign::{SigningKey, testing::JwksServer};
use countersign_tests::{
    Request,
    server::{Body, Connection, Server},
};
use tokio::time::sleep;

use crate::{
    providers::{me, readiness, token, url_of},
    servers::{FRAMEWORKS, Folder, ask, command, start, within},
};

const FIRST: &str = "https://id.example";
const SECOND: &str = "https://login.example";

fn table(issuer: &str, keys: &str) -> String {
    format!("[[issuers]]\nissuer = {issuer:?}\naudience = \"shop\"\nkeys = {{ {keys} }}\n")
}

/// Waits until a token has this answer.
#[track_caller]
fn until(server: &Server, token: &str, status: u16) {
    within(async {
        while me(server, token).status != status {
            sleep(Duration::from_millis(10)).await; // nothing signals that the file was read
        }
    });
}

#[test]
fn issuers_come_and_go_and_keys_that_stay_are_not_fetched_again() {
    for framework in FRAMEWORKS {
        let provider = JwksServer::start();
        let key = SigningKey::generate_ed25519().unwrap();
        let folder = Folder::new();
        let jwk = key.verifying_key().to_jwk().unwrap();
        folder.write("keys.json", &format!(r#"{{"keys":[{jwk}]}}"#));
        let write = |leeway: u8, tables: &[String]| {
            let text = format!(
                "framework = {framework:?}\nleeway = {leeway}\n{}",
                tables.concat()
            );
            folder.write("api.toml", &text)
        };
        let remote = table(FIRST, &url_of(&provider));
        let local = table(SECOND, "jwks_file = \"keys.json\"");
        let server = start(&write(30, std::slice::from_ref(&remote)));
        readiness(&server, 200, |_| true);
        let (first, second) = (token(FIRST, &provider.key()), token(SECOND, &key));
        assert_eq!(
            (me(&server, &first).status, me(&server, &second).status),
            (200, 401)
        );
        let mut kept = Connection::open(server.address());
        let request = Request::bearer(&first).target("/v1/me");
        assert_eq!(kept.send(&request, Body::None).status, 200);
        let fetched = provider.requests(JwksServer::JWKS);

        write(0, &[remote.clone(), local.clone()]);
        server.signal("HUP");
        until(&server, &second, 200);
        assert_eq!(me(&server, &first).status, 200, "{framework}");
        assert_eq!(provider.requests(JwksServer::JWKS), fetched, "{framework}");

        // A mistake changes nothing.
        folder.write("api.toml", &format!("{local}{remote}nonsense = 1\n"));
        server.signal("HUP");
        for _ in 0..20 {
            assert_eq!(
                (me(&server, &first).status, me(&server, &second).status),
                (200, 200)
            );
        }

        write(0, &[local]);
        server.signal("HUP");
        until(&server, &first, 401);
        assert_eq!(me(&server, &second).status, 200, "{framework}");
        let body = ask(&server, "/readyz").body;
        assert!(!body.contains(FIRST), "{body}");
        server.terminate();
        let ended = server.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let mistake = "api.toml:9:1: unknown field `nonsense`";
        assert!(ended.stderr.contains(mistake), "{}", ended.stderr);
        assert_eq!(
            ended.stderr.matches("the file is read again").count(),
            2,
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn no_request_is_lost_while_the_file_is_read_again() {
    for framework in FRAMEWORKS {
        let key = SigningKey::generate_ed25519().unwrap();
        let folder = Folder::new();
        let jwk = key.verifying_key().to_jwk().unwrap();
        folder.write("keys.json", &format!(r#"{{"keys":[{jwk}]}}"#));
        let text = format!(
            "framework = {framework:?}\n{}",
            table(FIRST, "jwks_file = \"keys.json\"")
        );
        let server = Server::start(&mut command(&folder.write("api.toml", &text)));
        let token = token(FIRST, &key);
        for round in 0..100 {
            if round % 10 == 0 {
                server.signal("HUP");
            }
            assert_eq!(me(&server, &token).status, 200, "{framework}");
        }
    }
}
