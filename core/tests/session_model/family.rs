//! The oracle: a session is the list of its tokens.

use countersign::session::{SessionId, TokenPair, store::StoredSession};

/// The state of one session. Times in seconds since 1970.
pub(crate) struct Family {
    pub(crate) id: SessionId,
    /// All tokens in the order in which they were made. `None` if no client has it: the answer got
    /// lost.
    pub(crate) tokens: Vec<Option<String>>,
    /// The exchanged tokens that can still get an answer, the newest first: the position of each,
    /// and when it was exchanged.
    pub(crate) chain: Vec<(usize, i64)>,
    /// The time at which the newest token was made; never before that of the previous token.
    pub(crate) newest_since: i64,
    pub(crate) expires_at: i64,
    pub(crate) absolute_expires_at: i64,
    /// True if it has been ended, or swept after it had expired.
    pub(crate) is_over: bool,
    /// True if it has been ended.
    pub(crate) is_ended: bool,
    /// The access tokens that clients were given.
    pub(crate) access: Vec<Access>,
}

/// An access token. Times in seconds since 1970, by the clock of the node that made it.
pub(crate) struct Access {
    pub(crate) text: String,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
}

/// The most exchanged tokens that a session has an answer for.
const LONGEST_CHAIN: usize = 16;

/// The worth of a token at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// It is the newest.
    Newest,
    /// It was exchanged, and was presented within its grace window.
    Recent,
    /// It is an older one, or was never made, but names the session.
    Old,
    /// The session has expired.
    Expired,
    /// The session is over.
    Over,
}

impl Worth {
    /// Returns true if it may get an answer.
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Newest | Self::Recent)
    }
}

impl Family {
    /// Creates a session that has just been added, whose token no client has yet.
    pub(crate) fn of(row: &StoredSession) -> Self {
        Self {
            id: row.id.clone(),
            tokens: vec![None],
            chain: Vec::new(),
            newest_since: row.last_used_at,
            expires_at: row.expires_at,
            absolute_expires_at: row.absolute_expires_at,
            is_over: false,
            is_ended: false,
            access: Vec::new(),
        }
    }

    /// Records the access token of an answer.
    pub(crate) fn keep(&mut self, pair: &TokenPair) {
        let token = pair.access_token();
        self.access.push(Access {
            text: token.as_str().to_owned(),
            issued_at: token.expires_at() - token.expires_in(),
            expires_at: token.expires_at(),
        });
    }

    /// Returns the position of a token in the list; `None` if it was never made.
    pub(crate) fn place(&self, token: &str) -> Option<usize> {
        let is_it = |made: &Option<String>| made.as_deref() == Some(token);
        self.tokens.iter().position(is_it)
    }

    /// Returns the worth at the time `now` of the token at this position, which was presented at
    /// `came`.
    pub(crate) fn worth(&self, place: Option<usize>, came: i64, now: i64, grace: i64) -> Worth {
        if self.is_over {
            return Worth::Over;
        }
        // A clock that is behind the last exchange is wrong.
        if now.max(self.newest_since) >= self.expires_at {
            return Worth::Expired;
        }
        if place == Some(self.tokens.len() - 1) {
            return Worth::Newest;
        }
        let mut recent = self.recent(came, grace);
        match recent.any(|(own, _)| Some(own) == place) {
            true => Worth::Recent,
            false => Worth::Old,
        }
    }

    /// Returns the tokens of the chain whose window is open for one that was presented at this
    /// time.
    fn recent(&self, came: i64, grace: i64) -> impl Iterator<Item = (usize, i64)> {
        let came = came.max(self.newest_since);
        let chain = self.chain.iter().copied();
        chain.take_while(move |(_, exchanged_at)| came - exchanged_at < grace)
    }

    /// Returns true if the newest token stays, because enough were exchanged within the window.
    pub(crate) fn is_paused(&self, came: i64, grace: i64) -> bool {
        self.recent(came, grace).count() == LONGEST_CHAIN
    }

    /// Exchanges the newest token for the next, which no client has yet.
    pub(crate) fn exchange(&mut self, at: i64, grace: i64) {
        self.chain = self.recent(at, grace).collect();
        self.chain.insert(0, (self.tokens.len() - 1, at));
        self.chain.truncate(LONGEST_CHAIN);
        self.tokens.push(None);
        self.newest_since = at;
    }

    /// Records that a client was given the token at this position.
    pub(crate) fn tell(&mut self, place: usize, token: &str) {
        match &self.tokens[place] {
            Some(told) => assert_eq!(told, token, "two successors of one token"),
            None => {
                assert_eq!(self.place(token), None, "a token came twice");
                self.tokens[place] = Some(token.to_owned());
            }
        }
    }
}
