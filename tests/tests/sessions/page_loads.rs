//! Tests of page loads: of those that renew a session, and of those that a layer refuses.

use countersign::{
    AuthCookies, AuthErrorKind, Clock, SessionRoutes,
    adapter::RequestHead,
    revocation::{RevocationEntry, Revoked},
};
use countersign_tests::{Entry, Request, sessions::Exchange};

use crate::bed::{Bed, each, get, post, same};

const VALUE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v";

fn log_in(entry: Entry, routes: &SessionRoutes) -> Exchange {
    let request = post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", format!("__Host-csrf={VALUE}"))
        .header("sec-fetch-site", "same-origin");
    let request = Request {
        body: format!("name=ada&password=engine&csrf_token={VALUE}"),
        ..request
    };
    let answer = entry.call(routes, &request);
    assert_eq!(answer.status, 303);
    answer
}

/// Adds the cookies that an answer sets, or those of these names.
fn with(request: Request, login: &Exchange, names: &[&str]) -> Request {
    let cookies = login.cookies();
    let pairs: Vec<_> = cookies
        .iter()
        .filter_map(|cookie| cookie.split(';').next())
        .filter(|pair| {
            names
                .iter()
                .any(|name| pair.starts_with(&format!("{name}=")))
        })
        .collect();
    assert_eq!(pairs.len(), names.len());
    request.header("cookie", pairs.join("; "))
}

/// Adds what browsers say of a request.
fn said(request: Request, site: &str, mode: &str, dest: &str) -> Request {
    request
        .header("sec-fetch-site", site)
        .header("sec-fetch-mode", mode)
        .header("sec-fetch-dest", dest)
}

fn own(request: Request) -> Request {
    said(request, "same-origin", "navigate", "document")
}

fn location(answer: &Exchange) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").unwrap()
}

const REFRESH: &[&str] = &["__Host-refresh"];
const LOGIN: &str = "/login?lang=de&return_to=%2Forders";
const RENEW: &str = "/renew?return_to=%2Forders";

