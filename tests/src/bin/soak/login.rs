//! The steps of one user at one node of the login example, and the answers that they accept.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::atomic::AtomicU64,
    thread,
    time::{Duration, Instant},
};

use countersign_tests::Request;

use crate::{
    Phase,
    account::{Account, Fate, SURELY_REPEATED, Session, tokens},
    client::{Client, Dice, Pace, Turn},
    record::{Record, Seen},
    requests::{api, log_out, login, refresh},
};

/// A node, and the number of requests that were sent to it.
pub(crate) struct Node {
    pub(crate) record: Record,
    pub(crate) address: SocketAddr,
    pub(crate) count: AtomicU64,
}

/// The number of sessions that a user has at a node at the same time.
const SESSIONS: usize = 6;
/// The number of ended sessions whose tokens are tried again now and then.
const DEAD: usize = 20;
/// The interval between ended sessions: a subject fills 200 entries of the revocation list in five
/// to six minutes, at each node.
const ENDINGS: Duration = Duration::from_secs(4);
/// The interval between wrong passwords: ten a minute are allowed.
const WRONG_PASSWORDS: Duration = Duration::from_secs(12);
const EVERYWHERE: Duration = Duration::from_secs(20);
/// The pause before a request is repeated during an outage, and the most repetitions.
const PAUSE: Duration = Duration::from_millis(200);
const TRIES: usize = 100;

/// A user at a node.
pub(crate) struct User<'a> {
    nodes: &'a [Node],
    here: usize,
    account: &'a Account,
    client: Client,
    second: Client,
    elsewhere: Client,
    sessions: Vec<Session>,
    dead: VecDeque<Session>,
    dice: Dice,
    ending: Turn,
    wrong: Turn,
    /// Set for the one user of the account that logs out everywhere.
    everywhere: Option<Turn>,
    asked: u64,
}

impl<'a> User<'a> {
    pub(crate) fn new(nodes: &'a [Node], here: usize, account: &'a Account, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let there = nodes.len() - 1 - here;
        Self {
            client: Client::new(nodes[here].address),
            second: Client::new(nodes[here].address),
            elsewhere: Client::new(nodes[there].address),
            ending: Turn::every(ENDINGS, &mut dice),
            wrong: Turn::every(WRONG_PASSWORDS, &mut dice),
            everywhere: (here == usize::from(account.is_admin))
                .then(|| Turn::every(EVERYWHERE, &mut dice)),
            nodes,
            here,
            account,
            sessions: Vec::new(),
            dead: VecDeque::new(),
            dice,
            asked: 0,
        }
    }

    /// Logs in until it has all its sessions.
    pub(crate) fn prepare(mut self) -> Self {
        for _ in 0..TRIES {
            if self.sessions.len() == SESSIONS {
                break;
            }
            self.log_in();
        }
        self
    }

    pub(crate) fn run(mut self, phase: &Phase) {
        let mut pace = Pace::new(&self.nodes[self.here].count);
        while !phase.is_over() {
            let before = self.asked;
            self.act();
            pace.done(self.asked - before, phase.is_measuring());
        }
    }

    fn act(&mut self) {
        if self.sessions.len() < SESSIONS {
            return self.log_in();
        }
        let which = self.dice.below(SESSIONS);
        let now = Instant::now();
        if let Fate::Ended(..) = self.sessions[which].fate(self.account, (now, now)) {
            return self.bury(which);
        }
        if self.ending.is_due() {
            return match self.sessions[which].replayable() {
                Some(token) if self.dice.below(2) == 0 => self.replay(which, &token),
                _ => self.log_out(which),
            };
        }
        if self.wrong.is_due() {
            return self.send_wrong_password();
        }
        if self.everywhere.as_mut().is_some_and(Turn::is_due) {
            return self.log_out_everywhere(which);
        }
        // Now and then a token is used until it has expired.
        if self.sessions[which].is_due() && self.dice.below(20) > 0 {
            return self.refresh(which);
        }
        match self.dice.below(100) {
            0..5 => self.refresh(which),
            5..7 => self.refresh_twice_at_once(which),
            7..9 => self.repeat(which),
            9..12 => self.visit_other_node(which),
            12..15 => self.visit_admin(which),
            15..18 => self.try_the_dead(),
            18 => self.send_no_token(),
            _ => self.visit(which),
        }
    }

