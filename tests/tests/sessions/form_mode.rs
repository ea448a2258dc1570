//! Tests of logins and logouts by forms of pages that a server renders.

use std::sync::atomic::Ordering;

use countersign::{
    AuthCookies, ConfigError, Csrf, SessionRoutes,
    session::{FormPages, Identity, LoginRefusal, SignIn, SignInOutcome},
};
use countersign_tests::{
    Entry, Request,
    sessions::{Exchange, MOUNT},
};

use crate::bed::{Bed, credentials, csrf, each, get, post, same};

const FORM: &str = "application/x-www-form-urlencoded";
/// A value as those of the routes are written. Login pages send the value of their cookie.
const VALUE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v";

/// Makes a request a form.
fn form(endpoint: &str, body: &str) -> Request {
    let request = post(endpoint).header("content-type", FORM);
    Request {
        body: body.to_owned(),
        ..request
    }
}

/// Adds what a browser says of a form of the own site.
fn own(request: Request) -> Request {
    request
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
}

/// A login from the login page, with these further fields.
fn login(fields: &str) -> Request {
    let body = format!("name=ada&password=engine&csrf_token={VALUE}{fields}");
    own(form("/login", &body)).header("cookie", format!("__Host-csrf={VALUE}"))
}

fn location(answer: &Exchange) -> &str {
    assert_eq!((answer.status, &*answer.body), (303, ""), "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.header("location").unwrap()
}

fn log_in(entry: Entry, routes: &SessionRoutes) -> Exchange {
    let answer = entry.call(routes, &login(""));
    assert_eq!(location(&answer), "/home");
    answer
}

/// Returns the value of a cookie that an answer sets.
fn value(answer: &Exchange, name: &str) -> String {
    let start = format!("{name}=");
    let cookies = answer.cookies();
    let mut found = cookies
        .iter()
        .filter_map(|cookie| cookie.strip_prefix(&start));
    found.next().unwrap().split(';').next().unwrap().to_owned()
}

/// Adds the cookies of a login to a request.
fn with_cookies(request: Request, login: &Exchange) -> Request {
    let names = ["__Host-access", "__Host-refresh", "__Host-csrf"];
    let cookies = names.map(|name| format!("{name}={}", value(login, name)));
    request.header("cookie", cookies.join("; "))
}

/// Returns whether the session of a login goes on.
fn goes_on(bed: &Bed, entry: Entry, login: &Exchange) -> bool {
    let api = bed.forms().authenticator();
    let request = with_cookies(Request::get(), login);
    entry.send(&api, &request).status == 200
}

#[test]
fn a_login_redirects_and_sets_the_cookies() {
    each(|bed, entry| {
        let routes = bed.forms();
        let answer = log_in(entry, &routes);
        assert_eq!(answer.cookies().len(), 3);
        assert!(answer.header("content-type").is_none());
        assert!(goes_on(bed, entry, &answer));
        let field = entry.call(&routes, &login("&return_to=%2Forders%3Fpage%3D2"));
        assert_eq!(location(&field), "/orders?page=2");
        let request = login("");
        let target = format!("{}?return_to=%2Forders", request.target);
        assert_eq!(
            location(&entry.call(&routes, &request.target(&target))),
            "/orders"
        );
    });
}

#[test]
fn a_login_leads_to_no_other_site() {
    let bed = Bed::new();
    let routes = bed.forms();
    for elsewhere in [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "/%09/evil.test",
        "\\\\evil.test",
        "javascript:alert(1)",
        "orders",
        "/orders%0d%0aset-cookie:a=b",
        "/orders%00",
        "",
    ] {
        let elsewhere = elsewhere.replace(':', "%3A").replace('\\', "%5C");
        let answer = Entry::Core.call(&routes, &login(&format!("&return_to={elsewhere}")));
        assert_eq!(location(&answer), "/home", "{elsewhere}");
    }
    let answer = Entry::Core.call(&routes, &login("&return_to=/@evil.test"));
    assert_eq!(location(&answer), "/@evil.test");
}

#[test]
fn a_failed_login_leads_back_with_the_name_of_the_error() {
    each(|bed, entry| {
        let routes = bed.forms();
        let wrong = login("&return_to=/orders");
        let wrong = Request {
            body: wrong.body.replace("engine", "wrong"),
            ..wrong
        };
        for _ in 0..10 {
            let answer = entry.call(&routes, &wrong);
            let page = "/login?lang=de&error=invalid_grant&return_to=%2Forders";
            assert_eq!((location(&answer), answer.cookies().len()), (page, 0));
        }
        let answer = entry.call(&routes, &wrong);
        let page = "/login?lang=de&error=too_many_requests&retry_after=60&return_to=%2Forders";
        assert_eq!((location(&answer), answer.cookies().len()), (page, 0));
    });
}

#[test]
fn a_form_with_two_meanings_or_none_is_no_login() {
    let bed = Bed::new();
    let routes = bed.forms();
    for fields in [
        "&name=bob",
        "&%6eame=bob",
        "&other=%FF",
        "&csrf_token=x",
        "&$serde_json::private::RawValue=1",
    ] {
        let answer = same(&routes, &login(fields));
        assert_eq!(
            location(&answer),
            "/login?lang=de&error=invalid_request",
            "{fields}"
        );
    }
    let incomplete = login("");
    let incomplete = Request {
        body: incomplete.body.replace("password=", "pass="),
        ..incomplete
    };
    assert_eq!(
        location(&same(&routes, &incomplete)),
        "/login?lang=de&error=invalid_request"
    );
    let answer = Entry::Core.call(&routes, &login("&other=1&remember=on"));
    assert_eq!(location(&answer), "/home");
}

#[test]
fn an_outage_is_503_and_no_wrong_password() {
    each(|bed, entry| {
        let routes = bed.forms();
        bed.users.down.store(true, Ordering::SeqCst);
        let answer = entry.call(&routes, &login(""));
        assert_eq!((answer.status, answer.cookies().len()), (503, 0));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert!(!answer.body.contains(['{', '<']), "{}", answer.body);
        bed.users.down.store(false, Ordering::SeqCst);
        bed.users.large.store(true, Ordering::SeqCst);
        let answer = entry.call(&routes, &login(""));
        assert_eq!((answer.status, answer.cookies().len()), (500, 0));
        bed.users.large.store(false, Ordering::SeqCst);
        let _ = log_in(entry, &routes);
    });
}

#[test]
fn a_refusal_of_the_app_names_its_error_if_that_is_a_name() {
    let bed = Bed::new();
    for (status, said, name) in [
        (401, "second_factor", "second_factor"),
        (415, "old_client", "old_client"),
        (403, "<script>", "login_refused"),
        (403, "Locked", "login_refused"),
        (403, "", "login_refused"),
    ] {
        let pages = FormPages::new(MOUNT, "/login").unwrap();
        let sign_in = move |_: SignIn<serde_json::Value>| async move {
            let refusal = LoginRefusal::new(status, &serde_json::json!({ "error": said }));
            Ok::<_, std::io::Error>(SignInOutcome::<()>::from(refusal))
        };
        let csrf = csrf().require_token().unwrap();
        let routes = SessionRoutes::forms(
            pages,
            bed.sessions.clone(),
            AuthCookies::new(),
            csrf,
            sign_in,
        );
        let answer = same(&routes.unwrap(), &login(""));
        assert_eq!(location(&answer), format!("/login?error={name}"));
    }
}

#[test]
fn a_login_needs_the_value_of_its_own_page() {
    let bed = Bed::new();
    let routes = bed.forms();
    let cookie = |value: &str| format!("__Host-csrf={value}");
    let other = VALUE.replace('A', "B");
    let plain = "name=ada&password=engine";
    let with_value = format!("{plain}&csrf_token={VALUE}");
    let refused = "/login?lang=de&error=wrong_csrf_token";
    for (body, cookie) in [
        // As a service worker re-makes the form of another site.
        (plain, cookie(VALUE)),
        (plain, String::new()),
        (&*with_value, String::new()),
        (&*with_value, cookie(&other)),
        (
            &*with_value,
            format!("{}; {}", cookie(VALUE), cookie(&other)),
        ),
        (&*format!("{plain}&csrf_token=x"), cookie("x")),
        (&*format!("{plain}&csrf_token="), cookie("")),
    ] {
        let request = own(form("/login", body)).header("cookie", &cookie);
        let answer = same(&routes, &request);
        assert_eq!(
            (location(&answer), answer.cookies().len()),
            (refused, 0),
            "{body} {cookie}"
        );
    }
    for entry in Entry::ALL {
        let _ = log_in(entry, &routes);
    }
}

#[test]
fn a_login_form_of_another_site_is_forbidden_also_with_a_value() {
    let bed = Bed::new();
    let routes = bed.forms();
    let bare = || {
        let body = format!("name=ada&password=engine&csrf_token={VALUE}");
        form("/login", &body)
            .header("cookie", format!("__Host-csrf={VALUE}"))
            .header("host", "app.test")
    };
    for (name, value, status) in [
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("origin", "https://evil.test", 403),
        ("origin", "null", 403),
    ] {
        let answer = same(&routes, &bare().header(name, value));
        assert_eq!(
            (answer.status, answer.cookies().len()),
            (status, 0),
            "{name}: {value}"
        );
    }
    // A browser that says nothing is told by the value alone.
    for request in [
        bare(),
        bare().header("origin", "https://app.test"),
        own(bare()),
    ] {
        assert_eq!(location(&Entry::Core.call(&routes, &request)), "/home");
    }
}

#[test]
fn forms_and_json_are_not_taken_for_each_other() {
    let bed = Bed::new();
    let routes = bed.forms();
    let body = credentials("ada");
    for endpoint in ["/login", "/logout", "/logout-all"] {
        assert_eq!(
            same(&routes, &own(post(endpoint).json(&*body))).status,
            415,
            "{endpoint}"
        );
        assert_eq!(
            same(&routes, &own(post(endpoint))).status,
            415,
            "{endpoint}"
        );
        for media_type in ["text/plain", "multipart/form-data; boundary=x"] {
            let request = own(post(endpoint)).header("content-type", media_type);
            assert_eq!(
                same(&routes, &request).status,
                415,
                "{endpoint} {media_type}"
            );
        }
    }
    assert_eq!(same(&routes, &own(form("/refresh", "a=b"))).status, 415);
    assert_eq!(same(&routes, &get("/login")).status, 405);
}

#[test]
fn in_cookie_mode_no_endpoint_takes_a_form() {
    let bed = Bed::new();
    let routes = bed.cookies();
    let answer = Entry::Core.call(&routes, &own(post("/login").json(credentials("ada"))));
    assert_eq!(answer.status, 200);
    for endpoint in ["/login", "/logout", "/logout-all", "/refresh"] {
        for media_type in [FORM, "text/plain", "multipart/form-data; boundary=x"] {
            let request = own(with_cookies(post(endpoint), &answer));
            let request = request.header("content-type", media_type);
            assert_eq!(
                same(&routes, &request).status,
                415,
                "{endpoint} {media_type}"
            );
        }
    }
    assert_eq!(same(&routes, &own(get("/renew"))).status, 404);
    for entry in Entry::ALL {
        let logout = own(with_cookies(post("/logout").json(""), &answer));
        assert_eq!(entry.call(&routes, &logout).status, 204);
    }
}

#[test]
fn a_logout_needs_the_value_of_its_session() {
    each(|bed, entry| {
        let routes = bed.forms();
        let (mine, other) = (log_in(entry, &routes), log_in(entry, &routes));
        let csrf = |login| value(login, "__Host-csrf");
        for endpoint in ["/logout", "/logout-all"] {
            let act = |fields: &str| own(with_cookies(form(endpoint, fields), &mine));
            for fields in [
                String::new(),
                "csrf_token=".to_owned(),
                format!("csrf_token={VALUE}"),
                format!("csrf_token={}", csrf(&other)),
            ] {
                let answer = entry.call(&routes, &act(&fields));
                assert_eq!(
                    (answer.status, answer.cookies().len()),
                    (403, 0),
                    "{fields}"
                );
            }
            // One of them is one too many.
            let twice =
                act(&format!("csrf_token={}", csrf(&mine))).header("x-csrf-token", csrf(&mine));
            assert_eq!(entry.call(&routes, &twice).status, 403);
        }
        assert!(goes_on(bed, entry, &mine));
        let fields = format!("csrf_token={}", csrf(&mine));
        let foreign = with_cookies(form("/logout", &fields), &mine);
        let foreign = foreign.header("sec-fetch-site", "cross-site");
        assert_eq!(entry.call(&routes, &foreign).status, 403);
        assert!(goes_on(bed, entry, &mine));

        let answer = entry.call(&routes, &own(with_cookies(form("/logout", &fields), &mine)));
        assert_eq!(location(&answer), "/login?lang=de");
        assert_eq!(answer.cookies().len(), 3);
        assert!(
            answer
                .cookies()
                .iter()
                .all(|cookie| cookie.contains("Max-Age=0"))
        );
        assert!(!goes_on(bed, entry, &mine));
        assert!(goes_on(bed, entry, &other));
    });
}

#[test]
fn a_logout_everywhere_needs_a_login_and_ends_all() {
    each(|bed, entry| {
        let routes = bed.forms();
        let (mine, other) = (log_in(entry, &routes), log_in(entry, &routes));
        let fields = format!("csrf_token={}", value(&mine, "__Host-csrf"));
        let nobody = entry.call(&routes, &own(form("/logout-all", &fields)));
        assert_eq!(location(&nobody), "/login?lang=de&error=login_required");
        assert!(goes_on(bed, entry, &other));
        let everywhere = own(with_cookies(form("/logout-all", &fields), &mine));
        assert_eq!(
            location(&entry.call(&routes, &everywhere)),
            "/login?lang=de"
        );
        assert!(!goes_on(bed, entry, &other));
    });
}

#[test]
fn a_page_gets_the_value_of_its_cookie_or_a_cookie_for_its_value() {
    let routes = Bed::new().forms();
    let token = routes.form_token(&Request::get()).unwrap();
    let cookie = format!(
        "__Host-csrf={}; SameSite=Strict; Secure; Path=/; Max-Age=86400",
        token.value()
    );
    assert_eq!(token.set_cookie(), Some(&*cookie));
    let visitor = Request::get().header("cookie", format!("__Host-csrf={}", token.value()));
    let again = routes.form_token(&visitor).unwrap();
    assert_eq!((again.value(), again.set_cookie()), (token.value(), None));
    // It goes into the page as it is.
    for other in ["x", "\"><script>", &VALUE[1..], &VALUE.replace('A', "<")] {
        let head = Request::get().header("cookie", format!("__Host-csrf={other}"));
        assert_ne!(routes.form_token(&head).unwrap().value(), other);
    }
    let body = format!("name=ada&password=engine&csrf_token={}", token.value());
    let request = own(Request {
        headers: visitor.headers,
        ..form("/login", &body)
    });
    let request = request.header("content-type", FORM);
    assert_eq!(location(&Entry::Core.call(&routes, &request)), "/home");
    assert!(Bed::new().json().form_token(&Request::get()).is_err());
}

#[test]
fn a_page_gets_a_new_value_where_that_of_the_cookie_is_not_for_the_session() {
    each(|bed, entry| {
        let routes = bed.forms();
        let (mine, other) = (log_in(entry, &routes), log_in(entry, &routes));
        let with = |csrf: &str| {
            let access = value(&mine, "__Host-access");
            Request::get().header(
                "cookie",
                format!("__Host-access={access}; __Host-csrf={csrf}"),
            )
        };
        let own_value = value(&mine, "__Host-csrf");
        let kept = routes.form_token(&with(&own_value)).unwrap();
        assert_eq!((kept.value(), kept.set_cookie()), (&*own_value, None));
        let log_out = |field: &str| {
            let logout = form("/logout", &format!("csrf_token={field}"));
            let answer = entry.call(&routes, &own(with_cookies(logout, &mine)));
            answer.header("location").map(str::to_owned)
        };
        // One of another session, and one that was made under another secret.
        let foreign = [value(&other, "__Host-csrf"), VALUE.to_owned()];
        let made = foreign.each_ref().map(|foreign| {
            assert_eq!(log_out(foreign), None);
            let made = routes.form_token(&with(foreign)).unwrap();
            assert!(made.set_cookie().unwrap().contains(made.value()));
            made
        });
        assert_eq!(log_out(made[1].value()).as_deref(), Some("/login?lang=de"));
    });
}

#[test]
fn the_layer_of_these_routes_leaves_the_field_to_the_handler() {
    each(|bed, entry| {
        let routes = bed.forms();
        let login = log_in(entry, &routes);
        let api = routes.authenticator();
        let order = with_cookies(Request::post("/orders"), &login);
        let send = |request: Request| entry.send(&api, &request).status;
        assert_eq!(send(own(order.clone())), 200);
        assert_eq!(send(order.clone()), 403);
        assert_eq!(
            send(order.clone().header("sec-fetch-site", "cross-site")),
            403
        );

        let token = futures_executor::block_on(api.check(&own(order.clone())));
        let token = token.unwrap().unwrap();
        let check =
            |request: &Request, field: &str| routes.check_form(request, &token, field).is_ok();
        let field = value(&login, "__Host-csrf");
        assert!(check(&own(order.clone()), &field));
        assert!(check(&order, &field));
        assert!(!check(&own(order.clone()), ""));
        assert!(!check(&own(order.clone()), VALUE));
        assert!(!check(
            &order.header("sec-fetch-site", "cross-site"),
            &field
        ));
        // Scripts of a page are asked as ever.
        let refresh = |request: Request| {
            entry
                .call(&routes, &own(with_cookies(request, &login)))
                .status
        };
        assert_eq!(refresh(post("/refresh").json("")), 403);
        assert_eq!(
            refresh(post("/refresh").json("").header("x-csrf-token", &field)),
            200
        );
    });
}

#[test]
fn in_cookie_mode_the_layer_knows_what_the_routes_know() {
    each(|bed, entry| {
        let page = "https://app.example.test";
        let allowed = csrf().allow_origin(page).unwrap();
        let routes = bed.cookies_like(AuthCookies::new()).csrf(allowed);
        let from = |origin: &str, request: Request| {
            let request = request.header("sec-fetch-site", "same-site");
            request.header("origin", origin)
        };
        let login = entry.call(
            &routes,
            &from(page, post("/login").json(credentials("ada"))),
        );
        assert_eq!(login.status, 200);
        let order = with_cookies(Request::post("/orders"), &login);
        let send = |origin| {
            entry
                .send(&routes.authenticator(), &from(origin, order.clone()))
                .status
        };
        assert_eq!(send(page), 200);
        assert_eq!(send("https://evil.example.test"), 403);
        let required = bed
            .cookies_like(AuthCookies::new())
            .csrf(csrf().require_token().unwrap());
        assert_eq!(
            entry.send(&required.authenticator(), &own(order)).status,
            403
        );
    });
}

#[test]
fn forms_without_a_required_value_are_an_error_at_start() {
    let bed = Bed::new();
    let make = |cookies: AuthCookies, csrf: Csrf| {
        let sign_in = async |_: SignIn<()>| Ok::<Option<Identity<()>>, std::io::Error>(None);
        let pages = FormPages::new(MOUNT, "/login").unwrap();
        SessionRoutes::forms(pages, bed.sessions.clone(), cookies, csrf, sign_in)
    };
    let problem = |made: Result<SessionRoutes, ConfigError>| match made {
        Err(ConfigError::Conflict(text)) => text,
        other => panic!("{other:?}"),
    };
    assert!(problem(make(AuthCookies::new(), csrf())).contains("`Csrf::require_token`"));
    let strict = || csrf().require_token().unwrap();
    let in_body = AuthCookies::new().access_token_in_body();
    assert!(problem(make(in_body, strict())).contains("access_token_in_body"));
    let elsewhere = AuthCookies::new()
        .refresh_path_trusting_subdomains("/other")
        .unwrap();
    assert!(problem(make(elsewhere, strict())).contains("/other"));
    assert!(make(AuthCookies::new(), strict()).is_ok());
}

#[test]
fn a_weaker_protection_that_is_set_afterwards_lets_no_form_through() {
    each(|bed, entry| {
        let login = log_in(entry, &bed.forms());
        let fields = format!("csrf_token={}", value(&login, "__Host-csrf"));
        let logout = |fields: &str| own(with_cookies(form("/logout", fields), &login));
        let without_secret = bed.forms().csrf(Csrf::new());
        for fields in ["", &*fields] {
            assert_eq!(entry.call(&without_secret, &logout(fields)).status, 403);
        }
        let not_required = bed.forms().csrf(csrf());
        assert_eq!(entry.call(&not_required, &logout("")).status, 403);
        assert_eq!(entry.call(&not_required, &logout(&fields)).status, 303);
    });
}
