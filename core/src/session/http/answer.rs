//! The future of an answer, which may have to outlive its client.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::reply::Reply;
use crate::{future::BoxFuture, session::logout::EndingFlag};

/// The future of a [`Reply`]. Made by [`SessionRoutes::answer`](crate::SessionRoutes::answer).
///
/// The future of a client that goes away is dropped, and the request is not carried out, or half: nobody has
/// the tokens of such a login or refresh then. But an ending that has begun must finish: a logout, and
/// also the ending after a replay, of one session too many, or of a user who is gone. For that, an adapter
/// sets how to [go on](Self::finish_with) without the client.
#[must_use = "nothing is done until it is polled"]
pub struct Answer {
    /// `None` once the reply was returned.
    reply: Option<BoxFuture<Reply>>,
    ending: EndingFlag,
    spawn: Option<Box<Spawn>>,
}

type Spawn = dyn FnOnce(Answer) + Send;

impl Answer {
    /// Makes an answer that must finish once the flag is set.
    pub(super) fn new(reply: BoxFuture<Reply>, ending: EndingFlag) -> Self {
        // Also where another task polls the rest.
        #[cfg(feature = "spans")]
        let reply = Box::pin(tracing::Instrument::in_current_span(reply)) as BoxFuture<Reply>;
        Self {
            reply: Some(reply),
            ending,
            spawn: None,
        }
    }

    /// Sets a function that polls the rest of the answer in a task of its own, if it is dropped before its
    /// end and must finish. Without it the rest is dropped, and an ending may be in force at the store
    /// and at this node only.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::adapter::{Answer, Reply};
    ///
    /// # mod tokio { pub fn spawn<F: Future + Send + 'static>(_: F) {} }
    /// async fn finished(answer: Answer) -> Reply {
    ///     answer.finish_with(|rest| drop(tokio::spawn(rest))).await
    /// }
    /// ```
    pub fn finish_with(mut self, spawn: impl FnOnce(Self) + Send + 'static) -> Self {
        self.spawn = Some(Box::new(spawn));
        self
    }
}

impl Future for Answer {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        // Taken out, so that one that panics is not polled again by whoever finishes it.
        let Some(mut reply) = self.reply.take() else {
            return Poll::Pending;
        };
        let polled = reply.as_mut().poll(cx);
        if polled.is_pending() {
            self.reply = Some(reply);
        }
        polled
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take()
            && let Some(spawn) = self.spawn.take()
            && self.ending.is_set()
        {
            spawn(Self {
                reply: Some(reply),
                ending: self.ending.clone(),
                spawn: None,
            });
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("must_finish", &self.ending.is_set())
            .finish_non_exhaustive()
    }
}
