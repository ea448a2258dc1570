//! An answer that is being made.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{keys::BoxFuture, session_routes::Reply};

/// The future of a [`Reply`]. Made by [`SessionRoutes::answer`](crate::SessionRoutes::answer).
///
/// A client that goes away has its future dropped, and what it asked for is not done, or half. Nobody has
/// the tokens of such a login or refresh then. If it was about to end a session (a replay, a login too
/// many), that may be undone at the store and in force at this node only. A logout
/// [must finish](Self::must_finish).
#[must_use = "nothing is done until it is polled"]
pub struct Answer {
    reply: BoxFuture<Reply>,
    must_finish: bool,
}

impl Answer {
    pub(super) fn new(
        reply: impl Future<Output = Reply> + Send + 'static,
        must_finish: bool,
    ) -> Self {
        Self {
            reply: Box::pin(reply),
            must_finish,
        }
    }

    /// Whether it ends a session. Then an adapter polls it in a task of its own, so that it is carried
    /// out although the client has closed the connection.
    #[must_use]
    pub fn must_finish(&self) -> bool {
        self.must_finish
    }
}

impl Future for Answer {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        self.reply.as_mut().poll(cx)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("must_finish", &self.must_finish)
            .finish_non_exhaustive()
    }
}
