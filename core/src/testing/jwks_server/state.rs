//! The state that the threads of a server share.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    net::TcpStream,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread::JoinHandle,
};

use super::{answer::Answer, documents::Documents, fault::Fault, request::ReceivedRequest};

/// The state behind its lock. Every change wakes all that wait.
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

pub(super) struct State {
    pub(super) documents: Documents,
    pub(super) paths: HashMap<String, PathState>,
    pub(super) connections: BTreeMap<usize, TcpStream>,
    pub(super) threads: Vec<JoinHandle<()>>,
    pub(super) is_stopped: bool,
    next_number: usize,
    wakers: Vec<Waker>,
}

/// The faults and requests of one path.
#[derive(Default)]
pub(super) struct PathState {
    pub(super) next_faults: VecDeque<Fault>,
    pub(super) fault: Option<Fault>,
    pub(super) gates: BTreeSet<usize>,
    pub(super) requests: usize,
    pub(super) last_request: Option<ReceivedRequest>,
    /// The number of the latest request whose answer was sent.
    latest_answered: usize,
}

/// A request that waits for its answer to be sent.
pub(super) struct Turn {
    path: String,
    /// Its number among the requests to the path, from 1.
    number: usize,
    gates: BTreeSet<usize>,
    waits_for_later: bool,
}

impl Shared {
    pub(super) fn new(documents: Documents) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                documents,
                paths: HashMap::new(),
                connections: BTreeMap::new(),
                threads: Vec::new(),
                is_stopped: false,
                next_number: 0,
                wakers: Vec::new(),
            }),
            changed: Condvar::new(),
        })
    }

    pub(super) fn read<T>(&self, f: impl FnOnce(&State) -> T) -> T {
        f(&self.lock())
    }

    pub(super) fn change<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = f(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
        result
    }

    /// Checks a condition. If it is not met, the next change wakes the task.
    pub(super) fn poll(&self, cx: &Context<'_>, holds: impl Fn(&State) -> bool) -> Poll<()> {
        let mut state = self.lock();
        if holds(&state) {
            return Poll::Ready(());
        }
        state.wakers.push(cx.waker().clone());
        Poll::Pending
    }

    /// Takes a request, and decides on its answer.
    pub(super) fn take(&self, request: ReceivedRequest) -> (Answer, Turn) {
        self.change(|state| {
            let name = request.path().to_owned();
            let path = state.paths.entry(name.clone()).or_default();
            let fault = path.next_faults.pop_front().or_else(|| path.fault.clone());
            let answer = Answer::new(&state.documents, &request, fault.as_ref());
            path.requests += 1;
            path.last_request = Some(request);
            let turn = Turn {
                path: name,
                number: path.requests,
                gates: path.gates.clone(),
                waits_for_later: fault == Some(Fault::OutOfOrder),
            };
            (answer, turn)
        })
    }

    /// Blocks until the answer may be sent; returns `false` when the server ends.
    pub(super) fn wait(&self, turn: &Turn) -> bool {
        let is_held = |state: &mut State| {
            let path = state.paths.entry(turn.path.clone()).or_default();
            let is_behind_gate = !path.gates.is_disjoint(&turn.gates);
            let is_too_early = turn.waits_for_later && path.latest_answered <= turn.number;
            !state.is_stopped && (is_behind_gate || is_too_early)
        };
        let state = self.changed.wait_while(self.lock(), is_held);
        !state.unwrap_or_else(PoisonError::into_inner).is_stopped
    }

    /// Notes that the answer was sent.
    pub(super) fn answered(&self, turn: &Turn) {
        self.change(|state| {
            let path = state.paths.entry(turn.path.clone()).or_default();
            path.latest_answered = path.latest_answered.max(turn.number);
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn path(&mut self, path: &str) -> &mut PathState {
        self.paths.entry(path.to_owned()).or_default()
    }

    /// Returns a number that was not given before.
    pub(super) fn number(&mut self) -> usize {
        self.next_number += 1;
        self.next_number
    }
}
