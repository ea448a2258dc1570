//! Authentication: the layer, its service and its future, in the order a request meets them.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use countersign::{Authenticator, VerifiedToken, adapter::Authenticate};
use http::{HeaderMap, HeaderName, Request, Response, header::Entry};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    extensions,
    head::Head,
    response::{
        AddedHeaders, DefaultResponseForAuthError, ResponseForAuthError, ResponseFuture, replace,
    },
};

/// Lets requests with a valid token through to the inner service, and refuses all others.
///
/// Takes a [`Verifier`](countersign::Verifier), [`Issuers`](countersign::Issuers) or, for more
/// settings, an [`Authenticator`].
///
/// 1. The token is found by the authenticator's [`TokenSource`](countersign::TokenSource) and
///    verified once. The request waits only if a key has to be fetched.
/// 2. A valid token is put into the request's extensions as a [`VerifiedToken`], where `Claims`,
///    `Token` and [`RequireLayer`](crate::RequireLayer) find it.
/// 3. With [`Authenticator::optional`], a request without a token passes as anonymous, unless
///    [`Authenticator::require`] asks for something. A request with a bad one never does.
/// 4. Any other request is refused: status, `WWW-Authenticate` and a problem document (RFC 9457).
///    The [`AuthError`](countersign::AuthError) is put into the response's extensions, so that outer layers can log it. See
///    [`ResponseForAuthError`] to change the response.
/// 5. Inside another `JwtAuthLayer`, the inner verdict replaces the outer one.
/// 6. The headers that can carry the token go on as [sensitive](http::HeaderValue::set_sensitive):
///    `Debug` and logs of them do not show it.
/// 7. The answer to a request with a token in its URL has `Referrer-Policy: no-referrer`: see
///    [`TokenSource::query`](countersign::TokenSource::query).
///
/// # Order
///
/// - A CORS preflight (`OPTIONS`) carries no token, so it is refused like any request without one.
///   Put the CORS layer outside, where it answers preflights itself, and sees refusals too.
/// - On an axum `Router`, `route_layer` leaves unknown paths a 404. With `layer` they are a 401.
/// - `route_layer` does not cover a `fallback`, whatever the order: everybody reaches it. With
///   `layer` it is covered.
///
/// # Types
///
/// - The response to a refused request has the body type of the inner service, which by default
///   must be `From<String>`: see [`DefaultResponseForAuthError`].
/// - The inner service must be `Clone`, for requests that wait for a key.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use countersign_tower::{Claims, JwtAuthLayer};
/// # let verifier = countersign::testing::TestIssuer::new().verifier();
///
/// #[derive(serde::Deserialize)]
/// struct User {
///     sub: String,
/// }
///
/// async fn me(Claims(user): Claims<User>) -> String {
///     user.sub.clone()
/// }
///
/// let app: Router = Router::new()
///     .route("/me", get(me))
///     .route_layer(JwtAuthLayer::new(verifier));
/// ```
#[must_use = "a layer does nothing until it is added to a service"]
#[derive(Clone)]
pub struct JwtAuthLayer<R = DefaultResponseForAuthError> {
    config: Arc<Config>,
    rejection: R,
}

impl JwtAuthLayer {
    /// Authenticates with this verifier, these issuers or this authenticator.
    pub fn new(authenticator: impl Into<Authenticator>) -> Self {
        Self {
            config: Arc::new(Config::new(authenticator.into())),
            rejection: DefaultResponseForAuthError,
        }
    }
}

impl<R> JwtAuthLayer<R> {
    /// Replaces the response to refused requests: a closure, or a [`ResponseForAuthError`]. It counts
    /// for everything inside the layer, as far as that does not have one of its own.
    ///
    /// The default is [`DefaultResponseForAuthError`].
    pub fn with_rejection_response<R2>(self, rejection: R2) -> JwtAuthLayer<R2> {
        JwtAuthLayer {
            config: self.config,
            rejection,
        }
    }
}

impl<S, R: Clone> Layer<S> for JwtAuthLayer<R> {
    type Service = JwtAuthService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        JwtAuthService {
            inner,
            config: Arc::clone(&self.config),
            rejection: self.rejection.clone(),
        }
    }
}

impl<R> fmt::Debug for JwtAuthLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthLayer")
            .field("authenticator", &self.config.authenticator)
            .finish_non_exhaustive()
    }
}

/// The service of [`JwtAuthLayer`].
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
pub struct JwtAuthService<S, R = DefaultResponseForAuthError> {
    inner: S,
    config: Arc<Config>,
    rejection: R,
}

