//! Authentication: the middleware, its service and its future, in the order a request meets them.

use std::{
    fmt,
    future::{Future, Ready, ready},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

#[cfg(feature = "proof")]
use actix_web::http::header::HeaderValue;
use actix_web::{
    Error, HttpMessage,
    body::EitherBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
};
use countersign::{AuthError, Authenticator, VerifiedToken, adapter::Authenticate};
use pin_project_lite::pin_project;

use crate::{
    extensions,
    head::Head,
    response::{
        AddedHeaders, DefaultResponseForAuthError, ResponseForAuthError, ResponseFuture, replace,
    },
};

/// Lets requests with a valid token through to an app, a scope or a resource, and refuses all others.
///
/// Takes a [`Verifier`](countersign::Verifier), [`Issuers`](countersign::Issuers) or, for more
/// settings, an [`Authenticator`].
///
/// 1. The token is found by the authenticator's [`TokenSource`](countersign::TokenSource) and
///    verified once. The request waits only if a key has to be fetched.
/// 2. A valid token is put into the request's extensions as a [`VerifiedToken`], where
///    [`Claims`](crate::Claims), [`Token`](crate::Token) and [`Require`](crate::Require) find it.
/// 3. With [`Authenticator::optional`], a request without a token passes as anonymous, unless
///    [`Authenticator::require`] asks for something. A request with a bad one never does.
/// 4. Any other request is refused: status, `WWW-Authenticate` and a problem document (RFC 9457).
///    The [`AuthError`] is put into the response's extensions, so that outer middleware can log it:
///    it is a response, not an error. See [`ResponseForAuthError`] to change the response.
/// 5. Inside another `JwtAuth`, the inner verdict replaces the outer one.
/// 6. The answer to a request with a token in its URL has `Referrer-Policy: no-referrer`: see
///    [`TokenSource::query`](countersign::TokenSource::query).
///
/// # Order
///
/// - A CORS preflight (`OPTIONS`) carries no token, so it is refused like any request without one.
///   Put CORS middleware outside: `wrap` it *after* this one.
/// - Around a whole [`App`](actix_web::App) it covers unknown paths too: they are 401, not 404, for
///   requests without a token.
///
/// # Examples
///
/// ```
/// use actix_web::{App, web};
/// use countersign_actix::{Claims, JwtAuth};
/// # use countersign::testing::TestIssuer;
/// # let verifier = TestIssuer::new().verifier();
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
/// let app = App::new().service(
///     web::scope("/api")
///         .wrap(JwtAuth::new(verifier))
///         .route("/me", web::get().to(me)),
/// );
/// ```
#[must_use = "a middleware does nothing until it is wrapped around something"]
#[derive(Clone)]
pub struct JwtAuth<R = DefaultResponseForAuthError> {
    authenticator: Authenticator,
    rejection: R,
}

impl JwtAuth {
    /// Authenticates with this verifier, these issuers or this authenticator.
    pub fn new(authenticator: impl Into<Authenticator>) -> Self {
        Self {
            authenticator: authenticator.into(),
            rejection: DefaultResponseForAuthError,
        }
    }
}

impl<R> JwtAuth<R> {
    /// Replaces the response to refused requests: a closure, or a [`ResponseForAuthError`].
    ///
    /// It counts for everything inside the middleware, as far as that does not have one of its own:
    /// extractors and handlers that refuse with [`Error`](crate::Error), too. The default is
    /// [`DefaultResponseForAuthError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use actix_web::{HttpResponse, http::StatusCode};
    /// use countersign::AuthError;
    /// use countersign_actix::JwtAuth;
    /// # use countersign::testing::TestIssuer;
    /// # let verifier = TestIssuer::new().verifier();
    ///
    /// let auth = JwtAuth::new(verifier).with_rejection_response(|error: &AuthError| {
    ///     match StatusCode::from_u16(error.kind().status()) {
    ///         Ok(status) => HttpResponse::build(status).body("no"),
    ///         Err(_) => HttpResponse::InternalServerError().finish(),
    ///     }
    /// });
    /// ```
    pub fn with_rejection_response<N>(self, rejection: N) -> JwtAuth<N>
    where
        N: ResponseForAuthError,
    {
        JwtAuth {
            authenticator: self.authenticator,
            rejection,
        }
    }
}

impl<R> fmt::Debug for JwtAuth<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth")
            .field("authenticator", &self.authenticator)
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Transform<S, ServiceRequest> for JwtAuth<R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    R: ResponseForAuthError + Clone,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = JwtAuthService<S, R>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(JwtAuthService(Rc::new(Inner {
            auth: self.clone(),
            service,
        }))))
    }
}

