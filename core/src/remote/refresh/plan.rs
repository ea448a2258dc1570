//! The plan that requests and the task of a source change under one lock.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    schedule::{Jitter, KeyNeed, KeyRequest, Schedule},
    state::State,
};
use crate::remote::KeysState;

pub(super) struct Plan {
    pub(super) schedule: Schedule,
    /// The ids of keys to fetch, where each is fetched by itself, with the number of fetches that had begun when a request last needed
    /// it. It is asked for until a later one is good.
    asked: Vec<(Box<str>, u64)>,
    /// The state that was reported last.
    pub(super) reported: KeysState,
    /// True once the last handle is gone.
    pub(super) released: bool,
}

impl Plan {
    /// The most ids that one fetch asks for: requests bring them, and each costs the provider a request.
    const MOST_ASKED: usize = 4;

    pub(super) fn new(jitter: Jitter) -> Self {
        Self {
            schedule: Schedule::new(jitter, Instant::now()),
            asked: Vec::new(),
            reported: KeysState::Starting,
            released: false,
        }
    }

    /// Makes the request that needs this now. It does not wait if too many others do.
    pub(super) fn request(&self, need: KeyNeed, is_full: bool) -> KeyRequest {
        KeyRequest {
            need,
            deadline: Instant::now() + State::PATIENCE * u32::from(!is_full),
            after: self.schedule.count,
        }
    }

    /// Has the next fetch ask for the key of a request; `false` if it asks for enough others.
    pub(super) fn ask(&mut self, request: &KeyRequest) -> bool {
        let KeyNeed::Key(id) = &request.need else {
            return true;
        };
        if let Some((_, after)) = self.asked.iter_mut().find(|(own, _)| own == id) {
            *after = request.after;
            return true;
        }
        let has_room = self.asked.len() < Self::MOST_ASKED;
        if has_room {
            self.asked.push((id.clone(), request.after));
        }
        has_room
    }

    /// Returns the ids that a fetch asks for.
    pub(super) fn asked(&self) -> Vec<Box<str>> {
        self.asked.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Notes that the fetch was good, and so decided about what it asked for.
    pub(super) fn succeed(&mut self, now: Instant, lifetime: Duration) {
        // A request that came after it had begun is for the next one.
        let number = self.schedule.count;
        self.asked.retain(|(_, after)| *after >= number);
        self.schedule.succeed(now, lifetime);
    }
}
