//! Tests of cookies with tokens: the attributes that browsers get, and the values that are read
//! back.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use cookie::{Cookie, SameSite};
use countersign::{
    AuthCookies, AuthErrorKind, ConfigError, Issuer, MemoryStore, SessionRoutes, Sessions,
    SigningKey,
    adapter::RequestHead,
    session::{Identity, SignIn},
};
use proptest::prelude::*;

/// A request with these `Cookie` headers.
struct Head(Vec<String>);

impl RequestHead for Head {
    fn method(&self) -> &str {
        "POST"
    }

    fn path(&self) -> &str {
        "/session/refresh"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == "cookie" {
            self.0.iter().for_each(|value| visit(value.as_bytes()));
        }
    }
}

fn cookies() -> AuthCookies {
    AuthCookies::new()
}

/// Returns cookies with a refresh cookie that subdomains can plant.
fn with_path(path: &str) -> Result<AuthCookies, ConfigError> {
    cookies().refresh_path_trusting_subdomains(path)
}

fn set(cookies: &AuthCookies) -> Vec<String> {
    cookies
        .set(("a.b.c", 900), ("refresh", 86_400), Some("csrf"))
        .unwrap()
}

#[test]
fn a_login_sets_three_cookies() {
    assert_eq!(
        set(&cookies()),
        [
            "__Host-access=a.b.c; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=900",
            "__Host-refresh=refresh; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=86400",
            "__Host-csrf=csrf; SameSite=Strict; Secure; Path=/; Max-Age=86400",
        ]
    );
    let without = cookies()
        .set(("a.b.c", 900), ("refresh", 86_400), None)
        .unwrap();
    assert_eq!(without, set(&cookies())[..2]);
}

