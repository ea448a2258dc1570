//! Reading bodies that no client can hold up, with actix-web.

use std::{
    cell::{Cell, RefCell},
    error::Error as StdError,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::StatusCode,
    middleware::Next,
    web::Bytes,
};
use futures_util::{Stream, stream::unfold};
use tokio::time::{Instant, timeout_at};

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
