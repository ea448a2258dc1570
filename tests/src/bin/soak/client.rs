//! Clients that keep a pace, and the dice that choose their next step.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use countersign_tests::{
    Request,
    server::{Body, Connection},
};

use crate::record::Seen;

/// A connection to a server, reopened after it has been idle for some time.
pub(crate) struct Client {
    address: SocketAddr,
    open: Option<(Connection, Instant)>,
}

impl Client {
    /// A time below the five seconds after which the servers close idle connections.
    const IDLE: Duration = Duration::from_secs(2);

    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            open: None,
        }
    }

    pub(crate) fn ask(&mut self, request: &Request) -> Seen {
        let sent = self.send(request);
        self.receive(sent)
    }

    /// Sends a request without waiting. Returns the time at which it was sent.
    pub(crate) fn send(&mut self, request: &Request) -> Instant {
        let address = self.address;
        let now = Instant::now();
        let connection = self.open.take();
        let connection = connection.filter(|(_, used)| now - *used < Self::IDLE);
        let (mut connection, _) = connection.unwrap_or_else(|| (Connection::open(address), now));
        let body = match request.body.as_str() {
            "" => Body::None,
            body => Body::Sized(body.as_bytes()),
        };
        connection.send_only(request, body);
        self.open = Some((connection, now));
        now
    }

    /// Returns the answer to the request that was sent.
    pub(crate) fn receive(&mut self, sent: Instant) -> Seen {
        let (connection, used) = self.open.as_mut().expect("something was sent");
        let answer = connection.answer();
        *used = Instant::now();
        let got = *used;
        if connection.header("connection") == Some("close") {
            self.open = None;
        }
        Seen { answer, sent, got }
    }
}

/// The pace of a client: as fast as it can at first, then half of that.
pub(crate) struct Pace<'c> {
    /// The number of requests so far, by all clients of the server.
    count: &'c AtomicU64,
    since: Instant,
    own: u64,
    step: Option<Duration>,
    due: Instant,
}

impl<'c> Pace<'c> {
    /// The most requests of a client per second, however fast the server is.
    const MOST: f64 = 2_000.0;

    pub(crate) fn new(count: &'c AtomicU64) -> Self {
        let now = Instant::now();
        Self {
            count,
            since: now,
            own: 0,
            step: None,
            due: now,
        }
    }

    /// Counts requests, and waits until the next one is due.
    pub(crate) fn done(&mut self, requests: u64, is_measuring: bool) {
        self.count.fetch_add(requests, Ordering::Relaxed);
        self.own += requests;
        if is_measuring {
            return;
        }
        let now = Instant::now();
        let step = *self.step.get_or_insert_with(|| {
            self.due = now;
            let full = self.own as f64 / now.duration_since(self.since).as_secs_f64();
            Duration::from_secs_f64(1.0 / (full / 2.0).clamp(1.0, Self::MOST))
        });
        self.due += step * u32::try_from(requests).unwrap_or(1);
        match self.due.checked_duration_since(now) {
            Some(pause) => thread::sleep(pause),
            // The delay of an outage is not caught up on.
            None if now - self.due > Duration::from_secs(1) => self.due = now,
            None => {}
        }
    }
}

/// Pseudo-random numbers (SplitMix64), so that a client's choices can be repeated.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns one of the first `n` numbers.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % n.max(1) as u64) as usize
    }
}

/// A step that is taken once per interval at most.
pub(crate) struct Turn {
    every: Duration,
    next: Instant,
}

impl Turn {
    /// Creates a turn. The first comes after a part of the interval that differs between clients.
    pub(crate) fn every(every: Duration, dice: &mut Dice) -> Self {
        let first = every.mul_f64(0.25 + dice.below(50) as f64 / 100.0);
        Self {
            every,
            next: Instant::now() + first,
        }
    }

    pub(crate) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.next <= now;
        if is_due {
            self.next = now + self.every;
        }
        is_due
    }
}
