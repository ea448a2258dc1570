//! Native apps and mobile shells, by the requests that they send.

use axum::{Router, body::Body};
use countersign::{AuthCookies, Authenticator, Csrf, SessionRoutes};
use countersign_tests::{Entry, Request, sessions::MOUNT};
use http::{HeaderMap, Method, Response, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    bed::{sessions, sign_in},
    guide::native::native,
};

/// `Origin` of Capacitor and Ionic on iOS and on Android; React Native sends none.
const ORIGINS: [Option<&str>; 4] = [
    Some("capacitor://localhost"),
    Some("ionic://localhost"),
    Some("https://localhost"),
    None,
];

async fn answer(app: &Router, request: Request) -> (u16, HeaderMap, String) {
    let mut builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(&request.target)
        .header("host", "api.shop.example");
    for (name, value) in &request.headers {
        builder = builder.header(name, value.as_slice());
    }
    let request = builder.body(Body::from(request.body)).unwrap();
    let response: Response<Body> = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    (parts.status.as_u16(), parts.headers, body)
}

/// Adds what a shell adds to each request.
fn from(origin: Option<&str>, request: Request) -> Request {
    match origin {
        // A page in a web view says this of another site's server.
        Some(origin) => request
            .header("origin", origin)
            .header("sec-fetch-site", "cross-site"),
        None => request,
    }
}

fn post(path: &str, body: &Value) -> Request {
    let request = Request::post(&format!("{MOUNT}{path}"));
    request.json(body.to_string())
}

#[tokio::test]
async fn shells_log_in_call_refresh_and_log_out_with_tokens_of_their_own() {
    let app = native(sessions());
    for origin in ORIGINS {
        let credentials = json!({ "name": "ada", "password": "engine" });
        let (status, headers, body) =
            answer(&app, from(origin, post("/login", &credentials))).await;
        assert_eq!(status, 200, "{origin:?}: {body}");
        assert!(!headers.contains_key(header::SET_COOKIE));
        let readable = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        assert_eq!(readable.map(|value| value.to_str().unwrap()), origin);
        let pair: Value = serde_json::from_str(&body).unwrap();
        let text = |name: &str| pair[name].as_str().unwrap().to_owned();

        let call = Request::bearer(&text("access_token")).target("/api/me");
        let (status, _, body) = answer(&app, from(origin, call)).await;
        assert_eq!((status, body.as_str()), (200, "ada"), "{origin:?}");
        let refresh = json!({ "refresh_token": text("refresh_token") });
        for route in ["/refresh", "/logout"] {
            let (status, _, body) = answer(&app, from(origin, post(route, &refresh))).await;
            let expected = if route == "/refresh" { 200 } else { 204 };
            assert_eq!(status, expected, "{origin:?}, {route}: {body}");
        }
    }
}

#[tokio::test]
async fn a_web_view_may_ask_before_it_sends_and_other_pages_may_not() {
    let app = native(sessions());
    let others = [Some("https://shop.evil"), Some("http://localhost")];
    for origin in ORIGINS.into_iter().chain(others).flatten() {
        let mut preflight = Request::get().target("/session/login");
        preflight.method = Method::OPTIONS.to_string();
        let preflight = preflight
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            );
        let (status, headers, _) = answer(&app, preflight).await;
        assert_eq!(status, 200);
        let allowed = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        let is_shell = ORIGINS.contains(&Some(origin));
        assert_eq!(
            allowed.is_some_and(|own| own == origin),
            is_shell,
            "{origin}"
        );
        assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
}

#[test]
fn with_cookies_the_login_of_a_shell_that_is_allowed_is_told_that_they_are_dropped() {
    let credentials = json!({ "name": "ada", "password": "engine" });
    for entry in Entry::ALL {
        for origin in ORIGINS.into_iter().flatten() {
            let routes = SessionRoutes::cookies(sessions(), AuthCookies::new(), sign_in);
            let csrf = Csrf::new().allow_origin(origin).unwrap();
            let login = from(Some(origin), post("/login", &credentials));
            let refused = entry.call(&routes.unwrap().csrf(csrf), &login);
            assert_eq!(refused.status, 403, "{entry:?}, {origin}");
            let text = "browsers keep no cookies of this login for a page of another site";
            assert_eq!(refused.json()["error_description"], text, "{entry:?}");
        }
    }
}

#[test]
fn with_cookies_a_shell_is_told_what_is_missing() {
    let sessions = sessions();
    let routes = SessionRoutes::cookies(sessions.clone(), AuthCookies::new(), sign_in).unwrap();
    let cookies = AuthCookies::new().access_source();
    let api = Authenticator::new(sessions.verifier()).source(cookies);
    let login = |request: Request| request.header("host", "api.shop.example");
    let credentials = json!({ "name": "ada", "password": "engine" });
    for entry in Entry::ALL {
        // A login needs no session, so nothing but the origin tells it from one of the own page.
        let own = entry.call(&routes, &login(from(None, post("/login", &credentials))));
        assert_eq!(own.status, 200, "{entry:?}: {}", own.body);
        let pairs = own.cookies();
        let pairs: Vec<_> = pairs
            .iter()
            .filter_map(|cookie| cookie.split(';').next())
            .collect();
        let kept = pairs.join("; ");
        for origin in ORIGINS {
            let detail = match origin {
                Some(_) => "the request comes from another site",
                None => "the request has no Origin header",
            };
            let refresh = post("/refresh", &json!({})).header("cookie", kept.clone());
            let refused = entry.call(&routes, &login(from(origin, refresh)));
            assert_eq!(refused.status, 403, "{entry:?}, {origin:?}");
            assert_eq!(refused.json()["detail"], detail, "{entry:?}");
            let call = Request::post("/api/me").header("cookie", kept.clone());
            let refused = entry.send(&api, &login(from(origin, call)));
            assert_eq!(refused.status, 403, "{entry:?}, {origin:?}");
            assert!(refused.body.contains(detail), "{entry:?}: {}", refused.body);
        }
    }
}
