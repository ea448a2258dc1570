//! The parts that both frameworks share: settings, users, and the text of the pages.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use countersign::{
    AuthCookies, AuthError, ConfigError, Csrf, Issuer, MemoryStore, SessionRoutes, Sessions,
    SigningKey,
    adapter::RequestHead,
    session::{FormPages, Identity, SignIn},
};
use serde::{Deserialize, Serialize};

/// The command line.
pub(crate) struct Options {
    pub(crate) listen: SocketAddr,
    pub(crate) is_actix: bool,
    ttl: Duration,
    is_lax: bool,
    allowed: Option<String>,
}

impl Options {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            listen: ([127, 0, 0, 1], 0).into(),
            is_actix: false,
            ttl: Duration::from_secs(60),
            is_lax: false,
            allowed: None,
        };
        while let Some(name) = words.next() {
            if name == "--lax" {
                options.is_lax = true;
                continue;
            }
            let value = words.next().ok_or(format!("{name} needs a value"))?;
            let bad = || format!("{name} {value}: what is that?");
            match (&*name, &*value) {
                ("--framework", "actix") => options.is_actix = true,
                ("--framework", "axum") => options.is_actix = false,
                ("--listen", _) => options.listen = value.parse().map_err(|_| bad())?,
                ("--ttl", _) => {
                    options.ttl = Duration::from_secs(value.parse().map_err(|_| bad())?);
                }
                ("--allow-origin", _) => options.allowed = Some(value),
                _ => return Err(bad()),
            }
        }
        Ok(options)
    }
}

/// The fields of the login page.
#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

/// The claims.
#[derive(Deserialize, Serialize)]
pub(crate) struct User {
    pub(crate) name: String,
}

/// The fields of the order form.
#[derive(Deserialize)]
pub(crate) struct Order {
    #[serde(default)]
    pub(crate) csrf_token: String,
    pub(crate) item: String,
}

/// The app, before a framework serves it.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) routes: SessionRoutes,
}

impl App {
    pub(crate) fn new(options: &Options) -> Result<Self, ConfigError> {
        let issuer = Issuer::builder("https://forms.example", SigningKey::generate_es256()?)
            .audience("forms")
            .ttl(options.ttl)
            .max_ttl(options.ttl)
            .leeway(Duration::ZERO)
            .build()?;
        let sessions = Sessions::builder(issuer, MemoryStore::new()).build()?;
        let pages = FormPages::new("/session", "/login")?.home("/orders")?;
        let mut csrf = Csrf::new().random_secret()?.require_token()?;
        if let Some(origin) = &options.allowed {
            csrf = csrf.allow_origin(origin)?;
        }
        let cookies = match options.is_lax {
            true => AuthCookies::new().same_site_lax(),
            false => AuthCookies::new(),
        };
        let routes = SessionRoutes::forms(pages, sessions, cookies, csrf, sign_in)?;
        Ok(Self { routes })
    }

    /// Returns the login page, which says what was wrong, and its `Set-Cookie`.
    pub(crate) fn login_page(
        &self,
        head: &dyn RequestHead,
    ) -> Result<(String, Option<String>), AuthError> {
        let token = self.routes.form_token(head)?;
        let query = head.query().unwrap_or_default();
        let field = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let value = pairs.find(|(own, _)| *own == name).map(|(_, value)| value);
            escaped(value.unwrap_or_default())
        };
        let (error, return_to) = (field("error"), field("return_to"));
        let body = format!(
            r#"<p id="error">{error}</p>
<form id="login" method="post" action="/session/login?return_to={return_to}">
<input type="hidden" name="csrf_token" value="{}">
<input name="name"><input name="password" type="password"><button>Log in</button>
</form>"#,
            token.value()
        );
        Ok((page("Login", &body), token.set_cookie().map(str::to_owned)))
    }

    /// Returns a page for a user: who it is, a form for an order, and one that logs out.
    pub(crate) fn orders_page(
        &self,
        head: &dyn RequestHead,
        user: &User,
        said: &str,
    ) -> Result<String, AuthError> {
        let token = self.routes.form_token(head)?;
        let (name, said, token) = (escaped(&user.name), escaped(said), token.value());
        let body = format!(
            r#"<p id="user">{name}</p><p id="said">{said}</p>
<form id="order" method="post" action="/orders">
<input type="hidden" name="csrf_token" value="{token}"><input name="item"><button>Order</button>
</form>
<form id="logout" method="post" action="/session/logout">
<input type="hidden" name="csrf_token" value="{token}"><button>Log out</button>
</form>
<form id="logout-all" method="post" action="/session/logout-all">
<input type="hidden" name="csrf_token" value="{token}"><button>Log out everywhere</button>
</form>
<a id="again" href="/orders?page=2">Orders</a>"#
        );
        Ok(page("Orders", &body))
    }
}

/// A page that installs a service worker which sends every request on as its own.
pub(crate) const WORKER_PAGE: &str = r#"<!doctype html><title>Worker</title><p id="state">no</p>
<script>
navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready).then(() => {
  document.getElementById("state").textContent = "ready";
});
</script>"#;
/// The service worker.
pub(crate) const WORKER: &str = r#"addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { url, method, headers } = event.request;
  const anew = async () => {
    const body = method === "GET" ? undefined : await event.request.blob();
    return fetch(url, { method, headers, body, redirect: "manual" });
  };
  event.respondWith(anew());
});
"#;

async fn sign_in(question: SignIn<Login>) -> Result<Option<Identity<User>>, Infallible> {
    let name = match question {
        SignIn::Credentials(login) if login.password == "engine" => login.name,
        SignIn::Credentials(_) => return Ok(None),
        SignIn::Refresh(session) => session.subject().to_owned(),
    };
    let is_known = ["ada", "bob"].contains(&&*name);
    Ok(is_known.then(|| Identity::new(name.clone(), User { name })))
}

fn page(title: &str, body: &str) -> String {
    format!("<!doctype html>\n<title>{title}</title>\n{body}\n")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}
