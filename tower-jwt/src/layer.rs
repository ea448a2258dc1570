//! The layer: what is said once, when the server starts.

use std::{fmt, sync::Arc};

use countersign::Authenticator;
use tower_layer::Layer;

use crate::{
    response::DefaultResponseForAuthError,
    service::{Gate, JwtAuth},
};

/// Lets requests with a valid token in, and refuses all others.
///
/// It takes a [`Verifier`](countersign::Verifier) or, for more settings, an [`Authenticator`].
/// What it does with a request:
///
/// 1. It finds the token by the authenticator's [`TokenSource`](countersign::TokenSource).
/// 2. It verifies the token and checks the policy. It waits only if a key has to be fetched.
/// 3. A good token goes into the request's extensions as a
///    [`VerifiedToken`](countersign::VerifiedToken), and the inner service is called.
/// 4. Without a token, and if the authenticator is [`optional`](Authenticator::optional) and
///    [requires](Authenticator::require) nothing, the inner service is called too.
/// 5. Every other request is answered here: status, `WWW-Authenticate` and a problem document. The
///    [`AuthError`](countersign::AuthError) goes into the response's extensions, so that outer
///    layers can log it. See [`ResponseForAuthError`](crate::ResponseForAuthError) to change it.
///
/// Of two layers, one inside the other, the inner one's verdict counts.
///
/// The headers that can carry the token go on as
/// [sensitive](http::HeaderValue::set_sensitive): `Debug` and logs of them do not show it.
///
/// # Where it belongs
///
/// - A CORS preflight (`OPTIONS`) carries no token and is refused like any request without one. Put
///   the CORS layer outside, where it answers preflights itself, and sees refusals too.
/// - On an axum `Router`, `route_layer` leaves unknown paths a 404. With `layer` they are a 401.
/// - `route_layer` does not cover a `fallback`, whatever the order: everybody reaches it. With
///   `layer` it is covered.
///
/// # Types
///
/// - The answer to a refused request has the body type of the inner service, which by default must
///   be `From<String>`: see [`DefaultResponseForAuthError`].
/// - The inner service must be `Clone`, for requests that wait for a key.
/// - The response future is `<JwtAuth<S, R> as Service<Request<B>>>::Future`. That is the way to name
///   it in a struct of your own.
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
    gate: Arc<Gate>,
    rejection: R,
}

impl JwtAuthLayer {
    /// Authenticates with this verifier, these issuers, or this authenticator.
    pub fn new(authenticator: impl Into<Authenticator>) -> Self {
        Self {
            gate: Arc::new(Gate::new(authenticator.into())),
            rejection: DefaultResponseForAuthError,
        }
    }
}

impl<R> JwtAuthLayer<R> {
    /// Answers refused requests this way: a closure, or a
    /// [`ResponseForAuthError`](crate::ResponseForAuthError).
    ///
    /// The default is [`DefaultResponseForAuthError`].
    pub fn with_rejection_response<R2>(self, rejection: R2) -> JwtAuthLayer<R2> {
        JwtAuthLayer {
            gate: self.gate,
            rejection,
        }
    }
}

impl<S, R: Clone> Layer<S> for JwtAuthLayer<R> {
    type Service = JwtAuth<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        JwtAuth::new(inner, Arc::clone(&self.gate), self.rejection.clone())
    }
}

impl<R> fmt::Debug for JwtAuthLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthLayer")
            .field("authenticator", &self.gate.authenticator)
            .finish_non_exhaustive()
    }
}
