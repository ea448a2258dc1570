//! The play: who does what when.

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use countersign::{
    Client, Clock, Digest, Identity, Issuer, SessionEvent, SessionStore, Sessions, SigningKey,
    testing::FixedClock,
};
use serde_json::json;

use crate::{
    call::{Answer, Call, Running, Token},
    family::Family,
    judge::in_short,
    stage::{Fault, Stage},
};

/// What differs from scene to scene.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The grace window in seconds.
    pub(crate) grace: i64,
    /// Whether sessions are bound to a client.
    pub(crate) bound: bool,
}

/// Something happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// A client calls, if it is not waiting for an answer.
    Begin(usize, Call),
    /// The connection of a client breaks.
    Break(usize),
    /// The clock moves by so many seconds.
    Clock(i64),
    /// The call of a client goes on to its next turn.
    Go(usize, Fault),
    /// The user logs in once more. All clients use that session from then on.
    Login,
    Sweep,
}

const START: i64 = 1_800_000_000;
pub(crate) const TTL: i64 = 20;
pub(crate) const IDLE: i64 = 60;
const ABSOLUTE: i64 = 100;

pub(crate) struct Scene {
    pub(crate) rules: Rules,
    sessions: Sessions,
    stage: Stage,
    pub(crate) clock: FixedClock,
    told: Arc<Mutex<Vec<SessionEvent>>>,
    pub(crate) families: Vec<Family>,
    pub(crate) clients: [Caller; Self::CLIENTS],
}

#[derive(Default)]
pub(crate) struct Caller {
    /// The session that it uses, and the place of its token.
    pub(crate) family: usize,
    pub(crate) place: usize,
    call: Option<Running>,
}

impl Scene {
    pub(crate) const CLIENTS: usize = 4;

    pub(crate) fn new(rules: Rules) -> Self {
        let clock = FixedClock::at(START);
        let stage = Stage::new(clock.clone());
        let key = SigningKey::hs256("a secret of 32 bytes or more, for tests").unwrap();
        let issuer = Issuer::builder("https://id.test", key)
            .audience("orders")
            .ttl(seconds(TTL))
            .clock(clock.clone())
            .build()
            .unwrap();
        let told = Arc::<Mutex<Vec<_>>>::default();
        let ear = Arc::clone(&told);
        let sessions = Sessions::builder(issuer, stage.clone())
            .idle(seconds(IDLE))
            .absolute(seconds(ABSOLUTE))
            .grace(seconds(rules.grace))
            .on_event(move |event| ear.lock().unwrap().push(event.clone()))
            .build()
            .unwrap();
        let mut scene = Self {
            rules,
            sessions,
            stage,
            clock,
            told,
            families: Vec::new(),
            clients: Default::default(),
        };
        scene.login();
        scene
    }

    pub(crate) fn play(&mut self, act: Act) {
        match act {
            Act::Begin(client, call) => self.begin(client, call),
            Act::Break(client) => self.clients[client].call = None,
            Act::Clock(seconds) => self.clock.set(self.clock.now() + seconds),
            Act::Go(client, fault) => self.go(client, fault),
            Act::Login => self.login(),
            Act::Sweep => self.sweep(),
        }
    }

    /// All calls come to their ends. Then each session that is not over is shown to be alive, with
    /// one chain, and caught when an old token of it comes back.
    pub(crate) fn finish(mut self) {
        for client in 0..Self::CLIENTS {
            self.go_to_the_end(client);
        }
        let alive = self.families.iter().filter(|family| !family.is_over);
        let rows = self.run(self.stage.clone().memory.list("ada", i64::MIN));
        assert_eq!(rows.unwrap().len(), alive.count());

        for number in 0..self.families.len() {
            self.clients[0].family = number;
            let family = &self.families[number];
            // An answer that got lost is given again within the window.
            let can_go_on = self.rules.grace > 0 || family.tokens.last().unwrap().is_some();
            self.clock.set(family.newest_since);
            if !family.is_over && family.newest_since < family.expires_at && can_go_on {
                for _ in 0..3 {
                    assert!(self.refreshes(Token::Newest));
                }
                assert!(!self.refreshes(Token::Older(2)));
            }
            assert!(!self.refreshes(Token::Older(2)));
        }
    }

