//! The service: what happens to each request.

use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use countersign::{AuthError, Authenticator, VerifiedToken};
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use tower_service::Service;

use crate::{
    future::{ResponseFuture, Waiting},
    head::Head,
    response::{DefaultResponseForAuthError, ResponseForAuthError, refuse},
    verdict,
};

/// The service that a [`JwtAuthLayer`](crate::JwtAuthLayer) makes. See there.
///
/// # Examples
///
/// ```
/// use countersign_tower::JwtAuthLayer;
/// use http::{Request, Response};
/// use tower::{Layer, ServiceExt, service_fn};
/// # use countersign::testing::TestIssuer;
/// # let issuer = TestIssuer::new();
/// # let verifier = issuer.verifier();
/// # let token = issuer.token().sign();
///
/// let inner = service_fn(|_: Request<()>| async {
///     Ok::<_, std::convert::Infallible>(Response::new("in".to_owned()))
/// });
/// let service = JwtAuthLayer::new(verifier).layer(inner);
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let refused = service.clone().oneshot(Request::new(())).await?;
/// assert_eq!(refused.status(), 401);
///
/// let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(())?;
/// assert_eq!(service.oneshot(request).await?.body(), "in");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct JwtAuth<S, R = DefaultResponseForAuthError> {
    inner: S,
    authenticator: Arc<Authenticator>,
    rejection: R,
}

impl<S, R> JwtAuth<S, R> {
    pub(crate) fn new(inner: S, authenticator: Arc<Authenticator>, rejection: R) -> Self {
        Self {
            inner,
            authenticator,
            rejection,
        }
    }

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

    /// Calls the inner service, which must be ready, or says what to answer instead.
    pub(crate) fn proceed<ReqBody, ResBody>(
        &mut self,
        verdict: Result<Option<VerifiedToken>, AuthError>,
        mut request: Request<ReqBody>,
    ) -> Result<S::Future, Response<ResBody>>
    where
        S: Service<Request<ReqBody>>,
        R: ResponseForAuthError<ResBody>,
    {
        let token = verdict.map_err(|error| refuse(&self.rejection, error))?;
        verdict::record(request.extensions_mut(), token, &self.authenticator);
        hide_credentials(request.headers_mut());
        Ok(self.inner.call(request))
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for JwtAuth<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: ResponseForAuthError<ResBody> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, Waiting<S, R, ReqBody>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let verdict = match self.authenticator.credentials(&Head::from(&request)) {
            Ok(credentials) => self.authenticator.authenticate(credentials).into_ready(),
            Err(error) => Ok(Err(error)),
        };
        match verdict {
            Ok(verdict) => match self.proceed(verdict, request) {
                Ok(future) => ResponseFuture::inner(future),
                Err(response) => ResponseFuture::refused(Ok(response)),
            },
            Err(authenticate) => {
                // Only this inner service was polled ready, its clone was not. So the future takes
                // this one: docs.rs/tower-service, "Be careful when cloning inner services".
                let clone = self.clone();
                let ready = mem::replace(self, clone);
                ResponseFuture::waiting(Waiting::new(authenticate, ready, request))
            }
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for JwtAuth<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth")
            .field("inner", &self.inner)
            .field("authenticator", &self.authenticator)
            .finish_non_exhaustive()
    }
}

/// Marks the header as sensitive, so that `Debug` and logs of it do not show the token.
fn hide_credentials(headers: &mut HeaderMap) {
    if let Some(value) = headers.get_mut(AUTHORIZATION) {
        value.set_sensitive(true);
    }
}
