//! Servers on names of this machine, and what the guide leaves to the app.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{Arc, LazyLock, Mutex},
};

use axum::{Router, response::Html, routing::get, serve::ListenerExt};
use countersign::{
    Issuer, MemoryStore, Sessions, SigningKey,
    session::{Identity, SignIn},
    testing::FixedClock,
};
use countersign_tower::Token;
use tokio::runtime::Runtime;

/// Runs all servers, until the test ends.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

const GUIDE: &str = include_str!("../../../core/docs/guide/set_ups.md");

/// Returns the code blocks of the guide in this language.
pub(crate) fn blocks(language: &str) -> Vec<String> {
    let start = format!("\n```{language}\n");
    let blocks = GUIDE.split(&start).skip(1);
    blocks
        .filter_map(|rest| Some(rest.split_once("\n```\n")?.0.to_owned()))
        .collect()
}

/// A listener on a port of its own, under a name that browsers take for this machine (RFC 6761 section 6.3).
/// What stands before `localhost` is the site.
pub(crate) struct Site {
    listener: TcpListener,
    /// Scheme, host and port.
    pub(crate) origin: String,
    connections: Connections,
}

impl Site {
    pub(crate) fn listen(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        Self {
            listener,
            origin: format!("http://{host}:{port}"),
            connections: Connections::default(),
        }
    }

    /// Serves the app, and returns the origin.
    pub(crate) fn serve(self, app: Router) -> String {
        let _runtime = RUNTIME.enter();
        let listener = tokio::net::TcpListener::from_std(self.listener).unwrap();
        let listener = listener.tap_io(move |stream| {
            let stream = stream.as_fd().try_clone_to_owned().unwrap();
            self.connections.0.lock().unwrap().push(stream.into());
        });
        RUNTIME.spawn(axum::serve(listener, app).into_future());
        self.origin
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub(crate) fn connections(&self) -> Connections {
        self.connections.clone()
    }

    pub(crate) fn into_listener(self) -> TcpListener {
        self.listener
    }
}

/// The connections of a server.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<Vec<TcpStream>>>);

impl Connections {
    /// Closes all of them, as a restart does.
    pub(crate) fn close(&self) {
        for stream in self.0.lock().unwrap().drain(..) {
            // The client may have been first.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Serves an app under this name, and returns its origin.
pub(crate) fn serve(host: &str, app: Router) -> String {
    Site::listen(host).serve(app)
}

/// Makes an empty page with the script of the guide, whose API is at `api`.
pub(crate) fn page_of(api: &str) -> String {
    let script = blocks("js").join("\n");
    let example = "https://api.shop.example";
    assert_eq!(script.matches(example).count(), 1);
    let script = script.replace(example, api);
    format!(
        r#"<!doctype html><link rel="icon" href="data:,"><script>{script}</script><p id="who">"#
    )
}

/// Makes an app that is such a page.
pub(crate) fn page_app(api: &str) -> Router {
    Router::new().route("/", get(Html(page_of(api))))
}

/// Makes sessions with a store of their own.
pub(crate) fn sessions() -> Sessions {
    sessions_at(FixedClock::default())
}

pub(crate) fn sessions_at(clock: FixedClock) -> Sessions {
    let issuer = Issuer::builder(
        "https://shop.example",
        SigningKey::generate_es256().unwrap(),
    )
    .audience("shop")
    .clock(clock);
    let sessions = Sessions::builder(issuer.build().unwrap(), MemoryStore::new());
    sessions.build().unwrap()
}

#[derive(serde::Deserialize)]
pub(crate) struct Login {
    name: String,
    password: String,
}

#[derive(serde::Serialize)]
pub(crate) struct User {
    role: &'static str,
}

pub(crate) async fn sign_in(question: SignIn<Login>) -> Result<Option<Identity<User>>, io::Error> {
    let known = match question {
        SignIn::Credentials(login) => login.name == "ada" && login.password == "engine",
        SignIn::Refresh(session) => session.subject() == "ada",
    };
    Ok(known.then(|| Identity::new("ada", User { role: "admin" })))
}

pub(crate) async fn me(Token(token): Token) -> String {
    token.subject().unwrap_or_default().to_owned()
}

/// The page of an app that is also the API.
pub(crate) async fn page() -> Html<String> {
    Html(page_of(""))
}
