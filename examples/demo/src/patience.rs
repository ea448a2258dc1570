//! A connection whose client has little time for a head that it has begun, and much between requests.

use std::{
    io::{self, ErrorKind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
    time::{Sleep, sleep},
};

/// A connection that fails when the client does not end a head in [time](crate::HEAD_TIMEOUT): from the
/// connection on for the first request, from its first byte on for the others.
///
/// The server itself limits the time between requests.
pub(crate) struct Patience {
    stream: TcpStream,
    requests: Requests,
    /// While a head is awaited or being read.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// The requests of a connection.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Counted>);

#[derive(Default)]
struct Counted {
    under_way: AtomicUsize,
    /// Has a permit once there was a request.
    first: Notify,
}

/// A request under way, until this is dropped.
pub(crate) struct Request(Arc<Counted>);

impl Patience {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            requests: Requests::default(),
            deadline: Some(Box::pin(sleep(crate::HEAD_TIMEOUT))),
        }
    }

    pub(crate) fn requests(&self) -> Requests {
        self.requests.clone()
    }
}

impl Requests {
    /// Notes that a head has been read.
    pub(crate) fn begin(&self) -> Request {
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        self.0.first.notify_one();
        Request(Arc::clone(&self.0))
    }

    /// Ends once there was a request. It is for one waiter.
    pub(crate) async fn first(&self) {
        self.0.first.notified().await;
    }

    fn are_none(&self) -> bool {
        self.0.under_way.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsyncRead for Patience {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer)?;
        if !self.requests.are_none() {
            self.deadline = None; // what comes now is a body
            return read.map(Ok);
        }
        let has_more = buffer.filled().len() > before;
        if has_more && self.deadline.is_none() {
            self.deadline = Some(Box::pin(sleep(crate::HEAD_TIMEOUT)));
        }
        match (&read, &mut self.deadline) {
            (Poll::Pending, Some(deadline)) => {
                let late = |()| Err(io::Error::from(ErrorKind::TimedOut));
                deadline.as_mut().poll(cx).map(late)
            }
            _ => read.map(Ok),
        }
    }
}

impl AsyncWrite for Patience {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
