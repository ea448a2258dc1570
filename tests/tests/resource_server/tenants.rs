//! Tests of the table `[tenants]`: a pattern of issuers, and the list of those that are allowed.

use std::time::Duration;

use countersign::testing::JwksServer;
use countersign_tests::server::Server;
use tokio::time::sleep;

use crate::{
    providers::{me, token},
    servers::{FRAMEWORKS, Folder, ask, start, within},
};

fn text(framework: &str, provider: &JwksServer, allow: &[&str], more: &str) -> String {
    let origin = provider.url_of("");
    format!(
        "framework = {framework:?}\nprofile = \"any\"\n{more}\n[tenants]\npattern = \"{origin}/realms/{{tenant}}\"\n\
         allow = {allow:?}\naudience = \"shop\"\n"
    )
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
fn tenants_on_the_list_come_in_and_the_list_is_read_again() {
    for framework in FRAMEWORKS {
        let provider = JwksServer::start_at("/realms/a");
        let folder = Folder::new();
        let write =
            |allow: &[&str]| folder.write("api.toml", &text(framework, &provider, allow, ""));
        let server = start(&write(&["a", "b"]));
        let of = |tenant: &str| {
            let issuer = format!("{}/realms/{tenant}", provider.url_of(""));
            token(&issuer, &provider.key())
        };
        let (a, b, c) = (of("a"), of("b"), of("c"));
        // Nothing is fetched before the first token comes.
        assert_eq!(provider.requests(JwksServer::JWKS), 0);
        assert_eq!(me(&server, &a).status, 200, "{framework}");
        // Its metadata is not to be had.
        assert_eq!(me(&server, &b).status, 503, "{framework}");
        assert_eq!(me(&server, &c).status, 401, "{framework}");
        assert_eq!(me(&server, &of("a/../a")).status, 401, "{framework}");
        let body = ask(&server, "/readyz").body;
        assert!(body.contains(r#""tenants":{"known":2}"#), "{body}");
        let fetched = provider.requests(JwksServer::JWKS);

        write(&["c"]);
        server.signal("HUP");
        until(&server, &a, 401);
        assert_eq!(me(&server, &c).status, 503, "{framework}");

        // A mistake changes nothing, also where the list is good.
        let mut other = text(framework, &provider, &["a"], "");
        other.push_str("nonsense = 1\n");
        folder.write("api.toml", &other);
        server.signal("HUP");
        for _ in 0..20 {
            assert_eq!(me(&server, &a).status, 401, "{framework}");
        }

        write(&["a"]);
        server.signal("HUP");
        until(&server, &a, 200);
        assert_eq!(provider.requests(JwksServer::JWKS), fetched, "{framework}");
    }
}

#[test]
fn a_tenant_stands_beside_an_issuer_with_a_table_of_its_own() {
    for framework in FRAMEWORKS {
        let (provider, own) = (JwksServer::start_at("/realms/a"), JwksServer::start());
        let folder = Folder::new();
        let login = "https://login.example";
        let tables = format!(
            "[[issuers]]\nissuer = {login:?}\naudience = \"shop\"\nkeys.jwks_url = {:?}\n",
            own.url()
        );
        let text = text(framework, &provider, &["a"], "") + &tables;
        let server = start(&folder.write("api.toml", &text));
        let a = token(
            &format!("{}/realms/a", provider.url_of("")),
            &provider.key(),
        );
        until(&server, &token(login, &own.key()), 200);
        assert_eq!(me(&server, &a).status, 200, "{framework}");
        // Neither signs for the other.
        assert_eq!(
            me(&server, &token(login, &provider.key())).status,
            401,
            "{framework}"
        );
    }
}
