//! Authorization: a policy for an app, a scope or a resource.

use std::{
    fmt,
    future::{Ready, ready},
};

use actix_web::{
    Error,
    body::EitherBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
};
use countersign::Policy;

use crate::{
    extensions,
    response::{DefaultResponseForAuthError, ResponseForAuthError, ResponseFuture},
};

/// Lets only requests through whose token fits a [`Policy`].
///
/// It goes inside of [`JwtAuth`](crate::JwtAuth), around the routes that need more than a valid
/// token.
///
/// 1. A token that does not fit is 403, or 401 where the user should authenticate again. The
///    challenge says what would be enough.
/// 2. An anonymous request is refused (401).
/// 3. Without a `JwtAuth` around it, every request is 500: the mistake is the developer's.
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
    /// A middleware that enforces this policy.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            rejection: DefaultResponseForAuthError,
        }
    }
}

impl<R> Require<R> {
    /// Replaces the response to refused requests: a closure, or a type of yours.
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
    type Transform = RequireMiddleware<S, R>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequireMiddleware {
            require: self.clone(),
            service,
        }))
    }
}

/// The service of [`Require`].
pub struct RequireMiddleware<S, R = DefaultResponseForAuthError> {
    require: Require<R>,
    service: S,
}

impl<S, R> fmt::Debug for RequireMiddleware<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequireMiddleware")
            .field(&self.require)
            .finish()
    }
}

impl<S, B, R> Service<ServiceRequest> for RequireMiddleware<S, R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    R: ResponseForAuthError,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let checked = extensions::token(request.request())
            .and_then(|token| self.require.policy.check(&token));
        match checked {
            Ok(()) => ResponseFuture::inside(self.service.call(request)),
            Err(error) => {
                countersign::adapter::log(&error);
                ResponseFuture::refused(request, &self.require.rejection, error)
            }
        }
    }
}
