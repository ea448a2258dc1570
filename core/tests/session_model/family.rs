//! The oracle: a session is the list of its tokens.

use countersign::SessionId;

/// What is true of one session. Times in seconds since 1970.
pub(crate) struct Family {
    pub(crate) id: SessionId,
    /// All tokens in the order in which they were made. `None` while nobody was told: the answer got
    /// lost.
    pub(crate) tokens: Vec<Option<String>>,
    /// When the newest token was made; never before the one before it.
    pub(crate) newest_since: i64,
    pub(crate) expires_at: i64,
    pub(crate) absolute_expires_at: i64,
    /// Whether it has been ended, or swept after it had expired.
    pub(crate) is_over: bool,
}

/// What a token is worth at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// It is the newest.
    Newest,
    /// It is the one before the newest, and came within the grace window.
    OneBefore,
    /// It is an older one, or was never made, although it names the session.
    Old,
    /// The session has expired.
    Expired,
    /// The session is over.
    Over,
}

impl Worth {
    /// Whether it may get an answer.
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Newest | Self::OneBefore)
    }
}

impl Family {
    /// The place of a token in the list; `None` when it was never made.
    pub(crate) fn place(&self, token: &str) -> Option<usize> {
        let is_it = |made: &Option<String>| made.as_deref() == Some(token);
        self.tokens.iter().position(is_it)
    }

    /// What the token at this place, which came at one time, is worth at another.
    pub(crate) fn worth(&self, place: Option<usize>, came: i64, now: i64, grace: i64) -> Worth {
        if self.is_over {
            return Worth::Over;
        }
        // A clock that is behind the last exchange is wrong.
        if now.max(self.newest_since) >= self.expires_at {
            return Worth::Expired;
        }
        let age = place.map(|place| self.tokens.len() - 1 - place);
        match age {
            Some(0) => Worth::Newest,
            Some(1) if (came - self.newest_since).max(0) < grace => Worth::OneBefore,
            _ => Worth::Old,
        }
    }

    /// Notes that somebody was told the token at this place.
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
