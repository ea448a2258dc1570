//! The events of a run, chosen by its seed beforehand: when keys are published, when the provider
//! is away or slow, and when a flood comes. Also the provider, which plays them.

use std::{
    ops::Range,
    sync::{Arc, LazyLock, Mutex, MutexGuard},
    time::Duration,
};

use countersign::{
    SigningKey,
    remote::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::random::Random;
use crate::provider::{jwk, key, token};

/// Keys are costly to make, and it does not matter which one is which.
static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| (0..40).map(|n| key(&format!("key-{n}"))).collect());

pub(crate) struct World {
    pub(crate) keys: Vec<Life>,
    pub(crate) faults: Vec<(Range<Instant>, Fault)>,
    pub(crate) floods: Vec<Range<Instant>>,
    pub(crate) max_stale: Duration,
    cache_control: Option<&'static str>,
    /// The lifetime that follows from `cache_control`.
    pub(crate) lifetime: Duration,
    has_etag: bool,
    log: Arc<Mutex<Log>>,
}

/// A key, and the time in which it is published.
pub(crate) struct Life {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) published: Range<Instant>,
    jwk: serde_json::Value,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Away,
    Empty,
    Hangs,
    Html,
    PauseAskedFor,
    ServerError,
    /// The answer takes this many milliseconds.
    Slow(u64),
}

/// The log of the provider.
#[derive(Default)]
pub(crate) struct Log {
    /// The beginning and the end of each fetch; a fetch that was given up has no end.
    pub(crate) fetches: Vec<(Instant, Option<Instant>)>,
    /// The time at which each good answer arrived, and its keys.
    pub(crate) good: Vec<(Instant, Vec<String>)>,
    under_way: usize,
}

impl World {
    pub(crate) fn new(random: &mut Random, start: Instant, length: Duration) -> Self {
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let seconds = length.as_secs();
        let (cache_control, lifetime) = *random.pick(&[
            (None, 600),
            (Some("max-age=5"), 60),
            (Some("no-store"), 60),
            (Some("max-age=60"), 60),
            (Some("public, max-age=300"), 300),
            (Some("max-age=1800"), 1_800),
            (Some("max-age=900000"), 86_400),
        ]);
        let mut keys = Vec::new();
        let mut signs = 0;
        for key in KEYS.iter() {
            // A key is often published long before it is used, sometimes in the same moment; the
            // old one stays for a while.
            let lead = if random.one_in(3) {
                0
            } else {
                random.between(0, 600)
            };
            let next = signs + random.between(60, 3_000);
            let tail = random.between(10, 900);
            keys.push(Life {
                id: key.verifying_key().id().unwrap().to_owned(),
                token: token(key),
                published: at(signs.saturating_sub(lead))..at(next + tail),
                jwk: jwk(key),
            });
            signs = next;
        }
        let mut faults = Vec::new();
        let mut from = random.between(0, 600);
        while from < seconds {
            let longest = *random.pick(&[20, 300, 1_200, 7_000]);
            let until = from + random.between(1, longest);
            let fault = *random.pick(&[
                Fault::Away,
                Fault::Away,
                Fault::Empty,
                Fault::Hangs,
                Fault::Html,
                Fault::PauseAskedFor,
                Fault::ServerError,
                Fault::Slow(1_500),
                Fault::Slow(4_000),
            ]);
            faults.push((at(from)..at(until), fault));
            from = until + random.between(30, 2_400);
        }
        let mut floods = Vec::new();
        let mut from = random.between(0, 2_000);
        while from < seconds {
            let until = from + random.between(5, 120);
            floods.push(at(from)..at(until));
            from = until + random.between(60, 3_000);
        }
        Self {
            keys,
            faults,
            floods,
            max_stale: Duration::from_secs(*random.pick(&[0, 60, 600, 3_600])),
            cache_control,
            lifetime: Duration::from_secs(lifetime),
            has_etag: random.one_in(2),
            log: Arc::default(),
        }
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    pub(crate) fn provider(self: &std::rc::Rc<Self>, seed: u64) -> Provider {
        Provider {
            faults: self.faults.clone(),
            keys: (self.keys.iter())
                .map(|key| (key.published.clone(), key.id.clone(), key.jwk.clone()))
                .collect(),
            cache_control: self.cache_control,
            has_etag: self.has_etag,
            log: Arc::clone(&self.log),
            random: Mutex::new(Random::new(seed)),
        }
    }

    /// Returns a published key; sometimes one that was, or will be next.
    pub(crate) fn some_key(&self, random: &mut Random, now: Instant) -> Option<&Life> {
        let published: Vec<&Life> = (self.keys.iter())
            .filter(|key| key.published.contains(&now))
            .collect();
        if random.one_in(10) {
            let gone: Vec<&Life> = (self.keys.iter())
                .filter(|key| key.published.end <= now)
                .collect();
            return gone.last().copied();
        }
        // A token can arrive before its key is published everywhere.
        if random.one_in(20) {
            return self.keys.iter().find(|key| now < key.published.start);
        }
        // New keys matter most.
        match random.one_in(2) {
            true => published.last().copied(),
            false => (!published.is_empty()).then(|| *random.pick(&published)),
        }
    }

    pub(crate) fn is_flooded(&self, now: Instant) -> bool {
        self.floods.iter().any(|flood| flood.contains(&now))
    }

    /// Returns true if the provider worked all the time.
    pub(crate) fn was_well(&self, span: &Range<Instant>) -> bool {
        !self.faults.iter().any(|(fault, _)| overlap(fault, span))
    }
}

fn overlap(one: &Range<Instant>, other: &Range<Instant>) -> bool {
    one.start <= other.end && other.start <= one.end
}

/// The provider, which plays the events.
pub(crate) struct Provider {
    faults: Vec<(Range<Instant>, Fault)>,
    keys: Vec<(Range<Instant>, String, serde_json::Value)>,
    cache_control: Option<&'static str>,
    has_etag: bool,
    log: Arc<Mutex<Log>>,
    random: Mutex<Random>,
}

/// Counts the fetches under way, however they end.
struct UnderWay(Arc<Mutex<Log>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way -= 1;
    }
}

