//! Authorization: a policy for some of the routes inside the layer.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use countersign::Policy;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    extensions,
    response::{DefaultResponseForAuthError, ResponseForAuthError, ResponseFuture},
};

/// Lets only requests through whose token satisfies a [`Policy`].
///
/// It goes inside of [`JwtAuthLayer`](crate::JwtAuthLayer), around the routes that need more than a
/// valid token. What every request needs is set by
/// [`Authenticator::require`](countersign::Authenticator::require).
///
/// 1. A token that does not satisfy it is 403, or 401 where the user should authenticate again. The
///    challenge says what would be enough.
/// 2. An anonymous request is refused (401).
/// 3. Without a `JwtAuthLayer` around it, every request is 500 and a line in the log: the mistake is
///    the developer's.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use countersign::Policy;
/// use countersign_tower::{JwtAuthLayer, RequireLayer};
/// # let verifier = countersign::testing::TestIssuer::new().verifier();
/// # async fn list() {}
/// # async fn erase() {}
///
/// let app: Router = Router::new()
///     .route("/orders/all", get(erase))
///     .route_layer(RequireLayer::new(Policy::scope("orders:write")))
///     .route("/orders", get(list))
///     .route_layer(JwtAuthLayer::new(verifier)); // the last one added is the outer one
/// ```
#[must_use = "a layer does nothing until it is added to a service"]
#[derive(Clone)]
pub struct RequireLayer<R = DefaultResponseForAuthError> {
    policy: Arc<Policy>,
    rejection: R,
}

impl RequireLayer {
    /// Makes a layer that enforces this policy.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy: Arc::new(policy),
            rejection: DefaultResponseForAuthError,
        }
    }
}

impl<R> RequireLayer<R> {
    /// Replaces the response to refused requests: a closure, or a [`ResponseForAuthError`].
    ///
    /// The default is [`DefaultResponseForAuthError`].
    pub fn with_rejection_response<R2>(self, rejection: R2) -> RequireLayer<R2> {
        RequireLayer {
            policy: self.policy,
            rejection,
        }
    }
}

impl<S, R: Clone> Layer<S> for RequireLayer<R> {
    type Service = RequireService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireService {
            inner,
            policy: Arc::clone(&self.policy),
            rejection: self.rejection.clone(),
        }
    }
}

impl<R> fmt::Debug for RequireLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireLayer")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// The service of [`RequireLayer`].
#[derive(Clone)]
pub struct RequireService<S, R = DefaultResponseForAuthError> {
    inner: S,
    policy: Arc<Policy>,
    rejection: R,
}

impl<S, R> RequireService<S, R> {
    /// Returns the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Unwraps the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R, B, ResBody> Service<Request<B>> for RequireService<S, R>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    R: ResponseForAuthError<ResBody>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let checked =
            extensions::token(request.extensions()).and_then(|token| self.policy.check(token));
        match checked {
            Ok(()) => ResponseFuture::inner(self.inner.call(request)),
            Err(error) => {
                countersign::adapter::log(&error);
                ResponseFuture::refused(&self.rejection, error)
            }
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for RequireService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireService")
            .field("inner", &self.inner)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
