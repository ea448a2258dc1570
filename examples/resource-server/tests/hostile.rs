//! The hostile corpus byte by byte, over a socket, with a clock that stands at its time.
//!
//! `tests/tests/resource_server` sends it to the program itself, minted for the time of day.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::Path,
    thread::{self, JoinHandle},
};

use countersign::testing::FixedClock;
use countersign_tests::{
    hostile::{Case, Setup, TestKeys, corpus, is_by_the_server},
    wire,
};
use demo::Drain;
use resource_server::{Api, Config, Mistake, serve};
use tokio::{runtime::Runtime, sync::oneshot};

/// The number of cases to send.
const CASES: usize = 379;
/// The number of them that bring a key that the server does not start with.
const KEY_REFUSED: usize = 20;

/// A server in a thread of its own, until it is dropped.
struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(file: &Path, now: i64) -> Result<Self, Mistake> {
        let runtime = Runtime::new().unwrap();
        let config = Config::read(file)?;
        let api = {
            let _within = runtime.enter();
            Api::new(&config, FixedClock::at(now))?
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let served = move || {
            let served = serve(config.framework(), api, listener, Drain::never(), stopped);
            runtime.block_on(served).unwrap();
        };
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread::spawn(served)),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || thread::panicking());
    }
}

#[test]
fn every_case_is_answered_as_the_corpus_asks_on_both_frameworks() {
    let keys = TestKeys::load();
    let mut setups = BTreeMap::<(Setup, i64), Vec<Case>>::new();
    for case in corpus(&keys) {
        if !case.has_proof() && case.refresh().is_none() {
            setups
                .entry((case.setup(), case.now()))
                .or_default()
                .push(case);
        }
    }
    assert_eq!(setups.values().map(Vec::len).sum::<usize>(), CASES);

    let mut objections = Vec::new();
    let mut key_refused = 0;
    for ((setup, now), cases) in &setups {
        let folder = tempfile::tempdir().unwrap();
        let servers = ["axum", "actix"]
            .map(|framework| Server::start(&setup.write(&keys, folder.path(), framework), *now));
        let [Ok(axum), Ok(actix)] = &servers else {
            key_refused += cases.len();
            objections.extend(cases.iter().filter_map(|case| {
                let objection = case.objection_to_no_key()?;
                Some(format!("{}: {objection}", case.id))
            }));
            continue;
        };
        for case in cases {
            let mut request = case.request();
            case.route(&mut request);
            let answers = [axum, actix].map(|server| wire::send(server.address, &request));
            for answer in &answers {
                if let Some(objection) = case.objection_to_server(&request, answer) {
                    objections.push(format!("{}: {objection}", case.id));
                }
            }
            let by_the_server = answers
                .iter()
                .any(|answer| is_by_the_server(&request, answer));
            if answers[0] != answers[1] && !by_the_server {
                objections.push(format!("{}: {answers:?}", case.id));
            }
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
    assert_eq!(key_refused, KEY_REFUSED);
}
