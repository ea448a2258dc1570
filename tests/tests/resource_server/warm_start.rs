//! Tests of the keys that a server saves for its next start.

use std::fs;

use countersign::testing::{Fault, JwksServer};
use countersign_tests::server::Server;
use tokio::time::sleep;

use crate::{
    providers::{me, readiness, token, url_of},
    servers::{FRAMEWORKS, Folder, command, start, within},
};

const ISSUER: &str = "https://id.example";

fn config(folder: &Folder, framework: &str, keys: &str) -> std::path::PathBuf {
    let text = format!(
        "framework = {framework:?}\nstate_dir = \"state\"\n[[issuers]]\nissuer = {ISSUER:?}\naudience = \"shop\"\n\
         keys = {{ {keys} }}\n"
    );
    folder.write("api.toml", &text)
}

/// Waits until the keys are saved.
fn saved(folder: &Folder) -> String {
    within(async {
        loop {
            if let Ok(text) = fs::read_to_string(folder.path().join("state/keys.json")) {
                return text;
            }
            sleep(std::time::Duration::from_millis(20)).await; // nothing signals that a file is there
        }
    })
}

#[test]
fn a_restart_while_the_provider_is_away_goes_on_with_the_saved_keys() {
    for framework in FRAMEWORKS {
        let folder = Folder::new();
        let provider = JwksServer::start();
        let config = config(&folder, framework, &url_of(&provider));
        let server = start(&config);
        readiness(&server, 200, |_| true);
        let _ = saved(&folder);
        drop(server); // killed

        provider.fault(JwksServer::JWKS, Fault::Status(500));
        let server = start(&config);
        readiness(&server, 200, |_| true);
        let token = token(ISSUER, &provider.key());
        assert_eq!(me(&server, &token).status, 200, "{framework}");
    }
}

#[test]
fn a_restart_while_the_provider_is_away_goes_on_with_the_saved_keys_of_its_tenants() {
    for framework in FRAMEWORKS {
        let folder = Folder::new();
        let provider = JwksServer::start_at("/realms/a");
        let origin = provider.url_of("");
        let write = |allow: &[&str]| {
            let text = format!(
                "framework = {framework:?}\nprofile = \"any\"\nstate_dir = \"state\"\n[tenants]\n\
                 pattern = \"{origin}/realms/{{tenant}}\"\nallow = {allow:?}\naudience = \"shop\"\n"
            );
            folder.write("api.toml", &text)
        };
        let issuer = format!("{origin}/realms/a");
        let token = token(&issuer, &provider.key());
        let server = start(&write(&["a", "b"]));
        assert_eq!(me(&server, &token).status, 200, "{framework}");
        let text = saved(&folder);
        assert!(text.contains(&issuer), "{text}");
        drop(server); // killed

        provider.fault(JwksServer::JWKS, Fault::Status(500));
        let server = start(&write(&["a", "b"]));
        assert_eq!(me(&server, &token).status, 200, "{framework}");
        drop(server);

        // The keys of a tenant who is not on the list go.
        let server = start(&write(&["b"]));
        assert_eq!(me(&server, &token).status, 401, "{framework}");
        within(async {
            let file = folder.path().join("state/keys.json");
            while fs::read_to_string(&file).is_ok_and(|text| text.contains(&issuer)) {
                sleep(std::time::Duration::from_millis(20)).await; // nothing signals that the file has changed
            }
        });
        drop(server);
        let server = start(&write(&["a"]));
        assert_eq!(me(&server, &token).status, 503, "{framework}");
    }
}

#[test]
fn saved_keys_of_another_source_and_broken_files_are_not_used() {
    let [framework, _] = FRAMEWORKS;
    let folder = Folder::new();
    let (provider, other) = (JwksServer::start(), JwksServer::start());
    let server = start(&config(&folder, framework, &url_of(&provider)));
    readiness(&server, 200, |_| true);
    let text = saved(&folder);
    drop(server);

    other.fault(JwksServer::JWKS, Fault::Status(500));
    let elsewhere = config(&folder, framework, &url_of(&other));
    let renamed = text.replace(&provider.url(), &other.url());
    let half = &text[..text.len() / 2];
    // Whoever calls the keys of one source those of another changes the key and the member.
    let key_alone = text.replacen(&provider.url(), &other.url(), 1);
    for (saved, is_used) in [
        (&*text, false),
        (half, false),
        (&key_alone, false),
        (&renamed, true),
    ] {
        fs::write(folder.path().join("state/keys.json"), saved).unwrap();
        let server = Server::start(&mut command(&elsewhere));
        match is_used {
            true => readiness(&server, 200, |_| true),
            false => readiness(&server, 503, |issuer| issuer["state"] == "unavailable"),
        };
    }
}