#[test]
fn a_logout_deletes_them_with_the_same_attributes() {
    let expected = [
        "__Host-access=; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "__Host-refresh=; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "__Host-csrf=; SameSite=Strict; Secure; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ];
    assert_eq!(cookies().clear(), expected);

    let own = cookies()
        .access_name("__Host-a")
        .unwrap()
        .refresh_name("__Host-r")
        .unwrap()
        .csrf_name("__Host-c")
        .unwrap()
        .same_site_lax();
    let scoped = with_path("/session").unwrap();
    let pairs = |cookies: &AuthCookies| set(cookies).into_iter().zip(cookies.clear());
    for (set, cleared) in pairs(&own).chain(pairs(&scoped)) {
        let identity = |text: &str| {
            let cookie = Cookie::parse(text.to_owned()).unwrap();
            let attributes = (cookie.secure(), cookie.http_only(), cookie.same_site());
            let place = (
                cookie.path().map(str::to_owned),
                cookie.domain().map(str::to_owned),
            );
            (cookie.name().to_owned(), attributes, place)
        };
        assert_eq!(identity(&set), identity(&cleared));
    }
}

#[test]
fn a_token_that_has_ended_deletes_its_cookie() {
    let set = cookies().set(("a.b.c", 0), ("refresh", 1), None).unwrap();
    assert!(
        set[0].contains("Max-Age=0; Expires=Thu, 01 Jan 1970"),
        "{}",
        set[0]
    );
    assert!(set[1].ends_with("Max-Age=1"), "{}", set[1]);
}

#[test]
fn lax_is_for_all_cookies_or_none() {
    for text in set(&cookies().same_site_lax()) {
        assert_eq!(
            Cookie::parse(&*text).unwrap().same_site(),
            Some(SameSite::Lax),
            "{text}"
        );
    }
}

#[test]
fn a_frame_on_another_site_gets_partitioned_cookies() {
    let partitioned = cookies().same_site_none_partitioned();
    for text in set(&partitioned).iter().chain(&partitioned.clear()) {
        let cookie = Cookie::parse(&**text).unwrap();
        assert_eq!(cookie.same_site(), Some(SameSite::None), "{text}");
        assert_eq!(cookie.secure(), Some(true), "{text}");
        assert_eq!(cookie.partitioned(), Some(true), "{text}");
        assert!(cookie.name().starts_with("__Host-"), "{text}");
    }
    for text in set(&cookies()) {
        assert_eq!(Cookie::parse(&*text).unwrap().partitioned(), None);
    }
}

#[test]
fn cookies_over_plain_http_have_neither_prefix_nor_secure() {
    let plain = || cookies().insecure_plain_http();
    let expected = [
        "access=a.b.c; HttpOnly; SameSite=Strict; Path=/; Max-Age=900",
        "refresh=refresh; HttpOnly; SameSite=Strict; Path=/; Max-Age=86400",
        "csrf=csrf; SameSite=Strict; Path=/; Max-Age=86400",
    ];
    assert_eq!(set(&plain()), expected);
    let named = AuthCookies::named("spa").unwrap().insecure_plain_http();
    assert!(set(&named)[0].starts_with("spa-access=a.b.c;"));
    for scoped in [
        plain().refresh_path_trusting_subdomains("/session"),
        with_path("/session").map(AuthCookies::insecure_plain_http),
    ] {
        let text = &set(&scoped.unwrap())[1];
        assert_eq!(
            text,
            "refresh=refresh; HttpOnly; SameSite=Strict; Path=/session; Max-Age=86400"
        );
    }
    assert!(plain().access_name("a").is_ok() && plain().refresh_name("r").is_ok());
    for bad in ["", "__Host-a", "__host-a", "__Secure-a", "a b"] {
        assert!(plain().access_name(bad).is_err(), "{bad}");
        assert!(plain().refresh_name(bad).is_err(), "{bad}");
    }
    assert!(plain().access_name("csrf").is_err());
    let head = Head(vec!["refresh=r; __Host-refresh=other".to_owned()]);
    assert_eq!(plain().refresh_token(&head).unwrap(), Some("r"));
}

#[test]
fn a_cookie_that_browsers_would_drop_is_an_error() {
    let most = 4096 - "__Host-access".len();
    let fits = "z".repeat(most);
    assert!(cookies().set((&fits, 900), ("refresh", 1), None).is_ok());
    let large = "z".repeat(most + 1);
    let error = cookies()
        .set((&large, 900), ("refresh", 1), None)
        .unwrap_err();
    assert_eq!(error.cookie(), "__Host-access");
    let text = format!("{error} {error:?}");
    assert!(text.contains("4097") && !text.contains("zz"), "{text}");
    // Every cookie is checked.
    let large = "z".repeat(4096);
    let error = cookies().set(("a", 900), (&large, 1), None).unwrap_err();
    assert_eq!(error.cookie(), "__Host-refresh");
    let error = cookies()
        .set(("a", 900), ("r", 1), Some(&large))
        .unwrap_err();
    assert_eq!(error.cookie(), "__Host-csrf");
}

#[test]
fn a_value_that_no_cookie_can_have_is_an_error() {
    for bad in [
        "a; Domain=evil.test",
        "a\r\nSet-Cookie: b=c",
        "a b",
        "a,b",
        "\"a\"",
        "a\\b",
        "\u{e4}",
        "a\0",
    ] {
        let error = cookies().set((bad, 900), ("refresh", 1), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the cookie __Host-access has a character that none can have"
        );
        assert!(!format!("{error:?}").contains(bad));
    }
    assert!(
        cookies()
            .set(("a-b_c.d=", 900), ("refresh", 1), None)
            .is_ok()
    );
}

#[test]
fn a_refresh_cookie_with_a_path_trades_the_prefix_for_it() {
    let scoped = with_path("/session").unwrap();
    assert_eq!(
        set(&scoped)[1],
        "__Secure-refresh=refresh; HttpOnly; SameSite=Strict; Secure; Path=/session; Max-Age=86400"
    );
    let named = AuthCookies::named("spa").unwrap();
    let named = named.refresh_path_trusting_subdomains("/spa").unwrap();
    assert!(set(&named)[1].starts_with("__Secure-spa-refresh=refresh; "));
    // It shows in a log of the settings.
    let shown = format!("{scoped:?}");
    assert!(
        shown.contains("refresh_path_trusting_subdomains: Some(\"/session\")"),
        "{shown}"
    );
    let shown = format!("{:?}", cookies());
    assert!(
        shown.contains("refresh_path_trusting_subdomains: None"),
        "{shown}"
    );
}

#[test]
fn the_refresh_path_is_one_that_a_cookie_can_have_and_not_the_default() {
    let longest = format!("/{}", "p".repeat(1023));
    for good in ["/session", "/session/", "/a/b%20c", "//", &longest] {
        assert!(with_path(good).is_ok(), "{good}");
    }
    let too_long = format!("{longest}p");
    for bad in [
        "/",
        "",
        "session",
        "https://app.test/session",
        "/session; Domain=evil.test",
        "/a,b",
        "/a b",
        " /session",
        "/session\r\n",
        "/session\t",
        "/sess\u{ef}on",
        "/session?a",
        "/session#a",
        &too_long,
    ] {
        let refused = with_path(bad).unwrap_err();
        assert!(
            matches!(refused, ConfigError::InvalidSetting(_)),
            "{bad}: {refused}"
        );
    }
}

#[test]
fn a_named_set_shares_no_cookie_with_another() {
    let names = |cookies: &AuthCookies| -> Vec<String> {
        let name = |text: String| text.split('=').next().unwrap().to_owned();
        set(cookies).into_iter().map(name).collect()
    };
    let spa = AuthCookies::named("spa").unwrap();
    assert_eq!(
        names(&spa),
        ["__Host-spa-access", "__Host-spa-refresh", "__Host-spa-csrf"]
    );
    for other in [cookies(), AuthCookies::named("shop").unwrap()] {
        assert!(names(&other).iter().all(|name| !names(&spa).contains(name)));
    }
    for bad in [
        "", "a b", "a=b", "a;b", "\u{e4}", "Http-x", "http-x", "a\r\n",
    ] {
        let refused = AuthCookies::named(bad).unwrap_err();
        assert!(matches!(refused, ConfigError::InvalidSetting(_)), "{bad}");
    }
}

#[test]
fn a_name_keeps_the_prefix_that_protects_it() {
    let invalid = |result: Result<AuthCookies, ConfigError>, name: &str| {
        let refused = result.unwrap_err();
        assert!(
            matches!(refused, ConfigError::InvalidSetting(_)),
            "{name}: {refused}"
        );
    };
    for good in ["__Host-a", "__Host-shop.access", "__Host-Http-access"] {
        assert!(cookies().access_name(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "access",
        "__Host-",
        "__host-access",
        "__Secure-access",
        " __Host-access",
        "__Host-a b",
        "__Host-a=b",
        "__Host-a;b",
        "__Host-\u{e4}",
        "__Host-a\r\n",
    ] {
        invalid(cookies().access_name(bad), bad);
        invalid(cookies().csrf_name(bad), bad);
    }
    // Browsers refuse a cookie of this prefix that scripts can read.
    for bad in ["__Host-Http-csrf", "__Host-http-csrf"] {
        invalid(cookies().csrf_name(bad), bad);
    }

    assert!(cookies().refresh_name("__Host-r").is_ok());
    for bad in ["refresh", "__Secure-r", "__Host-"] {
        invalid(cookies().refresh_name(bad), bad);
    }
    // `__Host-` requires the path `/`.
    let scoped = || with_path("/session").unwrap();
    assert!(scoped().refresh_name("__Secure-r").is_ok());
    for bad in ["refresh", "__Host-r", "__Secure-"] {
        invalid(scoped().refresh_name(bad), bad);
    }
}

/// A single `Sessions` knows the cookies of all routes over it.
#[test]
fn routes_over_the_same_sessions_share_no_cookie_that_they_use_differently() {
    let key = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://id.example", key)
        .audience("app")
        .build()
        .unwrap();
    let sessions = Sessions::builder(issuer, MemoryStore::new())
        .build()
        .unwrap();
    let routes = |cookies: AuthCookies| {
        SessionRoutes::cookies(sessions.clone(), cookies, async |_: SignIn<()>| {
            Ok::<Option<Identity<()>>, std::io::Error>(None)
        })
    };
    assert!(routes(cookies()).is_ok());
    for colliding in [
        cookies().access_token_in_body(),
        cookies().same_site_lax(),
        cookies().same_site_none_partitioned(),
        AuthCookies::named("spa")
            .unwrap()
            .csrf_name("__Host-csrf")
            .unwrap(),
    ] {
        let refused = routes(colliding).unwrap_err();
        assert!(matches!(refused, ConfigError::Conflict(_)), "{refused}");
        assert!(
            refused.to_string().contains("`AuthCookies::named`"),
            "{refused}"
        );
    }
    let plain = || AuthCookies::named("plain").unwrap().insecure_plain_http();
    let refused = routes(plain().same_site_none_partitioned()).unwrap_err();
    assert!(matches!(refused, ConfigError::Conflict(_)), "{refused}");
    assert!(routes(plain()).is_ok());
    let spa = || AuthCookies::named("spa").unwrap().access_token_in_body();
    assert!(routes(spa()).is_ok());
    // Once for each worker of a server.
    assert!(routes(spa()).is_ok() && routes(cookies()).is_ok());
}

#[test]
fn no_two_cookies_have_one_name() {
    for result in [
        cookies().access_name("__Host-csrf"),
        cookies().csrf_name("__Host-access"),
        cookies().refresh_name("__Host-access"),
    ] {
        assert!(matches!(result.unwrap_err(), ConfigError::Conflict(_)));
    }
}

#[test]
fn the_refresh_token_is_read_back() {
    let read = |headers: &[&str]| {
        let head = Head(headers.iter().map(|&value| value.to_owned()).collect());
        let found = cookies()
            .refresh_token(&head)
            .map(|token| token.map(str::to_owned));
        found.map_err(|error| error.kind())
    };
    assert_eq!(
        read(&["a=b; __Host-refresh=token; c=d"]),
        Ok(Some("token".into()))
    );
    assert_eq!(read(&[]), Ok(None));
    assert_eq!(read(&["__Host-refresh="]), Ok(None));
    assert_eq!(read(&["__host-refresh=token"]), Ok(None));
    // The default layout uses another cookie.
    assert_eq!(read(&["__Secure-refresh=token"]), Ok(None));
    // Two equal cookies are not ambiguous; of two different ones, one was planted.
    assert_eq!(
        read(&["__Host-refresh=token; __Host-refresh=token"]),
        Ok(Some("token".into()))
    );
    for planted in [
        &["__Host-refresh=token; __Host-refresh=other"][..],
        &["__Host-refresh=token", "__Host-refresh=other"],
    ] {
        assert_eq!(read(planted), Err(AuthErrorKind::MalformedToken));
    }
}

/// Checks that a header value passes through every server, and that browsers read it as intended.
fn check(text: &str, name: &str, value: &str, path: &str) -> Result<(), TestCaseError> {
    prop_assert!(
        text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "{}",
        text
    );
    let cookie = Cookie::parse(text).unwrap();
    prop_assert_eq!(cookie.name_value(), (name, value));
    prop_assert_eq!(cookie.secure(), Some(true));
    prop_assert_eq!(cookie.http_only(), (!name.contains("csrf")).then_some(true));
    prop_assert_eq!(cookie.same_site(), Some(SameSite::Strict));
    prop_assert_eq!(cookie.path(), Some(path));
    prop_assert_eq!(cookie.domain(), None);
    prop_assert!(cookie.max_age().is_some());
    // There are no unintended attributes.
    prop_assert!(text.matches(';').count() <= 6, "{}", text);
    Ok(())
}

proptest! {
    #[test]
    fn every_cookie_is_valid_header_text_with_all_its_attributes(
        path in prop_oneof![Just("/".to_owned()), "/.{0,20}", "/[!-~]{0,20}", ".{0,8}"],
        access in prop_oneof![".{0,40}", "[!-~]{0,40}", "[A-Za-z0-9._-]{1,60}"],
        refresh in prop_oneof![".{0,40}", "[A-Za-z0-9_-]{1,64}"],
        csrf in "[A-Za-z0-9_-]{64}",
        seconds in any::<u64>(),
    ) {
        let cookies = match path == "/" {
            true => Ok(cookies()),
            false => with_path(&path),
        };
        let Ok(cookies) = cookies else {
            prop_assume!(false);
            return Ok(());
        };
        let refresh_name = if path == "/" { "__Host-refresh" } else { "__Secure-refresh" };
        if let Ok(set) = cookies.set((&access, seconds), (&refresh, seconds), Some(&csrf)) {
            check(&set[0], "__Host-access", &access, "/")?;
            check(&set[1], refresh_name, &refresh, &path)?;
            check(&set[2], "__Host-csrf", &csrf, "/")?;
        }
        let cleared = cookies.clear();
        check(&cleared[0], "__Host-access", "", "/")?;
        check(&cleared[1], refresh_name, "", &path)?;
        check(&cleared[2], "__Host-csrf", "", "/")?;
    }

    #[test]
    fn any_token_in_base64url_can_be_set_and_read_back(token in "[A-Za-z0-9_.-]{1,200}") {
        let set = cookies().set(("a", 1), (&token, 1), None).unwrap();
        let sent = set[1].split(';').next().unwrap().to_owned();
        let head = Head(vec![sent]);
        prop_assert_eq!(cookies().refresh_token(&head).unwrap(), Some(&*token));
    }
}

#[test]
fn a_refresh_cookie_with_a_path_leads_to_the_session_routes() {
    let key = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://id.example", key);
    let issuer = issuer.audience("app").build().unwrap();
    let routes = |mount: Option<&str>, cookies: AuthCookies| {
        let sessions = Sessions::builder(issuer.clone(), MemoryStore::new());
        let sessions = sessions.build().unwrap();
        let sign_in = async |_: SignIn<()>| Ok::<Option<Identity<()>>, std::io::Error>(None);
        match mount {
            None => SessionRoutes::cookies(sessions, cookies, sign_in),
            Some(mount) => SessionRoutes::cookies_at(mount, sessions, cookies, sign_in),
        }
    };
    for (path, mount) in [
        ("/session", "/session"),
        ("/session", "/session/"),
        ("/session/", "/session"),
        ("/app", "/app/session"),
        ("/app/", "/app/session"),
    ] {
        assert!(
            routes(Some(mount), with_path(path).unwrap()).is_ok(),
            "{path} {mount}"
        );
    }
    for (path, mount) in [
        ("/session", "/auth"),
        ("/session", "/sessions"),
        ("/session", "/app/session"),
        ("/session/refresh", "/session"),
        ("/Session", "/session"),
        ("/session", ""),
    ] {
        let refused = routes(Some(mount), with_path(path).unwrap()).unwrap_err();
        assert!(matches!(refused, ConfigError::Conflict(_)), "{refused}");
        let text = refused.to_string();
        assert!(
            text.contains(&format!("{path:?}")) && text.contains(&format!("{mount:?}")),
            "{text}"
        );
    }
    let unsaid = routes(None, with_path("/session").unwrap()).unwrap_err();
    assert!(
        unsaid.to_string().contains("SessionRoutes::cookies_at"),
        "{unsaid}"
    );
    for mount in [None, Some("/session")] {
        assert!(routes(mount, cookies()).is_ok());
    }
}
