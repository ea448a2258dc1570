//! The play: the acts of the clients, the clocks and the nodes, in order.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use countersign::session::{
    ClientInfo, SessionEvent,
    store::{SessionStore, TokenHash},
};

use crate::{
    call::{Answer, Call, Running, Token, ada},
    family::Family,
    judge::in_short,
    node::Node,
    stage::{Fault, Stage},
};

/// The settings that differ from scene to scene.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The grace window in seconds.
    pub(crate) grace: i64,
    /// True if sessions are bound to a client.
    pub(crate) bound: bool,
    /// The seconds by which the second node's clock is ahead of the first one's.
    pub(crate) apart: i64,
}

/// An act of a scene.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// A client calls a node, if it is not waiting for an answer.
    Begin(usize, usize, Call),
    /// The connection of a client breaks.
    Break(usize),
    /// The clocks of the nodes move by this many seconds.
    Clock([i64; Scene::NODES]),
    /// A node ends and starts again. Its calls break.
    Crash(usize),
    /// This many revocations reach a node.
    Deliver(usize, usize),
    /// The call of a client goes on to its next turn.
    Go(usize, Fault),
    /// The user logs in once more, at a node. All clients use that session from then on.
    Login(usize),
    Sweep,
    /// Every node gets every access token.
    Verify,
}

const START: i64 = 1_800_000_000;
pub(crate) const TTL: i64 = 20;
pub(crate) const IDLE: i64 = 60;
pub(crate) const ABSOLUTE: i64 = 100;

pub(crate) struct Scene {
    pub(crate) rules: Rules,
    pub(crate) nodes: [Node; Self::NODES],
    stage: Stage,
    pub(crate) families: Vec<Family>,
    /// The number of times that all sessions were ended.
    pub(crate) ends_of_all: usize,
    pub(crate) clients: [Caller; Self::CLIENTS],
}

#[derive(Default)]
pub(crate) struct Caller {
    /// The session that it uses, and the position of its token.
    pub(crate) family: usize,
    pub(crate) place: usize,
    call: Option<Running>,
}

impl Scene {
    pub(crate) const CLIENTS: usize = 4;
    pub(crate) const NODES: usize = 2;

    pub(crate) fn new(rules: Rules) -> Self {
        let stage = Stage::new();
        let times = [START, START + rules.apart];
        let mut scene = Self {
            rules,
            nodes: times.map(|now| Node::start(&stage, rules, now)),
            stage,
            families: Vec::new(),
            ends_of_all: 0,
            clients: Default::default(),
        };
        scene.login(0);
        for node in 0..Self::NODES {
            scene.deliver(node, usize::MAX);
        }
        scene
    }

    pub(crate) fn play(&mut self, act: Act) {
        match act {
            Act::Begin(client, node, call) => self.begin(client, node, call),
            Act::Break(client) => self.break_off(client),
            Act::Clock(seconds) => {
                for (node, seconds) in self.nodes.iter().zip(seconds) {
                    node.clock.set(node.now() + seconds);
                }
            }
            Act::Crash(node) => self.crash(node),
            Act::Deliver(node, count) => self.deliver(node, count),
            Act::Go(client, fault) => self.go(client, fault),
            Act::Login(node) => self.login(node),
            Act::Sweep => self.sweep(),
            Act::Verify => self.verify(),
        }
    }

    /// Finishes all calls. Then checks that each session that is not over is alive, has one chain,
    /// and ends when an old token comes back.
    pub(crate) fn finish(mut self) {
        for client in 0..Self::CLIENTS {
            self.go_to_the_end(client);
        }
        let alive = self.families.iter().filter(|family| !family.is_over);
        let node = &self.nodes[0];
        let rows = self
            .stage
            .memory
            .list(node.sessions.realm(), "ada", i64::MIN);
        assert_eq!(self.run(0, rows).unwrap().len(), alive.count());

        // Once all nodes know everything, no token of an ended session is good anywhere.
        for node in 0..Self::NODES {
            self.deliver(node, usize::MAX);
        }
        self.verify();

        for number in 0..self.families.len() {
            self.clients[0].family = number;
            let family = &self.families[number];
            if family.tokens.iter().all(Option::is_none) {
                continue;
            }
            // An answer that got lost is repeated within the window.
            let can_go_on = self.rules.grace > 0 || family.tokens.last().unwrap().is_some();
            self.nodes[0].clock.set(family.newest_since);
            if !family.is_over && family.newest_since < family.expires_at && can_go_on {
                for _ in 0..3 {
                    let family = &self.families[number];
                    let is_told = family.tokens.last().unwrap().is_some();
                    let is_paused = family.is_paused(family.newest_since, self.rules.grace);
                    assert_eq!(self.refreshes(Token::Newest), !is_told || !is_paused);
                }
                // A token from long ago gets nothing new, and after its window it ends the session.
                assert!(!self.refreshes(Token::Older(2)));
                let family = &self.families[number];
                let later = family.newest_since + self.rules.grace;
                if !family.is_over && later < family.expires_at {
                    self.nodes[0].clock.set(later);
                    assert!(!self.refreshes(Token::Older(1)));
                    assert!(self.families[number].is_over, "a missed reuse");
                }
            }
            assert!(!self.refreshes(Token::Older(2)));
        }
    }

