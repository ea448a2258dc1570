//! The servers that the browser is shown.

use std::{thread, time::Duration};

use actix_web::rt::System;
use axum::{
    Router,
    http::{HeaderValue, Method, header},
    response::Html,
    routing::{get, post},
};
use countersign::{AuthCookies, Authenticator, Csrf, SessionRoutes, Sessions, testing::FixedClock};
use countersign_tests::{nginx::Nginx, server::free_address};
use countersign_tower::{JwtAuthLayer, session_routes};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tower_http::cors::CorsLayer;

use crate::{
    Error,
    bed::{Site, blocks, me, page_app, page_of, serve, sessions, sessions_at, sign_in},
    guide,
};

/// Starts all of them. The origins are what `tests/browser/set-ups.mjs` takes.
pub(crate) fn start() -> (Value, Vec<Nginx>) {
    let one_origin = guide::one_origin::one_origin(sessions()).unwrap();
    let worker = [(header::CONTENT_TYPE, "text/javascript")];
    let one_origin = one_origin
        .merge(page_app(""))
        .route("/worker.js", get(async move || (worker, WORKER)));
    let path_prefix = guide::path_prefix::path_prefix(sessions()).unwrap();
    let (path_prefix, inner_path) = (
        behind_nginx("prefix.localhost", path_prefix),
        behind_nginx("inner.localhost", inner_path()),
    );
    let origin =
        |started: &Option<(String, Nginx)>| started.as_ref().map(|(origin, _)| origin.clone());
    let origins = json!({
        "oneOrigin": serve("shop.localhost", one_origin),
        "keepsSiteData": serve("keeps.localhost", plain(AuthCookies::new())),
        "siblings": [siblings("axum", guide::siblings::siblings), siblings_actix("actix")],
        "siblingsWithout": (1..=8).map(siblings_without).collect::<Vec<_>>(),
        "framed": framed(),
        "pathPrefix": origin(&path_prefix),
        "innerPath": origin(&inner_path),
        "streams": streams(),
        "stranger": serve("stranger.localhost", page_app("")),
    });
    let nginx = [path_prefix, inner_path].into_iter().flatten();
    (origins, nginx.map(|(_, nginx)| nginx).collect())
}

/// A service worker that sends each request anew.
const WORKER: &str = r#"
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
    const { url, method, headers } = event.request;
    const anew = async () => {
        const body = method === "GET" ? undefined : await event.request.blob();
        return fetch(url, { method, headers, body, redirect: "manual" });
    };
    event.respondWith(anew());
});
"#;

/// Makes an app of one origin with these cookies.
fn plain(cookies: AuthCookies) -> Router {
    let routes = SessionRoutes::cookies(sessions(), cookies, sign_in).unwrap();
    let app = Router::new().nest_service("/session", session_routes(routes));
    app.merge(page_app(""))
}

/// Starts a page, its API on a sibling subdomain, and a page on a third one, which the API does not name.
fn siblings(name: &str, app: impl FnOnce(Sessions, &str) -> Result<Router, Error>) -> Value {
    let api = Site::listen(&format!("api.{name}.localhost"));
    let [page, stranger] = ["app", "stranger"]
        .map(|host| serve(&format!("{host}.{name}.localhost"), page_app(&api.origin)));
    api.serve(app(sessions(), &page).unwrap());
    json!({ "page": page, "stranger": stranger })
}

fn siblings_actix(name: &str) -> Value {
    let api = Site::listen(&format!("api.{name}.localhost"));
    let [page, stranger] = ["app", "stranger"]
        .map(|host| serve(&format!("{host}.{name}.localhost"), page_app(&api.origin)));
    let (listener, own) = (api.into_listener(), page.clone());
    thread::spawn(move || {
        let server = async {
            let server = guide::siblings_actix::siblings(listener, sessions(), own);
            server.unwrap().await
        };
        System::new().block_on(server).unwrap();
    });
    json!({ "page": page, "stranger": stranger })
}

