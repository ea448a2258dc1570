//! A policy for a part of what the layer protects.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use countersign::{AuthError, Policy};
use http::{Extensions, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    extensions,
    future::ResponseFuture,
    response::{DefaultResponseForAuthError, ResponseForAuthError, refuse},
};

/// Lets in who holds what a [`Policy`] asks for, inside a [`JwtAuthLayer`](crate::JwtAuthLayer).
///
/// For a route that needs more than its neighbours. What every request needs is said in
/// [`Authenticator::require`](countersign::Authenticator::require).
///
/// A token that does not hold it is 403, or 401 if the user must authenticate again. An anonymous
/// request, that an optional layer has let through, is 401. A route without a layer is the
/// developer's mistake: 500 and a log line.
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
    /// Asks for this.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy: Arc::new(policy),
            rejection: DefaultResponseForAuthError,
        }
    }
}

impl<R> RequireLayer<R> {
    /// Answers refused requests this way: a closure, or a [`ResponseForAuthError`].
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
    type Service = Require<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Require {
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

/// The service that a [`RequireLayer`] makes. See there.
#[derive(Clone)]
pub struct Require<S, R = DefaultResponseForAuthError> {
    inner: S,
    policy: Arc<Policy>,
    rejection: R,
}

impl<S, R> Require<S, R> {
    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, alone.
    pub fn into_inner(self) -> S {
        self.inner
    }

    fn check(&self, extensions: &Extensions) -> Result<(), AuthError> {
        let token = extensions::token(extensions)?;
        self.policy.check(token)
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for Require<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: ResponseForAuthError<ResBody>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        match self.check(request.extensions()) {
            Ok(()) => ResponseFuture::inner(self.inner.call(request)),
            Err(error) => {
                countersign::adapter::log(&error);
                ResponseFuture::refused(Ok(refuse(&self.rejection, error)))
            }
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for Require<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Require")
            .field("inner", &self.inner)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
