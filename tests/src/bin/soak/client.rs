//! Clients that go at a pace, and the dice that say what they do next.

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

/// One connection to a server, opened again when it has been idle for long.
pub(crate) struct Client {
    address: SocketAddr,
    open: Option<(Connection, Instant)>,
}

impl Client {
    /// The servers close idle connections after five seconds.
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

    /// Sends a request, and does not wait. Returns when that was.
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

    /// The answer to what was sent.
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

/// How fast a client goes: first as fast as it can, then at half of that.
pub(crate) struct Pace<'c> {
    /// Requests so far, by all clients of the server.
    count: &'c AtomicU64,
    since: Instant,
    own: u64,
    step: Option<Duration>,
    due: Instant,
}

impl<'c> Pace<'c> {
    /// The most requests of a client in a second, however fast the server is.
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
            // What an outage held up is not made up for.
            None if now - self.due > Duration::from_secs(1) => self.due = now,
            None => {}
        }
    }
}

/// Pseudo-random numbers (SplitMix64): what a client does can be repeated.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of the first `n` numbers.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % n.max(1) as u64) as usize
    }
}

/// Something that is done once in a while at most.
pub(crate) struct Turn {
    every: Duration,
    next: Instant,
}

impl Turn {
    /// The first time comes after a part of the time that differs between clients.
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