impl Fetch for Provider {
    async fn get(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let now = Instant::now();
        let index = {
            let mut log = self.log.lock().unwrap();
            assert_eq!(log.under_way, 0, "two fetches at once");
            log.under_way += 1;
            log.fetches.push((now, None));
            log.fetches.len() - 1
        };
        let _under_way = UnderWay(Arc::clone(&self.log));
        let fault = (self.faults.iter())
            .find(|(span, _)| span.contains(&now))
            .map(|(_, fault)| *fault);
        // The state at the time of the request, returned later.
        let (ids, jwks): (Vec<_>, Vec<_>) = (self.keys.iter())
            .filter(|(published, ..)| published.contains(&now))
            .map(|(_, id, jwk)| (id.clone(), jwk))
            .unzip();
        let set = json!({ "keys": jwks }).to_string();
        let latency = self.random.lock().unwrap().between(5, 900);
        sleep(Duration::from_millis(match fault {
            Some(Fault::Slow(latency)) => latency,
            Some(Fault::Hangs) => 1_000_000_000,
            _ => latency,
        }))
        .await;
        let mut log = self.log.lock().unwrap();
        log.fetches[index].1 = Some(Instant::now());
        let answer = match fault {
            Some(Fault::Away) => return Err(FetchErrorKind::Connect.into()),
            Some(Fault::Empty) => FetchResponse::new(200, r#"{"keys":[]}"#),
            Some(Fault::Html) => FetchResponse::new(200, "<html>Welcome</html>"),
            Some(Fault::PauseAskedFor) => FetchResponse::new(503, "").header("retry-after", "20"),
            Some(Fault::ServerError) => FetchResponse::new(500, "sorry"),
            Some(Fault::Hangs | Fault::Slow(_)) | None => {
                log.good.push((Instant::now(), ids.clone()));
                let etag = format!("\"{}\"", ids.join(","));
                let unchanged = self.has_etag && request.etag() == Some(&etag);
                let answer = if unchanged {
                    FetchResponse::new(304, "")
                } else {
                    FetchResponse::new(200, set)
                };
                match self.has_etag {
                    true => answer.header("etag", etag),
                    false => answer,
                }
            }
        };
        Ok(match self.cache_control {
            Some(value) => answer.header("cache-control", value),
            None => answer,
        })
    }
}