    fn login(&mut self, node: usize) {
        let sessions = self.nodes[node].sessions.clone();
        let client = self.client(false);
        let login = async move { sessions.start(&ada(), client).await.unwrap() };
        let pair = self.run(node, login);
        let now = self.nodes[node].now();
        let told = self.nodes[node].events();
        assert!(matches!(told[..], [SessionEvent::Started { .. }]));
        let mut family = Family {
            id: pair.session().id().clone(),
            tokens: vec![Some(pair.refresh_token().to_owned())],
            chain: Vec::new(),
            newest_since: now,
            expires_at: now + IDLE,
            absolute_expires_at: now + ABSOLUTE,
            is_over: false,
            is_ended: false,
            access: Vec::new(),
        };
        family.keep(&pair);
        self.families.push(family);
        for caller in &mut self.clients {
            (caller.family, caller.place) = (self.families.len() - 1, 0);
        }
    }

    /// Sweeps by the clock that is behind: a store has its own clock, too.
    fn sweep(&mut self) {
        let behind = usize::from(self.nodes[1].now() < self.nodes[0].now());
        let sessions = self.nodes[behind].sessions.clone();
        let swept = self.run(behind, async move { sessions.sweep().await.unwrap() });
        let now = self.nodes[behind].now();
        let mut expected = 0;
        for family in &mut self.families {
            if !family.is_over && family.expires_at <= now {
                family.is_over = true;
                expected += 1;
            }
        }
        assert_eq!(swept, expected);
    }

    fn deliver(&mut self, node: usize, count: usize) {
        if self.nodes[node].deliver(count) {
            let ended = self.families.iter().filter(|family| family.is_ended);
            let ended = ended.map(|family| family.id.clone());
            self.nodes[node].ended.extend(ended);
        }
    }

    fn verify(&self) {
        for family in &self.families {
            for access in &family.access {
                for node in 0..Self::NODES {
                    self.judge_access(node, family, access);
                }
            }
        }
    }

    fn break_off(&mut self, client: usize) {
        let Some(running) = self.clients[client].call.take() else {
            return;
        };
        self.doubt(&running);
    }

    /// Records that nobody knows whether this call has ended a session: its node may refuse the access
    /// tokens.
    fn doubt(&mut self, running: &Running) {
        for (number, family) in self.families.iter().enumerate() {
            if running.concerns(number) {
                self.nodes[running.node].doubt(&family.id);
            }
        }
    }

    fn crash(&mut self, node: usize) {
        for client in 0..Self::CLIENTS {
            let call = &self.clients[client].call;
            if call.as_ref().is_some_and(|running| running.node == node) {
                self.break_off(client);
            }
        }
        self.nodes[node].restart(&self.stage, self.rules);
    }

    fn begin(&mut self, client: usize, node: usize, call: Call) {
        if self.clients[client].call.is_some() {
            return;
        }
        let (place, text) = match call {
            Call::ChangePassword | Call::LogIn { .. } | Call::LogoutEverywhere => {
                (None, String::new())
            }
            Call::Logout(token) | Call::Refresh { token, .. } => self.text(client, token),
        };
        let stranger = matches!(call, Call::Refresh { stranger: true, .. });
        let device = self.client(stranger);
        self.clients[client].call = Some(Running::new(
            call,
            node,
            (self.clients[client].family, place),
            text,
            device,
            self.nodes[node].sessions.clone(),
            self.nodes[node].clock.clone(),
        ));
    }

    /// Takes one turn of a client.
    fn go(&mut self, client: usize, fault: Fault) {
        let Some(mut running) = self.clients[client].call.take() else {
            return;
        };
        let now = self.nodes[running.node].now();
        running.came.get_or_insert(now);
        self.stage.next_turn(now, fault);
        let polled = poll(running.future.as_mut());
        let turn = self.stage.end_turn();
        if turn.has_failed {
            running.has_failed = true;
            self.doubt(&running);
        }
        let told = match turn.happened {
            Some(happened) => self.note(&mut running, happened),
            None => Vec::new(),
        };
        let events = self.nodes[running.node].events();
        let events: Vec<_> = events.iter().map(in_short).collect();
        let (answers, events): (Vec<_>, Vec<_>) = events
            .into_iter()
            .partition(|(_, told)| told.is_with_answer());
        assert_eq!(events, told);
        let family = &self.families[running.family];
        assert!(answers.iter().all(|(id, _)| *id == family.id));
        let answers: Vec<_> = answers.into_iter().map(|(_, told)| told).collect();
        match polled {
            Poll::Pending => {
                assert_eq!(answers, []);
                // It may be about to ask for an end.
                self.doubt(&running);
                self.clients[client].call = Some(running);
            }
            Poll::Ready(outcome) => self.judge(client, &running, outcome, &answers),
        }
    }

    /// Returns true if client 0 gets a pair when nothing else happens.
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
        self.begin(0, 0, call);
        self.go_to_the_end(0);
        count(self) > before
    }

    fn go_to_the_end(&mut self, client: usize) {
        while self.clients[client].call.is_some() {
            self.go(client, Fault::None);
        }
    }

    /// Runs a future at a node while nothing else happens.
    fn run<T>(&self, node: usize, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            self.stage.next_turn(self.nodes[node].now(), Fault::None);
            if let Poll::Ready(answer) = poll(future.as_mut()) {
                return answer;
            }
        }
    }

    /// Returns the position of a token in the session of this client, and its text.
    fn text(&self, client: usize, token: Token) -> (Option<usize>, String) {
        let caller = &self.clients[client];
        let tokens = &self.families[caller.family].tokens;
        let known = |place: &usize| tokens[*place].is_some();
        // Clients only use sessions of which some client was given a token.
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

    fn client(&self, stranger: bool) -> ClientInfo {
        let device = TokenHash::from_bytes([u8::from(stranger); 32]);
        if self.rules.bound {
            ClientInfo::new().binding(device)
        } else {
            ClientInfo::new()
        }
    }
}

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

pub(crate) fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs())
}
