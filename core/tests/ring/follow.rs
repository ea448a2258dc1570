//! Tests of a ring whose folder changes while the server runs.

use std::{
    fmt::Write,
    fs,
    future::{pending, ready},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use countersign::{
    AuthErrorKind, Authenticator, Clock, Issuer, SigningKeys, adapter::Credentials,
    issue::KeyFolder, testing::FixedClock,
};
use futures_executor::block_on;
use serde_json::json;
use tempfile::TempDir;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::{KEYS, LEAD, NOW, RELOAD, document, issuer, published, signing};

/// Two nodes, and the operator's folder.
struct Cluster {
    folder: KeyFolder,
    clock: FixedClock,
    keys: [SigningKeys; 2],
    issuers: [Issuer; 2],
    path: TempDir,
}

impl Cluster {
    fn start() -> Self {
        let path = tempfile::tempdir().unwrap();
        let clock = FixedClock::at(NOW);
        let folder = KeyFolder::new(path.path()).clock(clock.clone());
        folder.create(|_| Ok(document())).unwrap();
        let keys = [(); 2].map(|()| SigningKeys::open(folder.clone()).unwrap());
        let issuers = [0, 1].map(|index| issuer(&keys[index], &clock));
        Self {
            folder,
            clock,
            keys,
            issuers,
            path,
        }
    }

    fn document(&self) -> std::path::PathBuf {
        self.path.path().join("ring.json")
    }

    /// Asks a node for a verdict on a token as a server does: it may look for newer keys.
    fn verdict(&self, node: usize, token: &str) -> Result<(), AuthErrorKind> {
        let authenticator = Authenticator::new(self.issuers[node].verifier());
        let verdict = block_on(authenticator.authenticate(Some(Credentials::new(token))));
        verdict.map(drop).map_err(|error| error.kind())
    }
}

#[test]
fn a_change_of_the_folder_is_followed() {
    let cluster = Cluster::start();
    let [keys, _] = &cluster.keys;
    cluster
        .folder
        .change(|document, now| document.rotate(&KEYS[1], now))
        .unwrap();
    let ticks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ticks);
    let mut following = Box::pin(keys.follow(move || {
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            match is_first {
                true => ready(()).await,
                false => pending().await,
            }
        }
    }));
    cluster.clock.advance(Duration::from_secs(10));
    assert_eq!(published(keys), ["a"]);
    // The second tick begins when the look at the folder has ended.
    while ticks.load(Ordering::SeqCst) < 2 {
        let polled = following
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
        std::thread::yield_now();
    }
    assert_eq!(published(keys), ["a", "b"]);
    cluster.clock.set(NOW + RELOAD + LEAD);
    assert_eq!(signing(&cluster.issuers[0]), "b");
}

#[test]
fn a_node_that_has_not_read_of_an_emergency_does_so_when_it_meets_the_new_key() {
    let cluster = Cluster::start();
    let [one, other] = &cluster.issuers;
    let old = one.issue(&json!({})).unwrap();
    cluster
        .folder
        .change(|document, now| document.replace("a", &KEYS[1], now))
        .unwrap();
    block_on(cluster.keys[0].reload()).unwrap();
    cluster.clock.set(NOW + RELOAD);
    let new = one.issue(&json!({})).unwrap();
    assert_eq!(signing(one), "b");
    assert_eq!(signing(other), "a", "it has not looked");
    assert_eq!(cluster.verdict(1, old.as_str()), Ok(()));
    assert_eq!(cluster.verdict(1, new.as_str()), Ok(()));
    assert_eq!(signing(other), "b");
    assert_eq!(
        cluster.verdict(1, old.as_str()),
        Err(AuthErrorKind::UnknownKey)
    );
}

#[test]
fn unknown_keys_have_the_folder_read_once_a_second() {
    let cluster = Cluster::start();
    let foreign = SigningKeys::new(KEYS[5].clone());
    let foreign = issuer(&foreign, &cluster.clock).issue(&json!({})).unwrap();
    cluster.clock.advance(Duration::from_secs(1));
    assert_eq!(
        cluster.verdict(0, foreign.as_str()),
        Err(AuthErrorKind::UnknownKey)
    );
    // The document is another one now, but this second's look is over.
    cluster
        .folder
        .change(|document, now| document.rotate(&KEYS[5], now))
        .unwrap();
    assert_eq!(
        cluster.verdict(0, foreign.as_str()),
        Err(AuthErrorKind::UnknownKey)
    );
    cluster.clock.advance(Duration::from_secs(1));
    assert_eq!(cluster.verdict(0, foreign.as_str()), Ok(()));
}

#[test]
fn a_broken_document_is_refused_as_a_whole_and_told_once() {
    let cluster = Cluster::start();
    let [keys, _] = &cluster.keys;
    cluster
        .folder
        .change(|document, now| document.rotate(&KEYS[1], now))
        .unwrap();
    let good = fs::read_to_string(cluster.document()).unwrap();
    let lines = Lines::of(|| {
        fs::write(cluster.document(), &good[..good.len() / 2]).unwrap();
        for _ in 0..5 {
            block_on(keys.reload()).unwrap_err();
        }
        fs::write(cluster.document(), &good).unwrap();
        block_on(keys.reload()).unwrap();
        block_on(keys.reload()).unwrap();
    });
    let path = cluster.path.path().display();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let begin = format!(
        "WARN message=the signing keys cannot be reloaded: the old ones go on cause=invalid setting: {path}/ring.json: it is not JSON"
    );
    assert!(lines[0].starts_with(&begin), "{lines:?}");
    assert_eq!(lines[1], "INFO message=the signing keys are reloaded again");
}

