//! Tests of the spans: their names, their outcomes, and the context that they keep.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{Arc, Mutex},
};

use countersign::{
    Authenticator, Issuer, Key, MemoryStore, RemoteKeys, SessionRoutes, Sessions, SigningKey,
    Verifier,
    adapter::Credentials,
    remote::{Fetch, FetchError, FetchRequest, FetchResponse},
    session::{ClientInfo, Identity, SessionError, SignIn},
    testing::TestIssuer,
};
use countersign_tests::Request;
use futures_executor::block_on;
use serde_json::{Value, json};
use tracing::{
    Dispatch, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt, registry::LookupSpan};

/// A span that has ended: its name, the name of its parent, and its fields.
type Ended = (&'static str, Option<&'static str>, BTreeMap<String, String>);

/// Collects spans as they end.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Ended>>>);

impl Spans {
    /// Runs `work` in a span of the app, and returns the spans of the library.
    fn of(work: impl FnOnce()) -> Vec<Ended> {
        let spans = Self::default();
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(spans.clone()));
        tracing::dispatcher::with_default(&dispatch, || {
            tracing::info_span!("app").in_scope(work);
        });
        let ended = std::mem::take(&mut *spans.0.lock().unwrap());
        ended
            .into_iter()
            .filter(|(name, ..)| *name != "app")
            .collect()
    }
}

struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(
            field.name().to_owned(),
            format!("{value:?}").replace('"', ""),
        );
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields(BTreeMap::new());
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Fields>().unwrap());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let fields = span.extensions_mut().remove::<Fields>().unwrap();
        let parent = span.parent().map(|parent| parent.name());
        self.0.lock().unwrap().push((span.name(), parent, fields.0));
    }
}

fn fields<const N: usize>(fields: [(&str, &str); N]) -> BTreeMap<String, String> {
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[test]
fn a_verification_is_a_span_within_the_callers_with_its_outcome() {
    let issuer = TestIssuer::new();
    let authenticator = Authenticator::new(issuer.verifier());
    let spans = Spans::of(|| {
        for token in [issuer.token().sign(), issuer.token().expired().sign()] {
            let verdict = authenticator.authenticate(Some(Credentials::new(&token)));
            let _ = block_on(verdict);
        }
        let _ = block_on(authenticator.authenticate(None));
    });
    let span = |outcome| {
        (
            "countersign.verify",
            Some("app"),
            fields([("outcome", outcome)]),
        )
    };
    assert_eq!(spans, [span("accepted"), span("expired")]);
}

fn sessions() -> Sessions {
    let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap());
    let issuer = issuer.audience("app").build().unwrap();
    Sessions::builder(issuer, MemoryStore::new())
        .build()
        .unwrap()
}

#[test]
fn a_refresh_is_a_span_with_the_apps_work_in_it() {
    let sessions = sessions();
    let ada = Identity::new("ada", json!({}));
    let pair = block_on(sessions.start(&ada, ClientInfo::new())).unwrap();
    let refresh = |token: &str| -> Result<_, SessionError> {
        block_on(sessions.refresh(token, &ClientInfo::new(), async |_| {
            tracing::info_span!("query").in_scope(|| {});
            Ok::<_, io::Error>(Some(json!({})))
        }))
    };
    let spans = Spans::of(|| {
        refresh(pair.refresh_token()).unwrap();
        refresh("invented").unwrap_err();
    });
    let realm = ("realm", "https://id.example");
    let span = |outcome| {
        let fields = fields([realm, ("outcome", outcome)]);
        ("countersign.refresh", Some("app"), fields)
    };
    let query = ("query", Some("countersign.refresh"), BTreeMap::new());
    assert_eq!(
        spans,
        [query, span("refreshed"), span("malformed_refresh_token")]
    );
}

/// The rest of an answer is polled by another task, which has no context of its own.
#[test]
fn an_answer_keeps_its_context_wherever_it_is_polled() {
    let routes = SessionRoutes::json(sessions(), async |_: SignIn<Value>| {
        tracing::info_span!("query").in_scope(|| {});
        Ok::<Option<Identity<Value>>, io::Error>(None)
    });
    let login = Request::post("/login").json(r#"{"name":"ada","password":"x"}"#);
    let spans = Spans::of(|| {
        let request = tracing::info_span!("request");
        let answer = request.in_scope(|| routes.answer("/login", &login, login.body.as_bytes()));
        assert_eq!(block_on(answer).status(), 401);
    });
    let query = ("query", Some("request"), BTreeMap::new());
    assert!(spans.contains(&query), "{spans:?}");
}

/// A provider with one key.
struct Provider(String);

impl Fetch for Provider {
    async fn get(&self, _: FetchRequest) -> Result<FetchResponse, FetchError> {
        Ok(FetchResponse::new(200, self.0.as_bytes()))
    }
}

impl Provider {
    fn of(key: &Key) -> Self {
        Self(format!(r#"{{"keys":[{}]}}"#, key.to_jwk().unwrap()))
    }
}

fn on_tokio<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().build().unwrap();
    runtime.block_on(work)
}

#[test]
fn a_fetch_is_a_span_of_its_own() {
    let key = SigningKey::generate_ed25519().unwrap().verifying_key();
    let spans = Spans::of(|| {
        on_tokio(async {
            let keys = RemoteKeys::jwks("https://id.example/jwks").fetch(Provider::of(&key));
            keys.build().unwrap().ready().await.unwrap();
        });
    });
    let fields = fields([
        ("source", "https://id.example/jwks"),
        ("outcome", "fetched"),
    ]);
    assert_eq!(spans, [("countersign.fetch", None, fields)]);
}

/// The verification begins in one poll of the request, and ends in another.
#[test]
fn a_verification_that_waits_for_keys_is_one_span_with_its_outcome() {
    let signing = SigningKey::generate_ed25519().unwrap();
    let (provider, stranger) = (Provider::of(&signing.verifying_key()), TestIssuer::new());
    let issuer = Issuer::builder("https://id.example", signing).audience("app");
    let token = issuer
        .build()
        .unwrap()
        .issue(&json!({ "sub": "ada" }))
        .unwrap();
    let spans = Spans::of(|| {
        on_tokio(async {
            let keys = RemoteKeys::jwks("https://id.example/jwks").fetch(provider);
            let verifier = Verifier::builder(keys.build().unwrap());
            let verifier = verifier.issuer("https://id.example").audience("app");
            let authenticator = Authenticator::new(verifier.build().unwrap());
            for token in [token.as_str(), &stranger.token().sign()] {
                let waits = authenticator.authenticate(Some(Credentials::new(token)));
                let _ = waits.await;
            }
        });
    });
    let outcomes: Vec<_> = spans
        .iter()
        .filter(|(name, ..)| *name == "countersign.verify")
        .map(|(_, parent, fields)| (*parent, fields["outcome"].as_str()))
        .collect();
    assert_eq!(
        outcomes,
        [(Some("app"), "accepted"), (Some("app"), "unknown_key")],
        "{spans:?}"
    );
    assert!(
        spans.iter().any(|(name, ..)| *name == "countersign.fetch"),
        "{spans:?}"
    );
}
