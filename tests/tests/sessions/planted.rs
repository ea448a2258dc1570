//! Tests of refresh cookies that a subdomain has planted, which is possible only for a cookie with
//! a path.

use std::collections::BTreeSet;

use countersign::{AuthCookies, SessionRoutes};
use countersign_tests::{
    Entry, Request,
    sessions::{Exchange, MOUNT},
};
use futures_executor::block_on;

use crate::bed::{Bed, act, credentials, each, post, same};

const HOST: &str = "app.eu.example.com";
const NAME: &str = "__Secure-refresh";

fn routes(bed: &Bed) -> SessionRoutes {
    let cookies = AuthCookies::new();
    bed.cookies_like(cookies.refresh_path_trusting_subdomains(MOUNT).unwrap())
}

/// Makes a request one of the own site, with these refresh tokens.
fn with(request: Request, host: &str, tokens: &[&str]) -> Request {
    let cookies: Vec<_> = tokens
        .iter()
        .map(|token| format!("{NAME}={token}"))
        .collect();
    request
        .header("host", host)
        .header("sec-fetch-site", "same-origin")
        .header("cookie", cookies.join("; "))
}

fn log_in(entry: Entry, routes: &SessionRoutes) -> String {
    let login = post("/login").json(credentials("ada"));
    let answer = entry.call(routes, &with(login, HOST, &[]));
    token(&answer)
}

fn token(answer: &Exchange) -> String {
    let cookies = answer.cookies();
    let start = format!("{NAME}=");
    let mut set = cookies
        .iter()
        .filter_map(|cookie| cookie.strip_prefix(&start));
    let set = set.find(|cookie| !cookie.starts_with(';')).unwrap();
    set.split(';').next().unwrap().to_owned()
}

/// Returns the domain (none for this host alone) and the path of the refresh cookies that an answer
/// deletes.
fn deleted(answer: &Exchange) -> BTreeSet<(Option<String>, String)> {
    let cookies = answer.cookies();
    let deleted = cookies
        .iter()
        .filter(|text| text.starts_with(&format!("{NAME}=;")));
    let place = |text: &&&str| {
        assert!(
            text.contains("Max-Age=0; ") && text.contains("; Secure;"),
            "{text}"
        );
        let attribute = |name: &str| {
            let mut parts = text.split("; ").filter_map(|part| part.strip_prefix(name));
            parts.next().map(str::to_owned)
        };
        (attribute("Domain="), attribute("Path=").unwrap())
    };
    let places: Vec<_> = deleted.map(|text| place(&text)).collect();
    let distinct: BTreeSet<_> = places.iter().cloned().collect();
    assert_eq!(places.len(), distinct.len(), "{places:?}");
    distinct
}

/// Returns true if a browser sends a cookie with this domain and path to a path at `HOST` (RFC 6265
/// sections 5.1.3, 5.1.4).
fn is_sent((domain, path): &(Option<String>, String), to: &str) -> bool {
    let domain = domain.as_deref().unwrap_or(HOST);
    let of_domain = HOST == domain || HOST.ends_with(&format!(".{domain}"));
    let below = |rest: &str| rest.is_empty() || path.ends_with('/') || rest.starts_with('/');
    of_domain && to.strip_prefix(path.as_str()).is_some_and(below)
}

#[test]
fn all_that_can_have_been_planted_is_deleted_and_the_own_cookie_stays() {
    each(|bed, entry| {
        let routes = routes(bed);
        let own = log_in(entry, &routes);
        let answer = entry.call(&routes, &with(act("/refresh"), HOST, &[&own, "planted"]));
        assert_eq!(answer.status, 401);
        let deleted = deleted(&answer);

        let domains = [
            None,
            Some(HOST),
            Some("eu.example.com"),
            Some("example.com"),
        ];
        let paths = [
            "/",
            "/s",
            "/session",
            "/session/",
            "/session/refresh",
            "/session/logout",
        ];
        let to = format!("{MOUNT}/refresh");
        for domain in domains {
            for path in paths {
                let place = (domain.map(str::to_owned), path.to_owned());
                let own = (None, MOUNT.to_owned());
                let expected = is_sent(&place, &to) && place != own;
                assert_eq!(deleted.contains(&place), expected, "{place:?}");
            }
        }
        assert_eq!(deleted.len(), 4 * 4 - 1, "{deleted:?}");

        // The browser is left with the user's own cookie.
        let answer = entry.call(&routes, &with(act("/refresh"), HOST, &[&own]));
        assert_eq!(answer.status, 200);
        assert_eq!(self::deleted(&answer).len(), 0);
    });
}

#[test]
fn a_login_and_a_logout_delete_what_is_planted_too() {
    each(|bed, entry| {
        let routes = routes(bed);
        let own = log_in(entry, &routes);
        let login = post("/login").json(credentials("ada"));
        let answer = entry.call(&routes, &with(login, HOST, &[&own, "planted"]));
        assert_eq!((answer.status, deleted(&answer).len()), (200, 15));
        let own = token(&answer);
        let log_out = with(act("/logout"), HOST, &[&own, "planted"]);
        let answer = entry.call(&routes, &log_out);
        // The user's own one as well.
        assert_eq!((answer.status, deleted(&answer).len()), (204, 16));
    });
}

/// Returns the number of sessions of a subject.
fn count(bed: &Bed, subject: &str) -> usize {
    block_on(bed.sessions.list(subject)).unwrap().len()
}

