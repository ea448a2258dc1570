//! Requests to the session routes. Input: requests as text, separated by lines `---`. `@access`,
//! `@refresh`, `@csrf` and `@id` stand for the values from a login.

#![no_main]

use std::convert::Infallible;

use countersign::{
    AuthCookies, Csrf, Issuer, MemoryStore, SessionRoutes, Sessions, SigningKey,
    adapter::{Reply, RequestHead},
    session::{Identity, SignIn},
    testing::FixedClock,
};
use countersign_fuzz::{
    head::Request,
    json::{self, Json},
    tokens::NOW,
};
use futures_executor::block_on;
use libfuzzer_sys::{Corpus, fuzz_target};

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
    #[serde(default)]
    _remember: Option<bool>,
}

thread_local! {
    static ISSUER: Issuer = {
        // All share one key, and every session has a store of its own.
        let key = SigningKey::generate_ed25519().unwrap();
        let builder = Issuer::builder("https://i.test", key).audience("a");
        builder.clock(FixedClock::at(NOW)).build().unwrap()
    };
}

// The first byte selects the mode: JSON or cookies.
fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((mode, text)) = data.split_first() else {
        return Corpus::Reject;
    };
    if text.len() > SessionRoutes::MAX_BODY_BYTES {
        return Corpus::Reject;
    }
    let in_cookies = mode % 2 == 1;
    let routes = routes(in_cookies);
    let mut known = log_in(&routes, in_cookies);
    for part in parts(text).take(4) {
        let request = Request::parse(&known.filled_in(part));
        let reply = block_on(routes.answer(request.path(), &request, &request.body));
        check(&request, &reply, in_cookies);
        if reply.status() == 200 && request.path() == "/refresh" {
            known.learn(&reply);
        }
    }
    Corpus::Keep
});

fn routes(in_cookies: bool) -> SessionRoutes {
    let issuer = ISSUER.with(Issuer::clone);
    let sessions = Sessions::builder(issuer, MemoryStore::limited(100))
        .build()
        .unwrap();
    match in_cookies {
        true => {
            let csrf = Csrf::new()
                .secret("a fixed secret of the fuzz targets")
                .unwrap();
            SessionRoutes::cookies(sessions, AuthCookies::new(), sign_in)
                .unwrap()
                .csrf(csrf)
        }
        false => SessionRoutes::json(sessions, sign_in),
    }
}

async fn sign_in(question: SignIn<Login>) -> Result<Option<Identity<Claims>>, Infallible> {
    let name = match question {
        SignIn::Credentials(login) if login.password == "engine" => login.name,
        SignIn::Credentials(_) => return Ok(None),
        SignIn::Refresh(session) => session.subject().to_owned(),
    };
    let claims = Claims { role: "admin" };
    Ok(["ada", "bob"]
        .contains(&&*name)
        .then(|| Identity::new(name, claims)))
}

#[derive(serde::Serialize)]
struct Claims {
    role: &'static str,
}

/// The values that a client knows.
#[derive(Default)]
struct Known {
    access: String,
    refresh: String,
    csrf: String,
    id: String,
}

fn log_in(routes: &SessionRoutes, in_cookies: bool) -> Known {
    let request = Request::parse(
        b"POST /login\ncontent-type: application/json\n\n{\"name\":\"ada\",\"password\":\"engine\"}",
    );
    let reply = block_on(routes.answer(request.path(), &request, &request.body));
    assert_eq!(reply.status(), 200, "a good login");
    check(&request, &reply, in_cookies);
    let mut known = Known::default();
    known.learn(&reply);
    known
}

