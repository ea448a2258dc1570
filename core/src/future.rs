//! Boxed futures, and futures that usually have their value already.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A boxed future: what [`KeySource::refresh`](crate::keys::KeySource::refresh) and other traits of the crate
/// return, so that they can be used as trait objects.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Ready at once on the hot path; boxed only when there is something to wait for.
pub(crate) enum MaybeReady<T> {
    Ready(Option<T>),
    Waiting(BoxFuture<T>),
}

impl<T: Send + 'static> MaybeReady<T> {
    pub(crate) fn ready(value: T) -> Self {
        Self::Ready(Some(value))
    }

    pub(crate) fn waiting(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Waiting(Box::pin(future))
    }
}

/// The value is moved out, never pinned.
impl<T> Unpin for MaybeReady<T> {}

impl<T> Future for MaybeReady<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.get_mut() {
            // A future that was ready must not be polled again: only a broken executor does.
            Self::Ready(value) => Poll::Ready(value.take().expect("polled after it was ready")),
            Self::Waiting(future) => future.as_mut().poll(cx),
        }
    }
}