    fn record(&self) -> &'a Record {
        &self.nodes[self.here].record
    }

    fn ask(&mut self, request: &Request) -> Seen {
        self.asked += 1;
        self.client.ask(request)
    }

    fn log_in(&mut self) {
        let seen = self.ask(&login(self.account.email, "password123"));
        let disturbed = self.account.is_disturbed((seen.sent, seen.got));
        let allowed: &[u16] = if disturbed { &[200, 400, 401] } else { &[200] };
        if !self.record().judge("a login", &seen, allowed) {
            return thread::sleep(PAUSE);
        }
        if seen.status() != 200 {
            return;
        }
        match Session::born(&seen) {
            Some(session) => self.sessions.push(session),
            None => self.record().violation("a login without tokens"),
        }
        if disturbed {
            // It is unknown whether it has ended already.
            self.log_out(self.sessions.len() - 1);
        }
    }

    fn send_wrong_password(&mut self) {
        let seen = self.ask(&login(self.account.email, "password124"));
        self.record().judge("a wrong password", &seen, &[401]);
    }

    fn visit(&mut self, which: usize) {
        let seen = self.ask(&api("/api/profile", &self.sessions[which]));
        self.judge_access(&self.sessions[which], &seen, self.here, 200);
    }

    fn visit_admin(&mut self, which: usize) {
        let seen = self.ask(&api("/api/admin", &self.sessions[which]));
        let good = if self.account.is_admin { 200 } else { 403 };
        self.judge_access(&self.sessions[which], &seen, self.here, good);
    }

    fn visit_other_node(&mut self, which: usize) {
        self.asked += 1;
        let seen = self
            .elsewhere
            .ask(&api("/api/profile", &self.sessions[which]));
        let there = self.nodes.len() - 1 - self.here;
        self.judge_access(&self.sessions[which], &seen, there, 200);
    }

    fn send_no_token(&mut self) {
        let seen = self.ask(&Request::bearer("no.such.token").target("/api/profile"));
        self.record().judge("no token", &seen, &[401]);
    }

    fn judge_access(&self, session: &Session, seen: &Seen, node: usize, good: u16) {
        let record = &self.nodes[node].record;
        let allowed = session.allowed(self.account, seen, node, record.outages(), good);
        match session.fate(self.account, (seen.sent, seen.got)) {
            Fate::Ended(at, by) => {
                let ago = seen.sent.saturating_duration_since(at);
                let what =
                    format!("an access token at node {node}, ended by node {by} {ago:.1?} ago");
                record.judge(&what, seen, &allowed)
            }
            Fate::Alive | Fate::Unclear => record.judge("an access token", seen, &allowed),
        };
    }

    /// Checks that the tokens of an ended session are refused, whichever node they are sent to.
    fn bury(&mut self, which: usize) {
        let session = self.sessions.swap_remove(which);
        self.check_dead(&session);
        self.dead.push_back(session);
        if self.dead.len() > DEAD {
            self.dead.pop_front();
        }
    }

    fn try_the_dead(&mut self) {
        let which = self.dice.below(self.dead.len());
        if let Some(session) = self.dead.remove(which) {
            self.check_dead(&session);
            self.dead.push_back(session);
        }
    }

    fn check_dead(&mut self, session: &Session) {
        let seen = self.ask(&api("/api/profile", session));
        self.judge_access(session, &seen, self.here, 200);
        let seen = self.ask(&refresh(&session.refresh));
        let what = "the refresh token of an ended session";
        self.record().judge(what, &seen, &[400]);
    }

    fn refresh(&mut self, which: usize) {
        self.refresh_since(which, Instant::now());
    }

    /// Refreshes, repeatedly during an outage: the client first asked at `first`, and can have
    /// missed an answer.
    fn refresh_since(&mut self, which: usize, first: Instant) {
        let request = refresh(&self.sessions[which].refresh);
        for _ in 0..TRIES {
            let seen = self.ask(&request);
            if self.judge_refresh(which, &seen, first) {
                return match tokens(&seen) {
                    Some((access, refresh)) if seen.status() == 200 => {
                        self.sessions[which].renew(access, refresh, first, seen.got);
                    }
                    _ => self.lose(which),
                };
            }
            if seen.status() != 503 {
                return self.lose(which);
            }
            thread::sleep(PAUSE);
        }
        self.lose(which);
    }

    /// Judges the answer to a refresh token that was current, or exchanged, at `since`.
    fn judge_refresh(&self, which: usize, seen: &Seen, since: Instant) -> bool {
        let is_late = seen.got - since > SURELY_REPEATED;
        let fate = self.sessions[which].fate(self.account, (seen.sent, seen.got));
        let allowed: &[u16] = match fate {
            Fate::Alive if !is_late => &[200],
            Fate::Ended(..) => &[400],
            Fate::Alive | Fate::Unclear => &[200, 400],
        };
        self.record().judge("a refresh token", seen, allowed)
    }

    /// Refreshes in two tabs at the same moment: both go on, with the same token.
    fn refresh_twice_at_once(&mut self, which: usize) {
        let presented = self.sessions[which].refresh.clone();
        let request = refresh(&presented);
        self.asked += 2;
        let sent = [self.client.send(&request), self.second.send(&request)];
        let both = [self.client.receive(sent[0]), self.second.receive(sent[1])];
        let mut next: Option<(String, String)> = None;
        for seen in &both {
            if !self.judge_refresh(which, seen, sent[0]) || seen.status() != 200 {
                continue;
            }
            let Some((access, refresh)) = tokens(seen) else {
                self.record().violation("a refresh without tokens");
                continue;
            };
            // A session that was refreshed very often returns the current token again.
            match &next {
                Some((_, other)) if *other != presented && refresh == presented => {}
                Some((_, other)) if *other != presented && *other != refresh => {
                    self.record()
                        .violation("two parallel refreshes, two tokens");
                }
                _ => next = Some((access, refresh)),
            }
        }
        let got = both[0].got.max(both[1].got);
        match next {
            Some((access, refresh)) => {
                self.sessions[which].renew(access, refresh, sent[0], got);
            }
            None if both.iter().all(|seen| seen.status() == 400) => self.lose(which),
            None => self.refresh_since(which, sent[0]),
        }
    }

    /// Repeats a refresh whose answer got lost: the client presents its token once more.
    fn repeat(&mut self, which: usize) {
        let Some((token, exchanged)) = self.sessions[which].repeatable() else {
            return self.refresh(which);
        };
        let seen = self.ask(&refresh(&token));
        if !self.judge_refresh(which, &seen, exchanged) {
            return;
        }
        let session = &mut self.sessions[which];
        match tokens(&seen) {
            Some((access, current)) if seen.status() == 200 => {
                let is_current = current == session.refresh;
                session.renew(access, current, seen.sent, seen.got);
                if !is_current {
                    self.record().violation("a repeated refresh, another token");
                }
            }
            _ => self.lose(which),
        }
    }

    /// Presents a token that was exchanged long ago, as a thief would: the session ends for both.
    fn replay(&mut self, which: usize, token: &str) {
        for _ in 0..TRIES {
            let seen = self.ask(&refresh(token));
            if self.record().judge("a replay", &seen, &[400]) {
                let by = self.account.ended_by(self.here, (seen.sent, seen.got));
                self.sessions[which].end(seen.got, by);
                self.bury(which);
                return self.visit(0); // no other session is affected
            }
            if seen.status() != 503 {
                break;
            }
            thread::sleep(PAUSE);
        }
        self.lose(which);
    }

    fn log_out(&mut self, which: usize) {
        let request = log_out(&self.sessions[which].refresh);
        for _ in 0..TRIES {
            let seen = self.ask(&request);
            if self.record().judge("a logout", &seen, &[204]) {
                let by = self.account.ended_by(self.here, (seen.sent, seen.got));
                self.sessions[which].end(seen.got, by);
                return self.bury(which);
            }
            if seen.status() != 503 {
                break;
            }
            thread::sleep(PAUSE);
        }
        self.lose(which);
    }

    fn log_out_everywhere(&mut self, which: usize) {
        let number = self.account.begin_everywhere(self.here);
        let mut access = self.sessions[which].access.clone();
        for _ in 0..TRIES {
            let request = Request::bearer(&access).method("POST");
            let seen = self.ask(&request.target("/token/logout-all"));
            // The token can have expired, or an earlier try, answered with 503, can have ended its
            // session.
            if self
                .record()
                .judge("a logout everywhere", &seen, &[204, 401])
            {
                if seen.status() == 204 {
                    return self.account.end_everywhere(number, seen.got);
                }
                let seen = self.ask(&login(self.account.email, "password123"));
                self.record().judge("a login", &seen, &[200, 400, 401]);
                if let Some((fresh, _)) = tokens(&seen) {
                    access = fresh;
                    continue;
                }
            }
            thread::sleep(PAUSE);
        }
        self.record()
            .violation("a logout everywhere never succeeds");
    }

    /// Forgets a session whose state is no longer known.
    fn lose(&mut self, which: usize) {
        self.sessions.swap_remove(which);
    }
}