impl Known {
    fn learn(&mut self, reply: &Reply) {
        let body = json::parse(reply.body()).expect("JSON");
        let member = |name| body.get(name).and_then(Json::text).map(str::to_owned);
        let cookie = |name: &str| {
            let mut all = reply.headers().filter(|(own, _)| *own == "set-cookie");
            let value = all.find_map(|(_, text)| text.strip_prefix(name)?.strip_prefix('='))?;
            value.split(';').next().map(str::to_owned)
        };
        self.access = member("access_token")
            .or(cookie("__Host-access"))
            .unwrap_or_default();
        self.refresh = member("refresh_token")
            .or(cookie("__Host-refresh"))
            .unwrap_or_default();
        self.csrf = cookie("__Host-csrf").unwrap_or_default();
        let payload = self
            .access
            .split('.')
            .nth(1)
            .and_then(|text| json::base64url(text.as_bytes()));
        let payload = payload.and_then(|bytes| String::from_utf8(bytes).ok());
        let payload = payload.and_then(|text| json::parse(&text));
        let id = payload.as_ref().and_then(|json| json.get("sid")?.text());
        self.id = id.unwrap_or_default().to_owned();
    }

    fn filled_in(&self, part: &[u8]) -> Vec<u8> {
        let all = [
            (&b"@access"[..], &self.access),
            (b"@refresh", &self.refresh),
            (b"@csrf", &self.csrf),
            (b"@id", &self.id),
        ];
        let mut filled = Vec::new();
        let mut rest = part;
        'bytes: while let [first, after @ ..] = rest {
            for (name, value) in &all {
                if let Some(after) = rest.strip_prefix(*name) {
                    filled.extend_from_slice(value.as_bytes());
                    rest = after;
                    continue 'bytes;
                }
            }
            filled.push(*first);
            rest = after;
        }
        filled
    }
}

fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    const BETWEEN: &[u8] = b"\n---\n";
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text
            .windows(BETWEEN.len())
            .position(|window| window == BETWEEN);
        rest = end.map(|end| &text[end + BETWEEN.len()..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

/// Checks that an answer is one of the documented ones, whatever was sent, and that it is not
/// cacheable.
fn check(request: &Request, reply: &Reply, in_cookies: bool) {
    let status = reply.status();
    let path = request.path();
    let is_known = matches!(status, 200 | 204 | 400 | 401 | 403 | 404 | 405 | 415);
    assert!(is_known, "{status} {}", reply.body());
    let values = |name: &str| -> Vec<_> {
        let own = reply.headers().filter(|(own, _)| *own == name);
        own.map(|(_, text)| text.to_owned()).collect()
    };
    for (name, text) in reply.headers() {
        http::HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        http::HeaderValue::from_str(text).expect("a header value");
    }
    let is_jwks = path == "/.well-known/jwks.json" && status == 200;
    let cache = if is_jwks {
        "public, max-age=300"
    } else {
        "no-store"
    };
    assert_eq!(values("cache-control"), [cache]);
    assert_eq!(
        values("www-authenticate").len(),
        usize::from(status == 401) + challenged(reply)
    );
    assert_eq!(values("allow").len(), usize::from(status == 405));

    if status == 204 {
        assert_eq!(reply.body(), "");
    } else {
        let body = json::parse(reply.body()).expect("JSON without duplicates");
        assert_eq!(
            status == 200,
            body.get("error").is_none() && body.get("detail").is_none()
        );
        assert_eq!(values("content-type").len(), 1);
        let names = ["access_token", "refresh_token"].map(|name| body.get(name).is_some());
        let gives = status == 200 && matches!(path, "/login" | "/refresh");
        assert_eq!(names, [gives && !in_cookies; 2], "tokens");
    }
    for cookie in values("set-cookie") {
        assert!(in_cookies, "a cookie in JSON mode");
        assert!(
            cookie.contains("; Secure") && cookie.contains("; SameSite=Strict"),
            "{cookie}"
        );
        assert_eq!(
            cookie.contains("; HttpOnly"),
            !cookie.starts_with("__Host-csrf="),
            "{cookie}"
        );
    }
}

/// Returns 1 if a 400 or 403 has a challenge: it tells what is wrong, although no authentication is
/// needed.
fn challenged(reply: &Reply) -> usize {
    let mut headers = reply.headers();
    let has_one = headers.any(|(name, _)| name == "www-authenticate");
    usize::from(has_one && matches!(reply.status(), 400 | 403))
}
