//! The test bed: accounts, sessions, and a call through every entry.

use std::{
    io,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use countersign::{
    AuthCookies, Csrf, Issuer, MemoryStore, SessionRoutes, Sessions, SigningKey,
    session::{FormPages, Identity, SignIn},
    testing::FixedClock,
};
use countersign_tests::{
    Entry, Request,
    sessions::{Exchange, MOUNT},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::{Dispatch, Level};

/// An app whose clock stands still. Its users can go away, and so can the user table.
pub(crate) struct Bed {
    pub(crate) clock: FixedClock,
    pub(crate) sessions: Sessions,
    pub(crate) users: Arc<Users>,
}

#[derive(Default)]
pub(crate) struct Users {
    /// True if the user table is away.
    pub(crate) down: AtomicBool,
    /// True if Ada has left.
    pub(crate) gone: AtomicBool,
    /// True if Ada's claims are larger than a cookie.
    pub(crate) large: AtomicBool,
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

#[derive(Serialize)]
struct User {
    role: String,
}

/// A subscriber that is always there. Without one, a call site that first logs while no test
/// listens can be disabled permanently.
static LISTENER: LazyLock<Dispatch> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_writer(io::sink)
        .finish();
    Dispatch::new(subscriber)
});

impl Bed {
    pub(crate) fn new() -> Self {
        LazyLock::force(&LISTENER);
        let clock = FixedClock::default();
        let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap())
            .audience("app")
            .clock(clock.clone())
            .build()
            .unwrap();
        let sessions = Sessions::builder(issuer, MemoryStore::new())
            .build()
            .unwrap();
        Self {
            clock,
            sessions,
            users: Arc::default(),
        }
    }

    pub(crate) fn json(&self) -> SessionRoutes {
        let users = Arc::clone(&self.users);
        SessionRoutes::json(self.sessions.clone(), move |question| {
            sign_in(Arc::clone(&users), question)
        })
    }

    pub(crate) fn cookies(&self) -> SessionRoutes {
        self.cookies_like(AuthCookies::new()).csrf(csrf())
    }

    /// Returns routes with these cookies, and without a secret for double-submit values.
    pub(crate) fn cookies_like(&self, cookies: AuthCookies) -> SessionRoutes {
        let users = Arc::clone(&self.users);
        SessionRoutes::cookies_at(MOUNT, self.sessions.clone(), cookies, move |question| {
            sign_in(Arc::clone(&users), question)
        })
        .unwrap()
    }

    /// Returns routes for forms, at [`MOUNT`] and with the login page `/login?lang=de`.
    pub(crate) fn forms(&self) -> SessionRoutes {
        self.forms_like(AuthCookies::new())
    }

    pub(crate) fn forms_like(&self, cookies: AuthCookies) -> SessionRoutes {
        let users = Arc::clone(&self.users);
        let pages = FormPages::new(MOUNT, "/login?lang=de").unwrap();
        SessionRoutes::forms(
            pages.home("/home").unwrap(),
            self.sessions.clone(),
            cookies,
            csrf().require_token().unwrap(),
            move |question| sign_in(Arc::clone(&users), question),
        )
        .unwrap()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

async fn sign_in(
    users: Arc<Users>,
    question: SignIn<Login>,
) -> Result<Option<Identity<User>>, io::Error> {
    if users.down.load(Ordering::SeqCst) {
        return Err(io::Error::other("the user table is away"));
    }
    let name = match question {
        SignIn::Credentials(login) if login.password == "engine" => login.name,
        SignIn::Credentials(_) => return Ok(None),
        SignIn::Refresh(session) => session.subject().to_owned(),
    };
    let known = ["ada", "bob"].contains(&&*name) && !users.gone.load(Ordering::SeqCst);
    let size = if users.large.load(Ordering::SeqCst) {
        4_000
    } else {
        5
    };
    let role = "admin".repeat(size / 5);
    Ok(known.then(|| Identity::new(name, User { role })))
}

/// Returns the protection against cross-site requests, with a secret.
pub(crate) fn csrf() -> Csrf {
    Csrf::new()
        .secret("a secret of the tests, 32 bytes or more")
        .unwrap()
}

/// Returns a body that logs in.
pub(crate) fn credentials(name: &str) -> String {
    json!({ "name": name, "password": "engine" }).to_string()
}

/// Returns a request to an endpoint.
pub(crate) fn post(endpoint: &str) -> Request {
    Request::post(&format!("{MOUNT}{endpoint}"))
}

/// Returns a POST without a body, as a script of a page sends it.
pub(crate) fn act(endpoint: &str) -> Request {
    post(endpoint).json("")
}

pub(crate) fn get(endpoint: &str) -> Request {
    Request::get().target(&format!("{MOUNT}{endpoint}"))
}

/// Sends a request that changes nothing through every entry, and checks that the answers are equal.
#[track_caller]
pub(crate) fn same(routes: &SessionRoutes, request: &Request) -> Exchange {
    let [core, tower, actix] = Entry::ALL.map(|entry| entry.call(routes, request));
    assert_eq!(core, tower, "core and tower");
    assert_eq!(core, actix, "core and actix-web");
    core
}

/// Runs a test through every entry, each with a bed of its own.
pub(crate) fn each(test: impl Fn(&Bed, Entry)) {
    for entry in Entry::ALL {
        test(&Bed::new(), entry);
    }
}
