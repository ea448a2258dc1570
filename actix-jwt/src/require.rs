//! Authorization: a policy for some of the routes inside the middleware.

use std::{
    fmt,
    future::{Ready, ready},
};

use actix_web::{
    Error, HttpMessage,
    body::EitherBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
};
use countersign::Policy;

use crate::{
    extensions,
    response::{DefaultResponseForAuthError, ResponseForAuthError, ResponseFuture},
};

/// Lets only requests through whose token satisfies a [`Policy`].
///
/// It goes inside of [`JwtAuth`](crate::JwtAuth), around the routes that need more than a valid
/// token. What every request needs is set by
/// [`Authenticator::require`](countersign::Authenticator::require).
///
/// 1. A token that does not satisfy it is 403, or 401 where the user should authenticate again. The
///    challenge says what would be enough.
/// 2. An anonymous request is refused (401).
/// 3. Without a `JwtAuth` around it, every request is 500 and a line in the log: the mistake is the
///    developer's.
///
/// # Examples
///
/// ```
/// use actix_web::{App, web};
/// use countersign::Policy;
/// use countersign_actix::{JwtAuth, Require};
/// # use countersign::testing::TestIssuer;
/// # let verifier = TestIssuer::new().verifier();
/// # async fn me() -> &'static str { "" }
/// # async fn users() -> &'static str { "" }
///
/// let app = App::new().service(
///     web::scope("/api")
///         .wrap(JwtAuth::new(verifier))
///         .route("/me", web::get().to(me))
///         .service(
///             web::scope("/admin")
///                 .wrap(Require::new(Policy::role("admin")))
///                 .route("/users", web::get().to(users)),
///         ),
/// );
/// ```
#[must_use = "a middleware does nothing until it is wrapped around something"]
#[derive(Clone)]
pub struct Require<R = DefaultResponseForAuthError> {
    policy: Policy,
    rejection: R,
}

impl Require {
    /// Makes a middleware that enforces this policy.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            rejection: DefaultResponseForAuthError,
        }
    }
}

impl<R> Require<R> {
    /// Replaces the response to refused requests: a closure, or a [`ResponseForAuthError`].
    ///
    /// The default is [`DefaultResponseForAuthError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use actix_web::HttpResponse;
    /// use countersign::{AuthError, Policy};
    /// use countersign_actix::Require;
    ///
    /// let paid = Require::new(Policy::claim("plan", "paid"))
    ///     .with_rejection_response(|_: &AuthError| HttpResponse::Forbidden().body("subscribers only"));
    /// ```
    pub fn with_rejection_response<N>(self, rejection: N) -> Require<N>
    where
        N: ResponseForAuthError,
    {
        Require {
            policy: self.policy,
            rejection,
        }
    }
}

impl<R> fmt::Debug for Require<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Require")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Transform<S, ServiceRequest> for Require<R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    R: ResponseForAuthError + Clone,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = RequireService<S, R>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequireService {
            require: self.clone(),
            service,
        }))
    }
}

/// The service of [`Require`].
pub struct RequireService<S, R = DefaultResponseForAuthError> {
    require: Require<R>,
    service: S,
}

impl<S, R> fmt::Debug for RequireService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequireService")
            .field(&self.require)
            .finish()
    }
}

impl<S, B, R> Service<ServiceRequest> for RequireService<S, R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    R: ResponseForAuthError,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let checked = extensions::token(&request.extensions())
            .and_then(|token| self.require.policy.check(token));
        match checked {
            Ok(()) => ResponseFuture::inner(self.service.call(request)),
            Err(error) => {
                countersign::adapter::log(&error);
                ResponseFuture::refused(request, &self.require.rejection, error)
            }
        }
    }
}
