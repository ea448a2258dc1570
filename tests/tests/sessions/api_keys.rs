//! Tests of the routes of API keys: made, listed and ended by the token of a session, and by nothing else.

use countersign::{
    Authenticator, MemoryStore, SessionRoutes,
    adapter::Credentials,
    claims::Actor,
    session::{ApiKeys, NewApiKey},
};
use countersign_tests::{Entry, Request, sessions::Exchange};
use futures_executor::block_on;
use serde_json::{Value, json};

use crate::bed::{Bed, credentials, each, get, post};

const PEPPER: &str = "a pepper of the tests, 32 bytes or more";

fn api_keys(bed: &Bed) -> ApiKeys {
    let keys = ApiKeys::builder(MemoryStore::new(), PEPPER).per_subject(3);
    keys.clock(bed.clock.clone()).build().unwrap()
}

/// Logs in, and returns the access token.
fn log_in(entry: Entry, routes: &SessionRoutes, name: &str) -> String {
    let answer = entry.call(routes, &post("/login").json(credentials(name)));
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn with(token: &str, request: Request) -> Request {
    request.header("authorization", format!("Bearer {token}"))
}

fn create(token: &str, body: &Value) -> Request {
    with(token, post("/api-keys").json(body.to_string()))
}

fn end(token: &str, id: &str) -> Request {
    with(token, get(&format!("/api-keys/{id}")).method("DELETE"))
}

fn refused(answer: &Exchange, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.json()["error"], error, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn a_user_makes_lists_and_ends_keys() {
    each(|bed, entry| {
        let keys = api_keys(bed);
        let routes = bed
            .json()
            .api_keys_with(keys.clone(), |_, scope| scope == "orders:read");
        let ada = log_in(entry, &routes, "ada");
        let body =
            json!({ "label": "CI", "scopes": ["orders:read"], "expires_at": 4_000_000_000_u64 });
        let made = entry.call(&routes, &create(&ada, &body));
        assert_eq!(made.status, 201, "{}", made.body);
        assert_eq!(made.header("cache-control"), Some("no-store"));
        let made = made.json();
        let (text, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
        assert_eq!(made["scopes"], json!(["orders:read"]));

        let authenticator = Authenticator::new(bed.sessions.verifier())
            .opaque_tokens(&keys)
            .unwrap();
        let ask = || block_on(authenticator.authenticate(Some(Credentials::new(text))));
        let token = ask().unwrap().unwrap();
        assert_eq!((token.subject(), token.id()), (Some("ada"), Some(id)));

        let list = entry.call(&routes, &with(&ada, get("/api-keys")));
        assert_eq!(list.status, 200);
        assert_eq!(list.header("cache-control"), Some("no-store"));
        let listed = &list.json()["api_keys"][0];
        assert_eq!(
            (&listed["id"], &listed["label"]),
            (&made["id"], &json!("CI"))
        );
        assert!(
            listed.get("key").is_none() && !list.body.contains(&text[20..]),
            "{}",
            list.body
        );

        // Nobody else sees it or ends it.
        let bob = log_in(entry, &routes, "bob");
        let list = entry.call(&routes, &with(&bob, get("/api-keys")));
        assert_eq!(list.json(), json!({ "api_keys": [] }));
        refused(&entry.call(&routes, &end(&bob, id)), 404, "invalid_request");
        assert!(ask().is_ok());

        assert_eq!(entry.call(&routes, &end(&ada, id)).status, 204);
        assert!(ask().is_err());
        for id in [id, "AAAAAAAAAAAAAAAA", "x"] {
            refused(&entry.call(&routes, &end(&ada, id)), 404, "invalid_request");
        }
    });
}

#[test]
fn only_the_token_of_a_session_will_do() {
    each(|bed, entry| {
        let keys = api_keys(bed);
        let routes = bed.json().api_keys(keys.clone());
        let (key, text) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
        let sessionless = bed
            .sessions
            .issuer()
            .issue(&json!({ "sub": "ada" }))
            .unwrap();
        let body = json!({ "label": "CI" });
        for token in [text.as_str(), sessionless.as_str(), "x"] {
            for request in [
                create(token, &body),
                with(token, get("/api-keys")),
                end(token, key.id().as_str()),
            ] {
                let answer = entry.call(&routes, &request);
                assert_eq!(answer.status, 401, "{}", answer.body);
                assert!(answer.header("www-authenticate").is_some());
            }
        }
        let nobody = entry.call(&routes, &post("/api-keys").json(body.to_string()));
        assert_eq!(nobody.status, 401);
        assert_eq!(block_on(keys.list("ada")).unwrap(), [key]);
        let ada = log_in(entry, &routes, "ada");
        assert_eq!(entry.call(&routes, &create(&ada, &body)).status, 201);
    });
}

#[test]
fn whoever_acts_for_a_user_has_no_say_about_keys() {
    each(|bed, entry| {
        let keys = api_keys(bed);
        let routes = bed.json().api_keys(keys.clone());
        let ada = log_in(entry, &routes, "ada");
        let own = block_on(bed.sessions.verifier().verify(&ada)).unwrap();
        let claims = json!({ "sub": "ada", "sid": own.session_id() });
        let (key, _) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
        let issuer = bed.sessions.issuer();
        let acting = issuer.issue_on_behalf(&claims, &Actor::new("support"));
        let acting = acting.unwrap();
        let body = json!({ "label": "CI" });
        for request in [
            create(acting.as_str(), &body),
            with(acting.as_str(), get("/api-keys")),
            end(acting.as_str(), key.id().as_str()),
        ] {
            let answer = entry.call(&routes, &request);
            assert_eq!(answer.status, 403, "{}", answer.body);
        }
        assert_eq!(block_on(keys.list("ada")).unwrap(), [key]);
        let direct = issuer.issue(&claims).unwrap();
        let made = entry.call(&routes, &create(direct.as_str(), &body));
        assert_eq!(made.status, 201, "{}", made.body);
    });
}

#[test]
fn a_key_has_no_more_scopes_than_its_user_may_give() {
    each(|bed, entry| {
        let routes = bed.json().api_keys(api_keys(bed));
        let ada = log_in(entry, &routes, "ada");
        // Her token has none.
        let body = json!({ "label": "CI", "scopes": ["orders:read"] });
        refused(
            &entry.call(&routes, &create(&ada, &body)),
            403,
            "invalid_scope",
        );

        let routes = bed
            .json()
            .api_keys_with(api_keys(bed), |_, scope| scope == "orders:read");
        assert_eq!(entry.call(&routes, &create(&ada, &body)).status, 201);
        let body = json!({ "label": "CI", "scopes": ["orders:read", "admin"] });
        refused(
            &entry.call(&routes, &create(&ada, &body)),
            403,
            "invalid_scope",
        );
    });
}

#[test]
fn a_rule_is_asked_once_for_each_key_also_without_scopes() {
    each(|bed, entry| {
        let routes = bed
            .json()
            .api_keys_if(api_keys(bed), |token| token.subject() == Some("ada"));
        let body = json!({ "label": "CI" });
        let (ada, bob) = (log_in(entry, &routes, "ada"), log_in(entry, &routes, "bob"));
        assert_eq!(entry.call(&routes, &create(&ada, &body)).status, 201);
        refused(
            &entry.call(&routes, &create(&bob, &body)),
            403,
            "access_denied",
        );
        // Scopes that the token has not are not the user's to give for that.
        let body = json!({ "label": "CI", "scopes": ["orders:read"] });
        refused(
            &entry.call(&routes, &create(&ada, &body)),
            403,
            "invalid_scope",
        );
    });
}

#[test]
fn a_body_that_is_no_request_for_a_key_is_refused() {
    each(|bed, entry| {
        let routes = bed.json().api_keys(api_keys(bed));
        let ada = log_in(entry, &routes, "ada");
        for body in [
            json!({}),
            json!([]),
            json!({ "label": 7 }),
            json!({ "label": "" }),
            json!({ "label": "a\nb" }),
            json!({ "label": "CI", "scopes": "a" }),
            json!({ "label": "CI", "expires_at": 1 }),
            json!({ "label": "CI", "expires": 1 }),
            json!({ "label": "CI", "subject": "bob" }),
        ] {
            refused(
                &entry.call(&routes, &create(&ada, &body)),
                400,
                "invalid_request",
            );
        }
        for body in ["", "{", r#"{"label":"a","label":"b"}"#] {
            let request = with(&ada, post("/api-keys").json(body));
            refused(&entry.call(&routes, &request), 400, "invalid_request");
        }
        let mut form = create(&ada, &json!({ "label": "CI" }));
        form.headers.retain(|(name, _)| name != "content-type");
        refused(&entry.call(&routes, &form), 415, "invalid_request");

        for _ in 0..3 {
            let made = entry.call(&routes, &create(&ada, &json!({ "label": "CI" })));
            assert_eq!(made.status, 201, "{}", made.body);
        }
        let many = entry.call(&routes, &create(&ada, &json!({ "label": "CI" })));
        refused(&many, 409, "invalid_request");
    });
}

#[test]
fn routes_without_api_keys_have_no_such_endpoint() {
    each(|bed, entry| {
        let without = bed.json();
        let ada = log_in(entry, &without, "ada");
        for request in [
            create(&ada, &json!({ "label": "CI" })),
            with(&ada, get("/api-keys")),
            end(&ada, "AAAAAAAAAAAAAAAA"),
        ] {
            refused(&entry.call(&without, &request), 404, "invalid_request");
        }
        let routes = without.api_keys(api_keys(bed));
        let other = entry.call(&routes, &with(&ada, get("/api-keys").method("PUT")));
        refused(&other, 405, "invalid_request");
        assert_eq!(other.header("allow"), Some("GET, HEAD, POST"));
    });
}

#[test]
fn in_cookie_mode_another_site_makes_and_ends_no_keys() {
    each(|bed, entry| {
        let keys = api_keys(bed);
        let routes = bed.cookies().api_keys(keys.clone());
        let from = |site: &str, request: Request| request.header("sec-fetch-site", site);
        let login = from("same-origin", post("/login").json(credentials("ada")));
        let login = entry.call(&routes, &login);
        let cookies = login.cookies();
        let cookies = cookies
            .iter()
            .map(|cookie| cookie.split(';').next().unwrap());
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let as_ada = |site, request: Request| {
            entry.call(&routes, &from(site, request).header("cookie", &cookies))
        };
        let new = || post("/api-keys").json(json!({ "label": "CI" }).to_string());
        assert_eq!(as_ada("cross-site", new()).status, 403);
        assert!(block_on(keys.list("ada")).unwrap().is_empty());
        let made = as_ada("same-origin", new());
        assert_eq!(made.status, 201, "{}", made.body);
        let made = made.json();
        let id = made["id"].as_str().unwrap();
        let end = || get(&format!("/api-keys/{id}")).method("DELETE");
        assert_eq!(as_ada("cross-site", end()).status, 403);
        assert_eq!(block_on(keys.list("ada")).unwrap().len(), 1);
        assert_eq!(as_ada("same-origin", end()).status, 204);
    });
}
