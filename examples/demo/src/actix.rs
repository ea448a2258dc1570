//! Serving connections that no client can hold up, with actix-web.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    convert::Infallible,
    error::Error as StdError,
    future::{pending, poll_fn},
    io,
    net::{Shutdown, TcpListener},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Extensions, Payload, Server, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::{ConnectionType, StatusCode},
    middleware::Next,
    web::{Bytes, Data},
};
use futures_util::{Stream, stream::unfold};
use socket2::SockRef;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{Drain, accepting};

/// Serves until `stop` ends. Then requests under way may end, but nobody can hold the server up for longer than its
/// `shutdown_timeout`. The server must not listen to signals by itself.
///
/// actix-web drops new connections whose request it has not read when it stops. So it stops accepting first, and
/// later serving. In the meantime nobody may wait in the queue of the socket, unless another server has it as well:
/// when the drain is over, the socket is closed for all.
///
/// # Errors
///
/// The server ended by itself.
pub async fn until(
    stop: impl Future<Output = ()> + Send + 'static,
    drain: Drain,
    listener: TcpListener,
    server: Server,
) -> io::Result<()> {
    let handle = server.handle();
    let stopping = async move {
        stop.await;
        if drain.has_stopped() {
            accepting::stops();
        }
        handle.pause().await;
        if drain.has_stopped() {
            // What is no listener any more refuses connections at once. Where this fails, they are reset later.
            let _ = SockRef::from(&listener).shutdown(Shutdown::Read);
        }
        drop(listener);
        sleep(crate::FIRST_REQUEST).await;
        handle.stop(true).await;
        pending::<Infallible>().await
    };
    tokio::select! {
        ended = server => ended,
        never = stopping => match never {},
    }
}

/// Notes a connection that was accepted: for `HttpServer::on_connect`.
pub fn accepted(_connection: &dyn Any, _data: &mut Extensions) {
    accepting::works();
}

/// Closes the connection with the answer while the server drains: balancers then open no new one here. The app's
/// data must have the [`Drain`].
///
/// # Errors
///
/// Those of the services inside.
pub async fn closed_while_draining<B>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error>
where
    B: MessageBody,
{
    let drain = request.app_data::<Data<Drain>>().cloned();
    let mut response = next.call(request).await?;
    if drain.is_some_and(|drain| drain.is_draining()) {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// Answers 408 to a client that does not send its body in [time](crate::BODY_TIMEOUT), and closes
/// the connection (RFC 9110 section 15.5.9).
///
/// A handler that waits for the body meets an error then, and what it makes of that is not sent. One
/// that does not read the body does not wait for it: the connection is closed after the answer.
///
/// # Errors
///
/// Those of the services inside.
pub async fn body_in_time<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse, Error> {
    let late = Rc::new(Cell::new(false));
    let received = Rc::new(RefCell::new(request.take_payload()));
    let body = within(crate::BODY_TIMEOUT, Rc::clone(&received), Rc::clone(&late));
    request.set_payload(Payload::Stream {
        payload: Box::pin(body),
    });
    let response = next.call(request).await?;
    let response = match late.get() {
        true => {
            let mut answer = HttpResponse::build(StatusCode::REQUEST_TIMEOUT);
            response.into_response(answer.force_close().finish())
        }
        false => response.map_into_boxed_body(),
    };
    let keep = |_: &mut _, body| Answer {
        body,
        _received: received,
    };
    Ok(response.map_body(keep).map_into_boxed_body())
}

/// Passes on the body that arrives within this time, and an error if that is not all.
fn within(
    time: Duration,
    received: Rc<RefCell<Payload>>,
    late: Rc<Cell<bool>>,
) -> impl Stream<Item = Result<Bytes, PayloadError>> {
    let deadline = Instant::now() + time;
    unfold(received, move |received| {
        let late = Rc::clone(&late);
        async move {
            let chunk = poll_fn(|cx| Pin::new(&mut *received.borrow_mut()).poll_next(cx));
            let chunk = timeout_at(deadline, chunk).await.unwrap_or_else(|_| {
                late.set(true);
                Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into())))
            });
            Some((chunk?, received))
        }
    })
}

/// The body of an answer, with that of its request.
///
/// actix-web waits without end for the rest of a chunked body that was dropped. One that is kept
/// until the answer is sent makes it close the connection.
struct Answer {
    body: BoxBody,
    _received: Rc<RefCell<Payload>>,
}

impl MessageBody for Answer {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(cx)
    }
}