#[test]
fn while_the_folder_is_broken_the_old_ring_goes_on_and_an_unknown_key_is_no_verdict() {
    let cluster = Cluster::start();
    let [keys, _] = &cluster.keys;
    let old = cluster.issuers[0].issue(&json!({})).unwrap();
    let foreign = SigningKeys::new(KEYS[5].clone());
    let foreign = issuer(&foreign, &cluster.clock).issue(&json!({})).unwrap();
    fs::rename(cluster.document(), cluster.path.path().join("away")).unwrap();
    block_on(keys.reload()).unwrap_err();
    assert_eq!(cluster.verdict(0, old.as_str()), Ok(()));
    assert_eq!(signing(&cluster.issuers[0]), "a");
    // The other node has not looked yet: it does now.
    cluster.clock.advance(Duration::from_secs(1));
    for node in [0, 1] {
        assert_eq!(
            cluster.verdict(node, foreign.as_str()),
            Err(AuthErrorKind::KeysUnavailable)
        );
    }
    fs::rename(cluster.path.path().join("away"), cluster.document()).unwrap();
    cluster.clock.advance(Duration::from_secs(1));
    assert_eq!(
        cluster.verdict(0, foreign.as_str()),
        Err(AuthErrorKind::UnknownKey)
    );
}

#[test]
fn a_document_that_drops_a_live_key_is_refused_and_names_it() {
    let cluster = Cluster::start();
    let [keys, _] = &cluster.keys;
    let other = tempfile::tempdir().unwrap();
    let elsewhere = KeyFolder::new(other.path()).clock(cluster.clock.clone());
    elsewhere
        .create(|now| countersign::issue::RingDocument::new(&KEYS[1], super::times(), now))
        .unwrap();
    copy(other.path(), cluster.path.path());
    let error = block_on(keys.reload()).unwrap_err().to_string();
    assert!(
        error.contains("key \"a\" is missing, and its tokens live"),
        "{error}"
    );
    assert_eq!(published(keys), ["a"]);

    // The operator means it: the folder was lost.
    let text = fs::read_to_string(cluster.document()).unwrap();
    let revoked = format!("\"revoked\": {{\"a\": {NOW}}}");
    fs::write(
        cluster.document(),
        text.replace("\"revoked\": {}", &revoked),
    )
    .unwrap();
    block_on(keys.reload()).unwrap();
    assert_eq!(
        (published(keys), signing(&cluster.issuers[0])),
        (vec!["b".to_owned()], "b".to_owned())
    );
}

/// As a network disk does at times.
#[cfg(unix)]
#[test]
fn a_disk_that_hangs_holds_up_nobody_but_who_needs_it_and_those_not_for_long() {
    let cluster = Cluster::start();
    let good = cluster.issuers[0].issue(&json!({})).unwrap();
    let foreign = SigningKeys::new(KEYS[5].clone());
    let foreign = issuer(&foreign, &cluster.clock).issue(&json!({})).unwrap();
    fs::remove_file(cluster.document()).unwrap();
    // Whoever opens it waits for somebody who writes.
    let made = std::process::Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(cluster.document())
        .status();
    assert!(made.unwrap().success());

    cluster.clock.advance(Duration::from_secs(1));
    let authenticator = Authenticator::new(cluster.issuers[0].verifier());
    let credentials = || Some(Credentials::new(foreign.as_str()));
    let mut waiting = Box::pin(authenticator.authenticate(credentials()));
    let polled = waiting
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    assert_eq!(cluster.verdict(0, good.as_str()), Ok(()));
    cluster.clock.advance(Duration::from_secs(6));
    let refused = cluster.verdict(0, foreign.as_str());
    assert_eq!(refused, Err(AuthErrorKind::KeysUnavailable));

    // It comes back, and the document is gone.
    let writer = fs::OpenOptions::new().write(true).open(cluster.document());
    fs::remove_file(cluster.document()).unwrap();
    drop(writer.unwrap());
    let refused = block_on(waiting).unwrap_err().kind();
    assert_eq!(refused, AuthErrorKind::KeysUnavailable);
    assert_eq!(cluster.verdict(0, good.as_str()), Ok(()));
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A clock that goes on while somebody else reads.
#[test]
fn a_hundred_threads_that_meet_a_new_key_at_once_all_take_it() {
    let cluster = Cluster::start();
    cluster
        .folder
        .change(|document, now| document.replace("a", &KEYS[1], now))
        .unwrap();
    block_on(cluster.keys[0].reload()).unwrap();
    cluster.clock.set(NOW + RELOAD);
    let new = cluster.issuers[0].issue(&json!({})).unwrap();
    assert!(cluster.clock.now() > NOW);
    std::thread::scope(|scope| {
        let verdicts: Vec<_> = (0..100)
            .map(|_| scope.spawn(|| cluster.verdict(1, new.as_str())))
            .collect();
        for verdict in verdicts {
            assert_eq!(verdict.join().unwrap(), Ok(()));
        }
    });
}

/// Collects events as lines: level, then fields.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub(crate) fn of(work: impl FnOnce()) -> Vec<String> {
        let lines = Self::default();
        tracing::subscriber::with_default(lines.clone(), work);
        lines.0.lock().unwrap().clone()
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "countersign"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Fields(String);
        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                write!(self.0, " {field}={value:?}").unwrap();
            }
        }
        let mut fields = Fields(event.metadata().level().to_string());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
