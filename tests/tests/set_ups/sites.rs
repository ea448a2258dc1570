//! The servers that the browser is shown.

use std::{process::Command, thread, time::Duration};

use actix_web::rt::System;
use axum::{
    Router,
    http::{HeaderValue, Method, header},
    response::Html,
    routing::{get, post},
};
use countersign::{AuthCookies, Authenticator, Csrf, SessionRoutes, Sessions, testing::FixedClock};
use countersign_tests::{
    nginx::Nginx,
    server::{Server, free_address},
};
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
pub(crate) fn start() -> (Value, Vec<Nginx>, [Server; 2]) {
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
    let forms = ["axum", "actix"].map(|framework| {
        Server::start(Command::new(env!("CARGO_BIN_EXE_forms")).args(["--framework", framework]))
    });
    let origins = json!({
        "oneOrigin": serve("shop.localhost", one_origin),
        "keepsSiteData": serve("keeps.localhost", plain(AuthCookies::new())),
        "siblings": [
            page_and_api("axum", "axum", guide::siblings::siblings),
            siblings_actix("actix"),
        ],
        "siblingsWithout": (1..=7).map(siblings_without).collect::<Vec<_>>(),
        "siblingsLayer": siblings_with_another_layer(),
        "anotherSite": page_and_api("page", "other", guide::siblings::siblings),
        "framed": framed(),
        "pathPrefix": origin(&path_prefix),
        "innerPath": origin(&inner_path),
        "streams": streams(),
        "forms": forms.each_ref().map(|server| {
            let port = server.address().port();
            json!({
                "page": format!("http://forms.localhost:{port}"),
                "stranger": serve("stranger.forms.localhost", page_app("")),
            })
        }),
        "stranger": serve("stranger.localhost", page_app("")),
    });
    let nginx = [path_prefix, inner_path].into_iter().flatten();
    (origins, nginx.map(|(_, nginx)| nginx).collect(), forms)
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

/// The hosts of a page and of its API, and a host of the page's site that the API does not name.
struct Hosts {
    api: Site,
    page: String,
    stranger: String,
}

impl Hosts {
    fn new(page: &str, api: &str) -> Self {
        let api = Site::listen(&format!("api.{api}.localhost"));
        let [page, stranger] = ["app", "stranger"]
            .map(|host| serve(&format!("{host}.{page}.localhost"), page_app(&api.origin)));
        Self {
            api,
            page,
            stranger,
        }
    }
}

/// Starts a page, and its API on a host that is a sibling or, with another name, of another site.
fn page_and_api(
    page: &str,
    api: &str,
    app: impl FnOnce(Sessions, &str) -> Result<Router, Error>,
) -> Value {
    let hosts = Hosts::new(page, api);
    hosts.api.serve(app(sessions(), &hosts.page).unwrap());
    json!({ "page": hosts.page, "stranger": hosts.stranger })
}

/// Starts siblings with actix-web.
fn siblings_actix(name: &str) -> Value {
    let hosts = Hosts::new(name, name);
    let origins = json!({ "page": hosts.page, "stranger": hosts.stranger });
    thread::spawn(move || {
        let server = async {
            let listener = hosts.api.into_listener();
            let server = guide::siblings_actix::siblings(listener, sessions(), hosts.page);
            server.unwrap().await
        };
        System::new().block_on(server).unwrap();
    });
    origins
}

/// Starts siblings without one of the settings, by its number in the guide.
fn siblings_without(number: usize) -> Value {
    let name = format!("without{number}");
    page_and_api(&name, &name, |sessions, page| {
        let csrf = match number {
            1 => Csrf::new(),
            _ => Csrf::new().allow_origin(page)?,
        };
        let routes = SessionRoutes::cookies(sessions, AuthCookies::new(), sign_in)?.csrf(csrf);
        let api = JwtAuthLayer::new(routes.authenticator());
        let mut cors = CorsLayer::new();
        if number != 2 {
            cors = cors.allow_origin(page.parse::<HeaderValue>()?);
        }
        if number != 3 {
            cors = cors.allow_credentials(true);
        }
        if number != 4 {
            cors = cors.allow_methods([Method::GET, Method::POST, Method::DELETE]);
        }
        if number != 5 {
            cors = cors.allow_headers([header::CONTENT_TYPE]);
        }
        if number != 6 {
            cors = cors.expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]);
        }
        Ok(with_cors(number != 7, cors, api, routes))
    })
}

/// Starts siblings with a layer that does not know what the session routes do.
fn siblings_with_another_layer() -> Value {
    page_and_api("layer", "layer", |sessions, page| {
        let cookies = AuthCookies::new();
        let api = Authenticator::new(sessions.verifier()).source(cookies.access_source());
        let csrf = Csrf::new().allow_origin(page)?;
        let routes = SessionRoutes::cookies(sessions, cookies, sign_in)?.csrf(csrf);
        let cors = CorsLayer::new()
            .allow_origin(page.parse::<HeaderValue>()?)
            .allow_credentials(true)
            .allow_headers([header::CONTENT_TYPE]);
        Ok(with_cors(true, cors, JwtAuthLayer::new(api), routes))
    })
}

fn with_cors(around: bool, cors: CorsLayer, api: JwtAuthLayer, routes: SessionRoutes) -> Router {
    let app = Router::new().route("/api/me", get(me).post(me).delete(me));
    let (app, routes) = (app.route_layer(api), session_routes(routes));
    match around {
        true => app.nest_service("/session", routes).layer(cors),
        false => app.layer(cors).nest_service("/session", routes),
    }
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
        "strict": strict,
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