/// Starts it without one of the settings, by its number in the guide.
fn siblings_without(number: usize) -> Value {
    siblings(&format!("without{number}"), |sessions, page| {
        let allowed = Csrf::new().allow_origin(page)?;
        let csrf = |own| match number == own {
            true => Csrf::new(),
            false => allowed.clone(),
        };
        let cookies = AuthCookies::new();
        let api = Authenticator::new(sessions.verifier())
            .source(cookies.access_source())
            .csrf(csrf(1));
        let routes = SessionRoutes::cookies(sessions, cookies, sign_in)?.csrf(csrf(2));
        let mut cors = CorsLayer::new();
        if number != 3 {
            cors = cors.allow_origin(page.parse::<HeaderValue>()?);
        }
        if number != 4 {
            cors = cors.allow_credentials(true);
        }
        if number != 5 {
            cors = cors.allow_methods([Method::GET, Method::POST, Method::DELETE]);
        }
        if number != 6 {
            cors = cors.allow_headers([header::CONTENT_TYPE]);
        }
        if number != 7 {
            cors = cors.expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]);
        }
        let routes = session_routes(routes);
        let app = Router::new()
            .route("/api/me", get(me).post(me))
            .route_layer(JwtAuthLayer::new(api));
        Ok(match number {
            8 => app.layer(cors).nest_service("/session", routes),
            _ => app.nest_service("/session", routes).layer(cors),
        })
    })
}

/// Starts an app in a frame, the page of a partner around it, and that of a stranger. Also a frame with an app that has
/// the default cookies.
fn framed() -> Value {
    let app = Site::listen("widget.localhost");
    let around = |app: &str| {
        let frame = format!(r#"<iframe src="{app}/"></iframe>"#);
        Router::new().route("/", get(Html(format!("{}{frame}", page_of(app)))))
    };
    let partner = serve("partner.localhost", around(&app.origin));
    let stranger = serve("stranger.localhost", around(&app.origin));
    let strict = serve("strict.localhost", plain(AuthCookies::new()));
    let around_strict = serve("partner.localhost", around(&strict));
    let framed = guide::framed::framed(sessions(), &partner).unwrap();
    json!({
        "app": app.serve(framed),
        "partner": partner,
        "stranger": stranger,
        "aroundStrict": around_strict,
    })
}

/// Makes the app of `path_prefix`, with the path that it sees in the place of that of browsers.
fn inner_path() -> Router {
    let cookies = AuthCookies::named("shop").unwrap();
    let cookies = cookies
        .refresh_path_trusting_subdomains("/session")
        .unwrap();
    let routes = SessionRoutes::cookies_at("/session", sessions(), cookies, sign_in).unwrap();
    Router::new().nest_service("/session", session_routes(routes))
}

/// Starts an app behind nginx, at `/shop`.
fn behind_nginx(host: &str, app: Router) -> Option<(String, Nginx)> {
    let site = Site::listen(host);
    let (own, address) = (site.address().to_string(), free_address());
    let [locations] = <[String; 1]>::try_from(blocks("nginx")).unwrap();
    assert_eq!(locations.matches("127.0.0.1:3000").count(), 1);
    let locations = locations.replace("127.0.0.1:3000", &own);
    let configuration = format!(
        "pid nginx.pid;\nerror_log stderr warn;\nevents {{}}\n\
         http {{\naccess_log off;\nserver {{\nlisten {address};\n{locations}\n}}\n}}\n"
    );
    site.serve(app.merge(page_app("/shop")));
    let nginx = Nginx::start(&configuration, address, "the set-up with a path prefix")?;
    Some((format!("http://{host}:{}", address.port()), nginx))
}

/// Starts the streams, a page of a sibling subdomain, and a server that does to them what it is told.
fn streams() -> Value {
    let clock = FixedClock::default();
    let (news, _) = broadcast::channel(16);
    let app = guide::streams::streams(sessions_at(clock.clone()), news.clone()).unwrap();
    let site = Site::listen("streams.localhost");
    let connections = site.connections();
    let controls = Router::new()
        .route(
            "/send",
            post(async move || drop(news.send("news".to_owned()))),
        )
        .route("/close", post(async move || connections.close()))
        .route(
            "/expire",
            post(async move || clock.advance(Duration::from_secs(931))),
        );
    json!({
        "page": site.serve(app.merge(page_app(""))),
        "sibling": serve("evil.streams.localhost", page_app("")),
        "controls": serve("127.0.0.1", controls),
    })
}
