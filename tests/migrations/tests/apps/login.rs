//! A login by `openidconnect` at the real provider, and the token that the API takes.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write, stderr},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use axum::{Router, routing::get};
use countersign_migrations::{deployments, new, old};
use countersign_tower::JwtAuthLayer;
use openidconnect::{
    reqwest::{
        Client,
        header::{COOKIE, LOCATION, SET_COOKIE},
        redirect::Policy,
    },
    url::Url,
};

use crate::wire::{self, Answer, claims};

/// Registered at the provider. Nobody listens there.
const REDIRECT: &str = "http://127.0.0.1:9/callback";

const MOST_REDIRECTS: usize = 10;

/// npm `oidc-provider`, in a process of its own: see `tests/oidc`.
struct Provider {
    process: Child,
    /// Open, because it writes to it now and then.
    _stdout: BufReader<ChildStdout>,
    issuer: String,
    control: String,
}

impl Provider {
    /// Starts it, if it is installed.
    fn start(what: &str) -> Option<Self> {
        let Some(folder) = env::var_os("COUNTERSIGN_OIDC").map(PathBuf::from) else {
            let _ = writeln!(stderr(), "left out: {what}: COUNTERSIGN_OIDC is not set");
            return None;
        };
        let node = env::var_os("COUNTERSIGN_NODE").unwrap_or_else(|| "node".into());
        let mut process = Command::new(node)
            .arg(folder.join("provider.mjs"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut after = |start: &str| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line.trim().strip_prefix(start).unwrap().to_owned()
        };
        let issuer = after("listening on ");
        let control = after("controlled on ");
        Some(Self {
            process,
            _stdout: stdout,
            issuer,
            control,
        })
    }

    async fn order(&self, command: &str) {
        let url = format!("{}/{command}", self.control);
        let answer = Client::new().post(url).send().await.unwrap();
        assert!(answer.status().is_success(), "{command}");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Goes to the provider as a browser does, until that sends back to the app. Returns the code and the state.
async fn browse(mut url: Url) -> (String, String) {
    let browser = Client::builder().redirect(Policy::none()).build().unwrap();
    let mut cookies = BTreeMap::new();
    for _ in 0..MOST_REDIRECTS {
        if url.as_str().starts_with(REDIRECT) {
            break;
        }
        let all: Vec<_> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = browser.get(url.clone()).header(COOKIE, all.join("; "));
        let answer = request.send().await.unwrap();
        assert!(
            answer.status().is_redirection(),
            "{url}: {}",
            answer.status()
        );
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        let location = answer.headers()[LOCATION].to_str().unwrap();
        url = url.join(location).unwrap();
    }
    let value = |name: &str| {
        let mut pairs = url.query_pairs();
        let pair = pairs.find(|(own, _)| own == name);
        pair.unwrap_or_else(|| panic!("{url}")).1.into_owned()
    };
    (value("code"), value("state"))
}

async fn old_login(client: &old::openidconnect::Client) -> String {
    let (url, pending) = client.start();
    let (code, state) = browse(url).await;
    assert_eq!(&state, pending.state.secret());
    client.finish(pending, &code).await.unwrap()
}

async fn new_login(client: &new::openidconnect::Client) -> String {
    let (url, pending) = client.start();
    let (code, state) = browse(url).await;
    assert_eq!(&state, pending.state.secret());
    client.finish(pending, &code).await.unwrap()
}

#[tokio::test]
async fn the_api_takes_access_tokens_where_it_took_id_tokens() {
    let Some(provider) = Provider::start("a login by openidconnect") else {
        return;
    };
    let issuer = &provider.issuer;
    let before = old::openidconnect::Client::discover(issuer, REDIRECT);
    let before = before.await.unwrap();
    let after = new::openidconnect::Client::discover(issuer, REDIRECT);
    let after = after.await.unwrap();
    let old_api = old::openidconnect::api(before.clone());
    let both = deployments::id_or_access_tokens(issuer, "web").await;
    let both_api = Router::new()
        .route("/me", get(new::openidconnect::me))
        .route_layer(JwtAuthLayer::new(both.unwrap()));
    let new_api = new::openidconnect::api(issuer).await.unwrap();

    let id_token = old_login(&before).await;
    let access_token = new_login(&after).await;
    assert_eq!(claims(&id_token)["aud"], "web");
    assert_eq!(claims(&access_token)["aud"], new::openidconnect::API);

    let ada = Answer::ok("ada");
    let ask = |api: &Router, token: &str| {
        let (api, token) = (api.clone(), token.to_owned());
        async move { wire::get(api, "/me", Some(&token)).await }
    };
    // The first deployment accepts what is there, the second what comes.
    assert_eq!(ask(&old_api, &id_token).await, ada);
    assert_eq!(ask(&both_api, &id_token).await, ada);
    assert_eq!(ask(&both_api, &access_token).await, ada);
    assert_eq!(ask(&new_api, &access_token).await, ada);
    assert_eq!(ask(&new_api, &id_token).await.status, 401);
    assert_eq!(ask(&old_api, &access_token).await.status, 401);

    // `openidconnect` keeps the keys of its discovery; the new API fetches others when they come.
    for command in ["publish", "sign", "remove"] {
        provider.order(command).await;
    }
    let before = old::openidconnect::Client::discover(issuer, REDIRECT);
    let id_token = old_login(&before.await.unwrap()).await;
    assert_eq!(ask(&old_api, &id_token).await.status, 401);
    let after = new::openidconnect::Client::discover(issuer, REDIRECT);
    let access_token = new_login(&after.await.unwrap()).await;
    assert_eq!(ask(&new_api, &access_token).await, ada);
}
