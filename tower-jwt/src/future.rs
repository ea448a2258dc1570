//! The response future: the inner service's, unboxed, or a refusal.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use countersign::adapter::Authenticate;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{response::ResponseForAuthError, service::JwtAuth};

pin_project! {
    /// The response future of [`JwtAuth`] and [`Require`](crate::Require).
    ///
    /// `F` is the inner service's future, held without a box. `W` is what may have to come first.
    /// It is boxed, so that a request that has nothing to wait for, which is nearly every one, does
    /// not carry room for it.
    #[must_use = "a future does nothing until it is polled"]
    pub struct ResponseFuture<F, W = Infallible>
    where
        F: Future,
    {
        #[pin]
        state: State<F, W>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, W>
    where
        F: Future,
    {
        Inner { #[pin] future: F },
        Refused { output: Option<F::Output> },
        Waiting { wait: Box<W> },
    }
}

impl<F: Future, W> ResponseFuture<F, W> {
    pub(crate) fn inner(future: F) -> Self {
        Self {
            state: State::Inner { future },
        }
    }

    pub(crate) fn refused(output: F::Output) -> Self {
        Self {
            state: State::Refused {
                output: Some(output),
            },
        }
    }

    pub(crate) fn waiting(wait: W) -> Self {
        Self {
            state: State::Waiting {
                wait: Box::new(wait),
            },
        }
    }
}

impl<F, W> Future for ResponseFuture<F, W>
where
    F: Future,
    W: Wait<F>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Inner { future } => return future.poll(cx),
                StateProj::Refused { output } => {
                    // It is taken once: only a broken executor polls a future that was ready.
                    return Poll::Ready(output.take().expect("polled after it was ready"));
                }
                StateProj::Waiting { wait } => ready!(wait.poll_next(cx)),
            };
            state.set(match next {
                Ok(future) => State::Inner { future },
                Err(output) => State::Refused {
                    output: Some(output),
                },
            });
        }
    }
}

impl<F: Future, W> fmt::Debug for ResponseFuture<F, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// What comes before the inner service can be called: then its future, or the answer without it.
pub trait Wait<F: Future> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<F, F::Output>>;
}

/// There is never anything to wait for.
impl<F: Future> Wait<F> for Infallible {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Result<F, F::Output>> {
        match *self {}
    }
}

/// A request that waits for its verdict, and then for the inner service.
///
/// The service is a clone that was not polled ready, so it holds no place of the inner service.
pub struct Waiting<S, R, ReqBody> {
    authenticate: Option<Authenticate>,
    service: JwtAuth<S, R>,
    request: Option<Request<ReqBody>>,
}

impl<S, R, ReqBody> Waiting<S, R, ReqBody> {
    pub(crate) fn new(
        authenticate: Authenticate,
        service: JwtAuth<S, R>,
        request: Request<ReqBody>,
    ) -> Self {
        Self {
            authenticate: Some(authenticate),
            service,
            request: Some(request),
        }
    }
}

impl<S, R, ReqBody, ResBody> Wait<S::Future> for Waiting<S, R, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: ResponseForAuthError<ResBody>,
{
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Future, Result<S::Response, S::Error>>> {
        if let (Some(authenticate), Some(request)) = (&mut self.authenticate, &mut self.request) {
            match ready!(Pin::new(authenticate).poll(cx)) {
                Ok(token) => self.service.admit(token, request),
                Err(error) => {
                    self.request = None;
                    return Poll::Ready(Err(Ok(self.service.refuse(error))));
                }
            }
            self.authenticate = None;
        }
        // The service that is polled ready here is the one that is called: docs.rs/tower-service,
        // "Be careful when cloning inner services".
        let service = self.service.get_mut();
        if let Err(error) = ready!(service.poll_ready(cx)) {
            return Poll::Ready(Err(Err(error)));
        }
        // It is taken once: the caller drops this when it has the answer.
        let request = self.request.take().expect("polled after it was ready");
        Poll::Ready(Ok(service.call(request)))
    }
}
