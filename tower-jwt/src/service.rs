//! The service: what happens to each request.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use countersign::{AuthError, Authenticator, VerifiedToken};
use http::{HeaderMap, HeaderName, Request, Response, header::Entry};
use tower_service::Service;

use crate::{
    extensions,
    future::{ResponseFuture, Waiting},
    head::Head,
    response::{DefaultResponseForAuthError, ResponseForAuthError, refuse},
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
    gate: Arc<Gate>,
    rejection: R,
}

impl<S, R> JwtAuth<S, R> {
    pub(crate) fn new(inner: S, gate: Arc<Gate>, rejection: R) -> Self {
        Self {
            inner,
            gate,
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

    /// Prepares the request for the inner service.
    pub(crate) fn admit<ReqBody>(
        &self,
        token: Option<VerifiedToken>,
        request: &mut Request<ReqBody>,
    ) {
        extensions::record(request.extensions_mut(), token, &self.gate.authenticator);
        self.gate.hide_credentials(request.headers_mut());
    }

    /// What to answer in place of the inner service.
    pub(crate) fn refuse<ResBody>(&self, error: AuthError) -> Response<ResBody>
    where
        R: ResponseForAuthError<ResBody>,
    {
        refuse(&self.rejection, error)
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

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let authenticate = self.gate.authenticator.check(&Head::from(&request));
        match authenticate.into_ready() {
            Ok(Ok(token)) => {
                self.admit(token, &mut request);
                ResponseFuture::inner(self.inner.call(request))
            }
            Ok(Err(error)) => ResponseFuture::refused(Ok(self.refuse(error))),
            Err(authenticate) => {
                // A ready service may hold a place, of a concurrency limit for example. No token is
                // verified yet, so this request must not keep one: whoever sends made-up key ids
                // would take them all. Nor must `self`, which may be idle until the next request,
                // while this one waits for its place. So the future gets a clone and polls it ready
                // when the verdict is there, and `self` gives up its own place.
                let waiting = self.clone();
                self.inner = waiting.inner.clone();
                ResponseFuture::waiting(Waiting::new(authenticate, waiting, request))
            }
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for JwtAuth<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth")
            .field("inner", &self.inner)
            .field("authenticator", &self.gate.authenticator)
            .finish_non_exhaustive()
    }
}

/// What all services of one layer share.
pub(crate) struct Gate {
    pub(crate) authenticator: Authenticator,
    credential_headers: Vec<HeaderName>,
}

impl Gate {
    pub(crate) fn new(authenticator: Authenticator) -> Self {
        // What is no name of a header can carry nothing.
        let credential_headers = authenticator
            .credential_headers()
            .into_iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        Self {
            authenticator,
            credential_headers,
        }
    }

    /// Marks the headers as sensitive, so that `Debug` and logs of them do not show the token.
    fn hide_credentials(&self, headers: &mut HeaderMap) {
        for name in &self.credential_headers {
            // `entry` would make room for a header that is not there.
            let Some(first) = headers.get_mut(name) else {
                continue;
            };
            first.set_sensitive(true);
            // Where no header is there twice, neither is this one.
            if headers.len() == headers.keys_len() {
                continue;
            }
            if let Entry::Occupied(mut values) = headers.entry(name) {
                for value in values.iter_mut() {
                    value.set_sensitive(true);
                }
            }
        }
    }
}
