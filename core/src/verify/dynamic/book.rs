//! The book of a resolver's questions: those under way, those answered with no, and how many may be asked.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::{
    sync::watch,
    time::{Duration, Instant},
};

use super::answer::{Answer, Refusal};

/// What is known of issuers that have no verifier.
pub(super) struct Book {
    refused: HashMap<Arc<str>, Refused>,
    under_way: HashMap<Arc<str>, Question>,
    budget: Budget,
    next_id: u64,
}

struct Refused {
    why: Refusal,
    until: Instant,
}

/// A question that is under way.
pub(super) struct Question {
    id: u64,
    news: watch::Sender<News>,
}

/// The news of a question.
#[derive(Clone)]
pub(super) enum News {
    None,
    Answered(Answer),
    /// The app has changed something since it was asked: ask again.
    Void,
}

impl Book {
    /// The most refusals that are remembered. Beyond it, the budget alone bounds the questions.
    const MOST_REFUSED: usize = 10_000;

    pub(super) fn new(new_per_minute: usize) -> Self {
        Self {
            refused: HashMap::new(),
            under_way: HashMap::new(),
            budget: Budget::new(new_per_minute),
            next_id: 0,
        }
    }

    /// Returns why an issuer is refused, and for how long still.
    pub(super) fn refused(&self, issuer: &str, now: Instant) -> Option<(Refusal, Duration)> {
        let refused = self.refused.get(issuer).filter(|own| now < own.until)?;
        Some((refused.why.clone(), refused.until - now))
    }

    /// Remembers a refusal. Those of the app's own are always remembered: their number is not up to clients.
    pub(super) fn refuse(
        &mut self,
        issuer: &Arc<str>,
        why: Refusal,
        now: Instant,
        time: Duration,
        is_own: bool,
    ) {
        if self.refused.len() >= Self::MOST_REFUSED {
            self.refused.retain(|_, own| now < own.until);
        }
        if is_own || self.refused.len() < Self::MOST_REFUSED {
            let until = now + time;
            self.refused
                .insert(Arc::clone(issuer), Refused { why, until });
        }
    }

    pub(super) fn forget_refusal(&mut self, issuer: &str) {
        self.refused.remove(issuer);
    }

    /// Returns the news of a question that is under way.
    pub(super) fn under_way(&self, issuer: &str) -> Option<watch::Receiver<News>> {
        Some(self.under_way.get(issuer)?.news.subscribe())
    }

    /// Returns how many questions are under way.
    pub(super) fn asking(&self) -> usize {
        self.under_way.len()
    }

    /// Begins a question: its number, and its news.
    ///
    /// # Errors
    ///
    /// The time after which there is a budget for it.
    pub(super) fn begin(
        &mut self,
        issuer: &Arc<str>,
        now: Instant,
    ) -> Result<(u64, watch::Receiver<News>), Duration> {
        self.budget.take(now)?;
        self.next_id += 1;
        let (news, receiver) = watch::channel(News::None);
        let id = self.next_id;
        self.under_way
            .insert(Arc::clone(issuer), Question { id, news });
        Ok((id, receiver))
    }

    /// Ends a question; `None` if it is void.
    pub(super) fn end(&mut self, issuer: &str, id: u64) -> Option<Question> {
        match self.under_way.get(issuer) {
            Some(question) if question.id == id => self.under_way.remove(issuer),
            _ => None,
        }
    }

    /// Makes a question void that is under way.
    pub(super) fn void(&mut self, issuer: &str) {
        if let Some(question) = self.under_way.remove(issuer) {
            question.news.send_replace(News::Void);
        }
    }
}

impl Question {
    pub(super) fn tell(self, answer: Answer) {
        self.news.send_replace(News::Answered(answer));
    }
}

/// The budget of questions: so many in any minute.
struct Budget {
    most: usize,
    asked: VecDeque<Instant>,
}

impl Budget {
    const WINDOW: Duration = Duration::from_secs(60);

    fn new(most: usize) -> Self {
        Self {
            most,
            asked: VecDeque::new(),
        }
    }

    /// Takes one, or says after which time there is one.
    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        while let Some(first) = self.asked.front()
            && now.saturating_duration_since(*first) >= Self::WINDOW
        {
            self.asked.pop_front();
        }
        match self.asked.front() {
            Some(first) if self.asked.len() >= self.most => {
                Err(Self::WINDOW.saturating_sub(now.saturating_duration_since(*first)))
            }
            _ => {
                self.asked.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_minute_has_so_many_questions_and_no_more() {
        let start = Instant::now();
        let mut budget = Budget::new(3);
        let mut taken = Vec::new();
        for tenth in 0..3_000 {
            let now = start + Duration::from_millis(tenth * 100);
            match budget.take(now) {
                Ok(()) => taken.push(now),
                Err(after) => assert!(Budget::new(3).take(now).is_ok() && after <= Budget::WINDOW),
            }
        }
        assert!(taken.len() >= 12, "{}", taken.len());
        for four in taken.windows(4) {
            assert!(four[3] - four[0] >= Budget::WINDOW);
        }
    }

    #[test]
    fn a_flood_of_refusals_is_bounded_and_those_of_the_app_are_kept() {
        let now = Instant::now();
        let mut book = Book::new(60);
        let minute = Duration::from_secs(60);
        let name = |n: usize| Arc::from(format!("https://id.example/{n}"));
        for n in 0..Book::MOST_REFUSED + 10 {
            book.refuse(&name(n), Refusal::Unknown, now, minute, false);
        }
        assert_eq!(book.refused.len(), Book::MOST_REFUSED);
        book.refuse(
            &Arc::from("https://own.example"),
            Refusal::Unknown,
            now,
            minute,
            true,
        );
        assert!(book.refused("https://own.example", now).is_some());
        assert!(book.refused("https://own.example", now + minute).is_none());
        book.refuse(&name(0), Refusal::Unknown, now + minute, minute, false);
        assert_eq!(book.refused.len(), 1);
    }
}