/// The access cookie is gone by then, or expired: a lunch break takes an hour.
#[test]
fn a_logout_beside_a_planted_cookie_ends_the_session_without_an_access_token() {
    each(|bed, entry| {
        let routes = routes(bed);
        let elsewhere = log_in(entry, &routes);
        for planted in ["planted", &"A".repeat(64)] {
            let own = log_in(entry, &routes);
            let answer = log_out_of(entry, &routes, &[planted, &own]);
            assert_eq!((answer.status, deleted(&answer).len()), (204, 16));
            let answer = entry.call(&routes, &with(act("/refresh"), HOST, &[&own]));
            assert_eq!(answer.status, 400);
        }
        // The twins: other sessions go on, and without a token of a session it cannot be ended.
        let id = block_on(bed.sessions.list("ada")).unwrap()[0]
            .id()
            .to_string();
        let answer = log_out_of(entry, &routes, &[&id, &"A".repeat(64), &"B".repeat(64)]);
        assert_eq!((answer.status, count(bed, "ada")), (204, 1));
        let answer = entry.call(&routes, &with(act("/refresh"), HOST, &[&elsewhere]));
        assert_eq!(answer.status, 200);
    });
}

fn log_out_of(entry: Entry, routes: &SessionRoutes, tokens: &[&str]) -> Exchange {
    entry.call(routes, &with(act("/logout"), HOST, tokens))
}

/// It is unknown which is the user's own. The planted one is of a session of whoever planted it.
#[test]
fn a_logout_ends_the_session_of_each_refresh_cookie() {
    each(|bed, entry| {
        let routes = routes(bed);
        let own = log_in(entry, &routes);
        let login = post("/login").json(credentials("bob"));
        let planted = token(&entry.call(&routes, &with(login, HOST, &[])));
        let answer = log_out_of(entry, &routes, &[&own, &planted, &own]);
        assert_eq!(answer.status, 204);
        assert_eq!((count(bed, "ada"), count(bed, "bob")), (0, 0));
    });
}

#[test]
fn a_login_ends_the_session_of_each_refresh_cookie() {
    each(|bed, entry| {
        let routes = routes(bed);
        let earlier = log_in(entry, &routes);
        let login = post("/login").json(credentials("ada"));
        let answer = entry.call(&routes, &with(login, HOST, &["planted", &earlier]));
        assert_eq!((answer.status, count(bed, "ada")), (200, 1));
        let answer = entry.call(&routes, &with(act("/refresh"), HOST, &[&earlier]));
        assert_eq!(answer.status, 400);
    });
}

#[test]
fn a_logout_looks_at_eight_refresh_cookies_and_no_more() {
    let bed = Bed::new();
    let routes = routes(&bed);
    for (before, left) in [(7, 0), (8, 1)] {
        let own = log_in(Entry::Core, &routes);
        let mut tokens: Vec<_> = (0..before).map(|n| format!("planted-{n}")).collect();
        tokens.push(own);
        let tokens: Vec<_> = tokens.iter().map(String::as_str).collect();
        let answer = log_out_of(Entry::Core, &routes, &tokens);
        assert_eq!((answer.status, count(&bed, "ada")), (204, left));
    }
}

#[test]
fn the_authority_of_the_target_says_for_which_domains() {
    each(|bed, entry| {
        let request = with(act("/refresh"), "internal.example.org", &["own", "planted"]);
        let request = request.target(&format!("https://{HOST}:8443{MOUNT}/refresh"));
        let deleted = deleted(&entry.call(&routes(bed), &request));
        let domains: BTreeSet<_> = deleted.iter().flat_map(|(domain, _)| domain).collect();
        assert_eq!(domains.len(), 3);
        assert!(
            domains.iter().all(|domain| HOST.ends_with(*domain)),
            "{domains:?}"
        );
    });
}

#[test]
fn a_host_that_is_no_domain_has_no_parents() {
    let bed = Bed::new();
    for host in [
        "localhost:3000",
        "127.0.0.1:3000",
        "[::1]:3000",
        "",
        "a;b.example",
        "com",
    ] {
        let answer = same(
            &routes(&bed),
            &with(act("/refresh"), host, &["own", "planted"]),
        );
        let deleted = deleted(&answer);
        assert!(
            deleted.iter().all(|(domain, _)| domain.is_none()),
            "{host}: {deleted:?}"
        );
        assert_eq!(deleted.len(), 3, "{host}");
    }
}

#[test]
fn a_long_host_or_path_makes_no_long_answer() {
    let bed = Bed::new();
    let host = "a.".repeat(120) + "example";
    let path = format!("/sessions{}", "/a".repeat(200));
    for endpoint in ["/refresh", &path] {
        let request = with(act(endpoint), &host, &["own", "planted"]);
        let cookies = same(&routes(&bed), &request).cookies().len();
        assert!(cookies < 200, "{endpoint}: {cookies}");
    }
}

#[test]
fn one_cookie_deletes_nothing_whoever_set_it() {
    let bed = Bed::new();
    let answer = same(&routes(&bed), &with(act("/refresh"), HOST, &["planted"]));
    assert_eq!(answer.status, 400);
    // As after any unknown refresh token: the own cookies are cleared.
    assert_eq!(deleted(&answer), [(None, MOUNT.to_owned())].into());
}
