//! An answer that is being made.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::reply::Reply;
use crate::{future::BoxFuture, session::Begun};

/// The future of a [`Reply`]. Made by [`SessionRoutes::answer`](crate::SessionRoutes::answer).
///
/// A client that goes away has its future dropped, and what it asked for is not done, or half: nobody has
/// the tokens of such a login or refresh then. But an ending that has begun must finish: a logout, and
/// also the ending after a replay, of one session too many, or of a user who is gone. For that, an adapter
/// says how to [go on](Self::finish_with) without the client.
#[must_use = "nothing is done until it is polled"]
pub struct Answer {
    /// `None` when it is there.
    reply: Option<BoxFuture<Reply>>,
    begun: Begun,
    spawn: Option<Box<Spawn>>,
}

type Spawn = dyn FnOnce(Answer) + Send;

impl Answer {
    /// An answer that must finish once the mark is set.
    pub(super) fn new(reply: impl Future<Output = Reply> + Send + 'static, begun: Begun) -> Self {
        Self {
            reply: Some(Box::pin(reply)),
            begun,
            spawn: None,
        }
    }

    /// Sets what is done with the rest of the answer, if it is dropped before its end and must finish: to
    /// poll it in a task of its own. Without this it is dropped, and an ending may be done at the store
    /// and in force at this node only.
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
        let Some(reply) = self.reply.take().filter(|_| self.begun.is_set()) else {
            return;
        };
        if let Some(spawn) = self.spawn.take() {
            spawn(Self {
                reply: Some(reply),
                begun: self.begun.clone(),
                spawn: None,
            });
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("must_finish", &self.begun.is_set())
            .finish_non_exhaustive()
    }
}