impl<S, R> JwtAuthService<S, R> {
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

impl<S, R, B, ResBody> Service<Request<B>> for JwtAuthService<S, R>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    R: ResponseForAuthError<ResBody> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = JwtAuthFuture<S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let head = Head::from(&request);
        let mut added = added_headers(self.config.authenticator.has_token_in_url(&head));
        let state = match self.config.authenticator.check(&head).into_ready() {
            Ok(Ok(token)) => {
                self.config.admit(&mut request, token, &mut added);
                State::Responding {
                    response: ResponseFuture::inner(self.inner.call(request)),
                }
            }
            Ok(Err(error)) => State::Responding {
                response: ResponseFuture::refused(&self.rejection, error),
            },
            Err(authenticate) => {
                // A ready service may occupy a place, of a concurrency limit for example. Nothing is
                // verified yet, so this request must not keep one: whoever sends made-up key ids
                // would take them all. Nor must `self`, which may be idle until the next request,
                // while this one waits for its place. So the future gets a clone and polls it ready
                // when the verdict is there, and `self` gives up its own place.
                let service = self.clone();
                self.inner = service.inner.clone();
                State::Waiting {
                    waiting: Box::new(Waiting {
                        authenticate: Some(authenticate),
                        service,
                        request: Some(request),
                    }),
                }
            }
        };
        JwtAuthFuture {
            state,
            rejection: self.rejection.clone(),
            added,
        }
    }
}

/// Returns the headers that the answer gets; `None` for nearly every request.
#[inline]
fn added_headers(keeps_url_private: bool) -> Option<Box<AddedHeaders>> {
    keeps_url_private.then(|| {
        Box::new(AddedHeaders {
            keeps_url_private,
            ..AddedHeaders::default()
        })
    })
}

impl<S: fmt::Debug, R> fmt::Debug for JwtAuthService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthService")
            .field("inner", &self.inner)
            .field("authenticator", &self.config.authenticator)
            .finish_non_exhaustive()
    }
}

/// The state that all services of one layer share.
struct Config {
    authenticator: Authenticator,
    credential_headers: Vec<HeaderName>,
}

impl Config {
    fn new(authenticator: Authenticator) -> Self {
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

    /// Prepares the request for the inner service.
    fn admit<B>(
        &self,
        request: &mut Request<B>,
        token: Option<VerifiedToken>,
        added: &mut Option<Box<AddedHeaders>>,
    ) {
        #[cfg(feature = "proof")]
        if let Some(nonce) = token.as_ref().and_then(VerifiedToken::dpop_nonce) {
            // Base64url, which is valid in every header.
            added.get_or_insert_default().dpop_nonce = http::HeaderValue::from_str(nonce).ok();
        }
        #[cfg(not(feature = "proof"))]
        let _ = added;
        extensions::store(request.extensions_mut(), token, &self.authenticator);
        self.hide_credentials(request.headers_mut());
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

pin_project! {
    /// The response future of [`JwtAuthLayer`].
    ///
    /// A request that waits for its verdict is boxed, so that one that has nothing to wait for, as nearly
    /// every one, does not carry room for it.
    #[must_use = "a future does nothing until it is polled"]
    pub struct JwtAuthFuture<S, R, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, R, B>,
        rejection: R,
        added: Option<Box<AddedHeaders>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, R, B>
    where
        S: Service<Request<B>>,
    {
        Waiting {
            waiting: Box<Waiting<S, R, B>>,
        },
        Responding {
            #[pin]
            response: ResponseFuture<S::Future>,
        },
    }
}

/// A request that waits for its verdict, and then for the inner service.
///
/// The service is a clone that was not polled ready, so it occupies no place of the inner service.
struct Waiting<S, R, B> {
    authenticate: Option<Authenticate>,
    service: JwtAuthService<S, R>,
    request: Option<Request<B>>,
}

impl<S, R, B, ResBody> Waiting<S, R, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    R: ResponseForAuthError<ResBody>,
{
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        added: &mut Option<Box<AddedHeaders>>,
    ) -> Poll<ResponseFuture<S::Future>> {
        let service = &mut self.service;
        if let (Some(authenticate), Some(request)) = (&mut self.authenticate, &mut self.request) {
            match ready!(Pin::new(authenticate).poll(cx)) {
                Ok(token) => service.config.admit(request, token, added),
                Err(error) => {
                    return Poll::Ready(ResponseFuture::refused(&service.rejection, error));
                }
            }
            self.authenticate = None;
        }
        // The service that is polled ready here is the one that is called: docs.rs/tower-service,
        // "Be careful when cloning inner services".
        if let Err(error) = ready!(service.inner.poll_ready(cx)) {
            return Poll::Ready(ResponseFuture::failed(error));
        }
        // It is taken once: this state ends here.
        let request = self.request.take().expect("polled after it was ready");
        Poll::Ready(ResponseFuture::inner(service.inner.call(request)))
    }
}

impl<S, R, B, ResBody> Future for JwtAuthFuture<S, R, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    R: ResponseForAuthError<ResBody>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut state = this.state;
        let gives_way = this.rejection.gives_way();
        loop {
            let response = match state.as_mut().project() {
                StateProjection::Waiting { waiting } => ready!(waiting.poll(cx, this.added)),
                StateProjection::Responding { response } if gives_way && this.added.is_none() => {
                    return response.poll(cx);
                }
                StateProjection::Responding { response } => {
                    let mut response = ready!(response.poll(cx))?;
                    if !gives_way {
                        response = replace(this.rejection, response);
                    }
                    if let Some(added) = this.added {
                        added.add_to(response.headers_mut());
                    }
                    return Poll::Ready(Ok(response));
                }
            };
            state.set(State::Responding { response });
        }
    }
}

impl<S, R, B> fmt::Debug for JwtAuthFuture<S, R, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthFuture").finish_non_exhaustive()
    }
}