#[test]
fn a_page_load_of_the_own_site_renews() {
    each(|bed, entry| {
        let routes = bed.forms();
        let mut login = log_in(entry, &routes);
        for (site, dest) in [
            ("same-origin", "document"),
            ("none", "document"),
            ("same-origin", "iframe"),
        ] {
            let request = said(with(get(RENEW), &login, REFRESH), site, "navigate", dest);
            let answer = entry.call(&routes, &request);
            assert_eq!(
                (location(&answer), answer.cookies().len()),
                ("/orders", 3),
                "{site}"
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            login = answer;
        }
    });
}

#[test]
fn a_page_load_of_another_site_renews_only_with_cookies_that_follow_links() {
    let document = ("navigate", "document");
    each(|bed, entry| {
        for (routes, site, (mode, dest), renews) in [
            (bed.forms(), "same-site", document, false),
            (bed.forms(), "cross-site", document, false),
            (bed.forms(), "other", document, false),
            (lax(bed), "same-site", document, true),
            (lax(bed), "cross-site", document, true),
            (lax(bed), "cross-site", ("navigate", "iframe"), false),
            (lax(bed), "same-site", ("navigate", "iframe"), false),
            (lax(bed), "same-site", ("no-cors", "image"), false),
            (lax(bed), "same-origin", ("cors", "empty"), false),
            (bed.forms(), "same-origin", ("no-cors", "image"), false),
            (bed.forms(), "same-origin", document, true),
        ] {
            let login = log_in(entry, &routes);
            let request = said(with(get(RENEW), &login, REFRESH), site, mode, dest);
            let answer = entry.call(&routes, &request);
            let expected = if renews { ("/orders", 3) } else { (LOGIN, 0) };
            assert_eq!(
                (location(&answer), answer.cookies().len()),
                expected,
                "{site} {mode} {dest}"
            );
        }
    });
}

/// Routes with other cookies: each has its own sessions, as two sets of one name contradict.
fn lax(_: &Bed) -> SessionRoutes {
    Bed::new().forms_like(AuthCookies::new().same_site_lax())
}

#[test]
fn a_browser_that_does_not_say_where_a_page_load_comes_from_does_not_renew() {
    let bed = Bed::new();
    let routes = bed.forms();
    let login = log_in(Entry::Core, &routes);
    let bare = || with(get(RENEW), &login, REFRESH).header("accept", "text/html");
    let twice = own(bare()).header("sec-fetch-site", "same-origin");
    for request in [
        bare(),
        bare().header("sec-fetch-site", "same-origin"),
        bare().header("sec-fetch-mode", "navigate"),
        bare()
            .header("origin", "https://app.test")
            .header("host", "app.test"),
        twice,
    ] {
        let answer = same(&routes, &request);
        assert_eq!((location(&answer), answer.cookies().len()), (LOGIN, 0));
    }
    assert_eq!(
        location(&Entry::Core.call(&routes, &own(bare()))),
        "/orders"
    );
}

#[test]
fn a_page_load_with_a_good_access_token_changes_nothing() {
    let bed = Bed::new();
    let routes = bed.forms();
    let login = log_in(Entry::Core, &routes);
    let both = ["__Host-access", "__Host-refresh"];
    for request in [
        own(with(get(RENEW), &login, &both)),
        said(
            with(get(RENEW), &login, &both),
            "cross-site",
            "navigate",
            "document",
        ),
    ] {
        let answer = same(&routes, &request);
        assert_eq!((location(&answer), answer.cookies().len()), ("/orders", 0));
    }
    // As soon as it has expired: the layer that sent the browser here may grant no leeway.
    bed.advance(900);
    for entry in Entry::ALL {
        let answer = entry.call(&routes, &own(with(get(RENEW), &login, &both)));
        assert_eq!((location(&answer), answer.cookies().len()), ("/orders", 3));
    }
}

#[test]
fn a_page_load_without_a_session_leads_to_the_login() {
    each(|bed, entry| {
        let routes = bed.forms();
        let nobody = entry.call(&routes, &own(get(RENEW)));
        assert_eq!((location(&nobody), nobody.cookies().len()), (LOGIN, 0));
        let junk = own(get(RENEW)).header("cookie", "__Host-refresh=junk");
        assert_eq!(location(&entry.call(&routes, &junk)), LOGIN);

        let login = log_in(entry, &routes);
        futures_executor::block_on(bed.sessions.end_all("ada")).unwrap();
        let over = entry.call(&routes, &own(with(get(RENEW), &login, REFRESH)));
        assert_eq!((location(&over), over.cookies().len()), (LOGIN, 3));
        assert!(
            over.cookies()
                .iter()
                .all(|cookie| cookie.contains("Max-Age=0"))
        );
    });
}

#[test]
fn a_page_load_is_renewed_later_where_the_app_cannot_answer() {
    each(|bed, entry| {
        let routes = bed.forms();
        let login = log_in(entry, &routes);
        let renew = || entry.call(&routes, &own(with(get(RENEW), &login, REFRESH)));
        bed.users
            .down
            .store(true, std::sync::atomic::Ordering::SeqCst);
        let answer = renew();
        assert_eq!((answer.status, answer.cookies().len()), (503, 0));
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        bed.users
            .down
            .store(false, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(location(&renew()), "/orders");
    });
}

#[test]
fn a_renewal_leads_to_no_other_site_and_is_a_get() {
    let bed = Bed::new();
    let routes = bed.forms();
    for elsewhere in [
        "https://evil.test",
        "//evil.test",
        "/%5Cevil.test",
        "/%09/evil.test",
        "",
        "/a&return_to=/b",
    ] {
        let login = log_in(Entry::Core, &routes);
        let endpoint = format!("/renew?return_to={elsewhere}");
        let request = own(with(get(&endpoint), &login, REFRESH));
        assert_eq!(
            location(&Entry::Core.call(&routes, &request)),
            "/home",
            "{elsewhere}"
        );
        assert_eq!(
            location(&same(&routes, &own(get(&endpoint)))),
            "/login?lang=de"
        );
    }
    let post = own(post(RENEW)).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(same(&routes, &post).status, 405);
    assert_eq!(same(&bed.cookies(), &own(get(RENEW))).status, 404);
}

/// Returns where a refused request is redirected to.
fn redirect(routes: &SessionRoutes, request: &Request) -> Option<String> {
    let error = futures_executor::block_on(routes.authenticator().check(request)).unwrap_err();
    let reply = routes.page_load(request)?.on_unauthorized(&error)?;
    assert_eq!(reply.status(), 303);
    let location = reply.headers().find(|(name, _)| *name == "location");
    Some(location.unwrap().1.to_owned())
}

#[test]
fn a_refused_page_load_leads_to_the_renewal_or_the_login() {
    let bed = Bed::new();
    let routes = bed.forms();
    let login = log_in(Entry::Core, &routes);
    let page = || Request::get().target("/orders?page=2");
    let renew = "/session/renew?return_to=%2Forders%3Fpage%3D2";
    let to_login = "/login?lang=de&return_to=%2Forders%3Fpage%3D2";
    let found = |request: Request| redirect(&routes, &request);
    let to = |page: &str| Some(page.to_owned());
    assert_eq!(found(own(page())), to(renew));
    assert_eq!(
        found(said(page(), "cross-site", "navigate", "document")),
        to(to_login)
    );
    assert_eq!(
        found(page().header("accept", "text/html,*/*;q=0.8")),
        to(to_login)
    );
    assert_eq!(
        found(own(Request::get().target("//evil.test/"))),
        to("/session/renew")
    );
    let malformed = own(page()).header("cookie", "__Host-access=a.b.c");
    let with_error = "/login?lang=de&error=malformed_token&return_to=%2Forders%3Fpage%3D2";
    assert_eq!(found(malformed), to(with_error));

    for no_page in [
        page(),
        page().header("accept", "application/json"),
        said(
            page().header("accept", "text/html"),
            "same-origin",
            "cors",
            "empty",
        ),
        own(page().method("POST")),
        own(page().method("HEAD")),
    ] {
        assert_eq!(found(no_page.clone()), None, "{no_page:?}");
    }
    bed.advance(961);
    let expired = own(with(page(), &login, &["__Host-access"]));
    assert_eq!(found(expired), to(renew));
    // Only a 401 can be mended by a login.
    let foreign = with(Request::post("/orders"), &login, &["__Host-access"]);
    let error = futures_executor::block_on(routes.authenticator().check(&foreign)).unwrap_err();
    assert_eq!(error.kind().status(), 403);
    assert!(
        routes
            .page_load(&own(page()))
            .unwrap()
            .on_unauthorized(&error)
            .is_none()
    );
    let head: &dyn RequestHead = &own(page());
    assert!(bed.cookies().page_load(head).is_none() && bed.json().page_load(head).is_none());
}

/// Else the routes, for which there is nothing to renew, and the layer send the browser to each other.
#[test]
fn a_layer_that_refuses_what_the_routes_accept_leads_to_the_login() {
    let bed = Bed::new();
    let routes = bed.forms();
    let login = log_in(Entry::Core, &routes);
    let request = own(with(
        Request::get().target("/orders"),
        &login,
        &["__Host-access"],
    ));
    for (kind, error) in [
        (AuthErrorKind::Expired, "expired"),
        (AuthErrorKind::MissingToken, "missing_token"),
        (AuthErrorKind::Revoked, "revoked"),
    ] {
        let load = routes.page_load(&request).unwrap();
        let reply = load.on_unauthorized(&kind.into()).unwrap();
        let location = reply.headers().find(|(name, _)| *name == "location");
        let expected = format!("/login?lang=de&error={error}&return_to=%2Forders");
        assert_eq!(location.unwrap().1, expected);
    }
}

/// The session goes on, and its next access token is good.
#[test]
fn a_page_load_with_a_revoked_access_token_leads_to_the_renewal() {
    each(|bed, entry| {
        let routes = bed.forms();
        let login = log_in(entry, &routes);
        let page = || {
            own(with(
                Request::get().target("/orders"),
                &login,
                &["__Host-access"],
            ))
        };
        let everyone = RevocationEntry {
            revoked: Revoked::Everyone {
                realm: bed.sessions.realm().clone(),
                issued_before: bed.clock.now(),
            },
            until: bed.clock.now() + 1_200,
        };
        bed.sessions.revocation().revoke(&everyone).unwrap();
        assert_eq!(
            redirect(&routes, &page()).as_deref(),
            Some("/session/renew?return_to=%2Forders")
        );
    });
}