    fn login(&mut self) {
        let identity = Identity::new("ada", json!({}));
        let sessions = self.sessions.clone();
        let client = self.client(false);
        let pair = self.run(async move { sessions.start(&identity, client).await.unwrap() });
        assert!(matches!(self.told()[..], [SessionEvent::Started { .. }]));
        let now = self.clock.now();
        self.families.push(Family {
            id: pair.session().id().clone(),
            tokens: vec![Some(pair.refresh_token().to_owned())],
            newest_since: now,
            expires_at: now + IDLE,
            absolute_expires_at: now + ABSOLUTE,
            is_over: false,
        });
        for caller in &mut self.clients {
            (caller.family, caller.place) = (self.families.len() - 1, 0);
        }
    }

    fn sweep(&mut self) {
        let sessions = self.sessions.clone();
        let swept = self.run(async move { sessions.sweep().await.unwrap() });
        let now = self.clock.now();
        let mut expected = 0;
        for family in &mut self.families {
            if !family.is_over && family.expires_at <= now {
                family.is_over = true;
                expected += 1;
            }
        }
        assert_eq!(swept, expected);
    }

    fn begin(&mut self, client: usize, call: Call) {
        if self.clients[client].call.is_some() {
            return;
        }
        let (place, text) = match call {
            Call::LogoutEverywhere => (None, String::new()),
            Call::Logout(token) | Call::Refresh { token, .. } => self.text(client, token),
        };
        let stranger = matches!(call, Call::Refresh { stranger: true, .. });
        let device = self.client(stranger);
        self.clients[client].call = Some(Running::new(
            call,
            (self.clients[client].family, place),
            text,
            device,
            self.sessions.clone(),
            self.clock.clone(),
        ));
    }

    /// One turn of a client.
    fn go(&mut self, client: usize, fault: Fault) {
        let Some(mut running) = self.clients[client].call.take() else {
            return;
        };
        running.came.get_or_insert(self.clock.now());
        self.stage.next_turn(fault);
        let polled = poll(running.future.as_mut());
        let turn = self.stage.end_turn();
        running.has_failed |= turn.has_failed;
        let told = match turn.happened {
            Some(happened) => self.note(&mut running, happened),
            None => Vec::new(),
        };
        let events: Vec<_> = self.told().iter().map(in_short).collect();
        assert_eq!(events, told);
        match polled {
            Poll::Pending => self.clients[client].call = Some(running),
            Poll::Ready(outcome) => self.judge(client, &running, outcome),
        }
    }

    /// Whether client 0 gets a pair, when nothing else happens.
    fn refreshes(&mut self, token: Token) -> bool {
        let count = |scene: &Self| -> usize {
            let known = scene.families.iter().flat_map(|family| &family.tokens);
            known.flatten().count()
        };
        let before = count(self);
        let call = Call::Refresh {
            token,
            answer: Answer::Claims,
            stranger: false,
            keeps: true,
        };
        self.begin(0, call);
        self.go_to_the_end(0);
        count(self) > before
    }

    fn go_to_the_end(&mut self, client: usize) {
        while self.clients[client].call.is_some() {
            self.go(client, Fault::None);
        }
    }

    /// Runs something while nothing else happens.
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            self.stage.next_turn(Fault::None);
            if let Poll::Ready(answer) = poll(future.as_mut()) {
                return answer;
            }
        }
    }

    /// The place of a token in the session of this client, and its text.
    fn text(&self, client: usize, token: Token) -> (Option<usize>, String) {
        let caller = &self.clients[client];
        let tokens = &self.families[caller.family].tokens;
        let known = |place: &usize| tokens[*place].is_some();
        let newest = (0..tokens.len()).rfind(known).unwrap();
        let place = match token {
            Token::Own => caller.place,
            Token::Newest | Token::Forged => newest,
            Token::Older(count) => {
                let older = newest.saturating_sub(count);
                (0..=older).rfind(known).unwrap()
            }
        };
        let text = tokens[place].as_deref().unwrap();
        if let Token::Forged = token {
            let end = if text.ends_with("AAAA") {
                "BBBB"
            } else {
                "AAAA"
            };
            return (None, format!("{}{end}", &text[..text.len() - 4]));
        }
        (Some(place), text.to_owned())
    }

    fn client(&self, stranger: bool) -> Client {
        let device = Digest::from_bytes([u8::from(stranger); 32]);
        if self.rules.bound {
            Client::new().binding(device)
        } else {
            Client::new()
        }
    }

    fn told(&self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs())
}
