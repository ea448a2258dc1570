//! Authentication: the middleware, its service and its future, in the order a request meets them.

use std::{
    fmt,
    future::{Future, Ready, ready},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error,
    body::EitherBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
};
use countersign::{AuthError, Authenticator, VerifiedToken, adapter::Authenticate};
use pin_project_lite::pin_project;

use crate::{
    extensions,
    head::Head,
    response::{DefaultResponseForAuthError, ResponseForAuthError, ResponseFuture},
};

/// Lets only authenticated requests through to an app, a scope or a resource.
///
/// 1. The token is verified once. The [`VerifiedToken`] is put into the request's extensions, where
///    [`Claims`](crate::Claims), [`Token`](crate::Token) and [`Require`](crate::Require) find it.
/// 2. With [`Authenticator::optional`], a request without a token passes as anonymous, unless
///    [`Authenticator::require`] asks for something. A request with a bad one never does.
/// 3. A refusal is a response, not an error: middleware further out, such as CORS or a logger, sees
///    it like any other, with the [`AuthError`] in its extensions.
/// 4. Inside another `JwtAuth`, the inner verdict replaces the outer one.
/// 5. Where a key has to be fetched the request waits; else the verdict is there at once.
///
/// A preflight request (`OPTIONS`) carries no token, so it is refused like any other without one.
/// Put CORS middleware outside: `wrap` it *after* this one.
///
/// Around a whole [`App`](actix_web::App) it covers unknown paths too: they are 401, not 404, for
/// requests without a token.
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
    /// A middleware that authenticates as this verifier, these issuers or this authenticator says.
    pub fn new(authenticator: impl Into<Authenticator>) -> Self {
        Self {
            authenticator: authenticator.into(),
            rejection: DefaultResponseForAuthError,
        }
    }
}

impl<R> JwtAuth<R> {
    /// Replaces the response to refused requests: a closure, or a type of yours.
    ///
    /// It is for the refusals of this middleware. An extractor answers with
    /// [`Error`](crate::Error), as usual with actix-web.
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
    type Transform = JwtAuthMiddleware<S, R>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(JwtAuthMiddleware(Rc::new(Gate {
            auth: self.clone(),
            service,
        }))))
    }
}

/// The service of [`JwtAuth`].
pub struct JwtAuthMiddleware<S, R = DefaultResponseForAuthError>(Rc<Gate<S, R>>);

struct Gate<S, R> {
    auth: JwtAuth<R>,
    service: S,
}

impl<S, R> fmt::Debug for JwtAuthMiddleware<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JwtAuthMiddleware")
            .field(&self.0.auth)
            .finish()
    }
}

impl<S, B, R> Service<ServiceRequest> for JwtAuthMiddleware<S, R>
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
        let state = match self.0.auth.authenticator.check(&head).into_ready() {
            Ok(Ok(token)) => State::Responding {
                response: self.0.enter(request, token),
            },
            Ok(Err(error)) => State::Responding {
                response: self.0.refuse(request, error),
            },
            Err(authenticate) => State::Verifying {
                verifying: Box::new(Verifying {
                    authenticate,
                    request: Some(request),
                    gate: Rc::clone(&self.0),
                }),
            },
        };
        JwtAuthFuture { state }
    }
}

impl<S, R> Gate<S, R>
where
    S: Service<ServiceRequest>,
    R: ResponseForAuthError,
{
    /// Calls the inner service.
    fn enter(
        &self,
        request: ServiceRequest,
        token: Option<VerifiedToken>,
    ) -> ResponseFuture<S::Future> {
        extensions::note(request.request(), token, &self.auth.authenticator);
        ResponseFuture::inside(self.service.call(request))
    }

    /// Refuses, in place of the inner service.
    fn refuse(&self, request: ServiceRequest, error: AuthError) -> ResponseFuture<S::Future> {
        extensions::forget(request.request());
        ResponseFuture::refused(request, &self.auth.rejection, error)
    }
}

pin_project! {
    /// The response of [`JwtAuth`] to come.
    ///
    /// What may have to come first is boxed, so that a request that has nothing to wait for, which is
    /// nearly every one, does not carry room for it.
    pub struct JwtAuthFuture<S, R = DefaultResponseForAuthError>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        state: State<S, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, R>
    where
        S: Service<ServiceRequest>,
    {
        Verifying {
            verifying: Box<Verifying<S, R>>,
        },
        Responding {
            #[pin]
            response: ResponseFuture<S::Future>,
        },
    }
}

/// A request that waits for its verdict.
struct Verifying<S, R> {
    authenticate: Authenticate,
    request: Option<ServiceRequest>,
    gate: Rc<Gate<S, R>>,
}

impl<S, B, R> Future for JwtAuthFuture<S, R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    R: ResponseForAuthError,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let response = match state.as_mut().project() {
                StateProjection::Verifying { verifying } => {
                    let verdict = ready!(Pin::new(&mut verifying.authenticate).poll(cx));
                    // It is taken once: this state ends here.
                    let request = verifying.request.take().expect("polled after it was ready");
                    match verdict {
                        Ok(token) => verifying.gate.enter(request, token),
                        Err(error) => verifying.gate.refuse(request, error),
                    }
                }
                StateProjection::Responding { response } => return response.poll(cx),
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
