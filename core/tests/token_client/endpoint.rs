//! A token endpoint under the control of a test.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use countersign::remote::{
    ClientAuthentication, Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse,
    FormRequest, TokenClient, TokenClientBuilder,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

pub(crate) const URL: &str = "https://id.example/token";
pub(crate) const SECRET: &str = "private: a secret & more";

/// A token endpoint. Its clones are one.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Mutex<State>>);

pub(crate) struct State {
    /// The answer: to grant, with a lifetime in seconds, or something else.
    pub(crate) mode: Mode,
    /// The time for an answer.
    pub(crate) takes: Duration,
    /// The metadata, by URL.
    pub(crate) metadata: BTreeMap<String, Value>,
    /// How often the metadata was asked for.
    pub(crate) lookups: usize,
    pub(crate) requests: Vec<FormRequest>,
    pub(crate) under_way: usize,
    pub(crate) most_under_way: usize,
    /// When each token that was granted expires.
    pub(crate) granted: BTreeMap<String, Instant>,
}

#[derive(Clone)]
pub(crate) enum Mode {
    Away,
    Grant(u64),
    Answer(FetchResponse),
    Panic,
    Silent,
}

impl Endpoint {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            mode: Mode::Grant(300),
            takes: Duration::from_millis(20),
            metadata: BTreeMap::new(),
            lookups: 0,
            requests: Vec::new(),
            under_way: 0,
            most_under_way: 0,
            granted: BTreeMap::new(),
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.state().mode = mode;
    }

    /// Refuses with this code (RFC 6749 section 5.2).
    pub(crate) fn refuse(&self, code: &str) {
        let body = json!({"error": code}).to_string();
        self.set(Mode::Answer(FetchResponse::new(400, body)));
    }

    pub(crate) fn requests(&self) -> usize {
        self.state().requests.len()
    }

    /// Returns the parameters of a request.
    pub(crate) fn form(&self, index: usize) -> Vec<(String, String)> {
        let form = self.state().requests[index].form().to_owned();
        form_urlencoded::parse(form.as_bytes())
            .into_owned()
            .collect()
    }

    pub(crate) fn builder(&self) -> TokenClientBuilder {
        let proof = ClientAuthentication::client_secret_basic("orders", SECRET);
        TokenClient::builder(URL, proof)
            .fetch(self.clone())
            .jitter_seed(1)
    }

    pub(crate) fn client(&self) -> TokenClient {
        self.builder().build().unwrap()
    }

    /// Returns whether this token is still valid.
    pub(crate) fn is_valid(&self, token: &str) -> bool {
        self.state()
            .granted
            .get(token)
            .is_some_and(|end| Instant::now() < *end)
    }
}

impl Fetch for Endpoint {
    async fn get(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let metadata = {
            let mut state = self.state();
            state.lookups += 1;
            state.metadata.get(request.url()).cloned()
        };
        Ok(match metadata {
            Some(document) => FetchResponse::new(200, document.to_string()),
            None => FetchResponse::new(404, ""),
        })
    }

    async fn post(&self, request: FormRequest) -> Result<FetchResponse, FetchError> {
        let (mode, takes) = {
            let mut state = self.state();
            state.requests.push(request);
            state.under_way += 1;
            state.most_under_way = state.most_under_way.max(state.under_way);
            (state.mode.clone(), state.takes)
        };
        sleep(takes).await;
        self.state().under_way -= 1;
        match mode {
            Mode::Away => Err(FetchErrorKind::Connect.into()),
            Mode::Answer(answer) => Ok(answer),
            Mode::Panic => panic!("on purpose"),
            Mode::Silent => {
                sleep(Duration::from_secs(3_600)).await;
                Err(FetchErrorKind::Timeout.into())
            }
            Mode::Grant(seconds) => {
                let mut state = self.state();
                let text = format!("token-{}", state.granted.len() + 1);
                let end = Instant::now() + Duration::from_secs(seconds);
                state.granted.insert(text.clone(), end);
                let answer = json!({
                    "access_token": text, "token_type": "Bearer", "expires_in": seconds,
                });
                Ok(FetchResponse::new(200, answer.to_string()))
            }
        }
    }
}