/// The service of [`JwtAuth`].
pub struct JwtAuthService<S, R = DefaultResponseForAuthError>(Rc<Inner<S, R>>);

struct Inner<S, R> {
    auth: JwtAuth<R>,
    service: S,
}

impl<S, R> fmt::Debug for JwtAuthService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JwtAuthService").field(&self.0.auth).finish()
    }
}

impl<S, B, R> Service<ServiceRequest> for JwtAuthService<S, R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    R: ResponseForAuthError,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = JwtAuthFuture<S, R>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.service.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let head = Head(request.request());
        let mut added = added_headers(self.0.auth.authenticator.has_token_in_url(&head));
        let state = match self.0.auth.authenticator.check(&head).into_ready() {
            Ok(Ok(token)) => State::Responding {
                response: self.0.admit(request, token, &mut added),
            },
            Ok(Err(error)) => State::Responding {
                response: self.0.refuse(request, error),
            },
            Err(authenticate) => State::Waiting {
                waiting: Box::new(Waiting {
                    authenticate,
                    request: Some(request),
                }),
            },
        };
        JwtAuthFuture {
            state,
            inner: Rc::clone(&self.0),
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

impl<S, R> Inner<S, R>
where
    S: Service<ServiceRequest>,
    R: ResponseForAuthError,
{
    /// Calls the inner service.
    fn admit(
        &self,
        request: ServiceRequest,
        token: Option<VerifiedToken>,
        added: &mut Option<Box<AddedHeaders>>,
    ) -> ResponseFuture<S::Future> {
        #[cfg(feature = "proof")]
        if let Some(nonce) = token.as_ref().and_then(VerifiedToken::dpop_nonce) {
            // Base64url, which is valid in every header.
            added.get_or_insert_default().dpop_nonce = HeaderValue::from_str(nonce).ok();
        }
        #[cfg(not(feature = "proof"))]
        let _ = added;
        let authenticator = &self.auth.authenticator;
        extensions::store(&mut request.extensions_mut(), token, authenticator);
        ResponseFuture::inner(self.service.call(request))
    }

    /// Refuses, in place of the inner service.
    fn refuse(&self, request: ServiceRequest, error: AuthError) -> ResponseFuture<S::Future> {
        extensions::clear(&mut request.extensions_mut());
        ResponseFuture::refused(request, &self.auth.rejection, error)
    }
}

pin_project! {
    /// The response future of [`JwtAuth`].
    ///
    /// A request that waits for its verdict is boxed, so that one that has nothing to wait for, as
    /// nearly every one, does not carry room for it.
    pub struct JwtAuthFuture<S, R = DefaultResponseForAuthError>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        state: State<S>,
        inner: Rc<Inner<S, R>>,
        added: Option<Box<AddedHeaders>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S>
    where
        S: Service<ServiceRequest>,
    {
        Waiting {
            waiting: Box<Waiting>,
        },
        Responding {
            #[pin]
            response: ResponseFuture<S::Future>,
        },
    }
}

/// A request that waits for its verdict.
struct Waiting {
    authenticate: Authenticate,
    request: Option<ServiceRequest>,
}

impl<S, B, R> Future for JwtAuthFuture<S, R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    R: ResponseForAuthError,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut state, inner) = (this.state, this.inner);
        let gives_way = inner.auth.rejection.gives_way();
        loop {
            let response = match state.as_mut().project() {
                StateProjection::Waiting { waiting } => {
                    let verdict = ready!(Pin::new(&mut waiting.authenticate).poll(cx));
                    // It is taken once: this state ends here.
                    let request = waiting.request.take().expect("polled after it was ready");
                    match verdict {
                        Ok(token) => inner.admit(request, token, this.added),
                        Err(error) => inner.refuse(request, error),
                    }
                }
                StateProjection::Responding { response } if gives_way && this.added.is_none() => {
                    return response.poll(cx);
                }
                StateProjection::Responding { response } => {
                    let mut response = ready!(response.poll(cx))?;
                    if !gives_way {
                        response = replace(&inner.auth.rejection, response);
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

impl<S, R> fmt::Debug for JwtAuthFuture<S, R>
where
    S: Service<ServiceRequest>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthFuture").finish_non_exhaustive()
    }
}
