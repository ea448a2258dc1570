//! Session routes: login, refresh and logout as a service.

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(feature = "axum")]
use axum::extract::OriginalUri;
use countersign::{
    SessionRoutes,
    adapter::{Answer, Reply},
};
use http::{
    HeaderName, HeaderValue, Request, Response, StatusCode, header::SET_COOKIE, request::Parts,
};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::runtime::Handle;
use tower_service::Service;

use crate::head::Head;

/// Makes a service of the session routes, to mount under a path of your choice, such as `/session`.
///
/// Below it are `/login`, `/refresh`, `/logout`, `/logout-all`, `/sessions`, `/sessions/{id}`,
/// `/.well-known/jwks.json`; with [`SessionRoutes::api_keys`] also `/api-keys` and `/api-keys/{id}`. The service
/// expects paths without the prefix: axum's `nest_service` removes it; elsewhere, do it yourself.
///
/// Failed logins are limited by account, and by address where it is known: from axum's
/// `ConnectInfo<SocketAddr>` (feature `axum`; serve the app with
/// `into_make_service_with_connect_info`), else from a `SocketAddr` in the request's extensions, which
/// a server on hyper puts there. See [`LoginLimits`](countersign::session::LoginLimits).
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use countersign::{MemoryStore, SessionRoutes, Sessions, session::{Identity, SignIn}};
/// use countersign_tower::session_routes;
///
/// #[derive(serde::Deserialize)]
/// struct Login {
///     email: String,
///     password: String,
/// }
///
/// #[derive(serde::Serialize)]
/// struct User {
///     role: &'static str,
/// }
///
/// async fn sign_in(question: SignIn<Login>) -> Result<Option<Identity<User>>, std::io::Error> {
///     let known = match question {
///         SignIn::Credentials(login) => login.email == "ada" && login.password == "engine",
///         SignIn::Refresh(session) => session.subject() == "ada",
///     };
///     Ok(known.then(|| Identity::new("ada", User { role: "admin" })))
/// }
///
/// # fn app(issuer: countersign::Issuer) -> Result<Router, countersign::ConfigError> {
/// let sessions = Sessions::builder(issuer, MemoryStore::new()).build()?;
/// let routes = SessionRoutes::json(sessions, sign_in);
/// let app = Router::new().nest_service("/token", session_routes(routes));
/// # Ok(app)
/// # }
/// ```
#[must_use]
pub fn session_routes(routes: SessionRoutes) -> SessionService {
    SessionService(routes)
}

/// The service of [`session_routes`].
#[derive(Clone, Debug)]
pub struct SessionService(SessionRoutes);

impl<B> Service<Request<B>> for SessionService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<String>;
    type Error = Infallible;
    type Future = SessionFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> SessionFuture {
        let routes = self.0.clone();
        SessionFuture(Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = Limited::new(body, SessionRoutes::MAX_BODY_BYTES);
            let reply = match body.collect().await {
                Ok(body) => {
                    let body = body.to_bytes();
                    let answer = routes.answer(path(&parts), &Head::from(&parts), &body);
                    answer.finish_with(finish).await
                }
                Err(error) if error.is::<LengthLimitError>() => SessionRoutes::body_too_large(),
                Err(_) => SessionRoutes::body_unreadable(),
            };
            response(reply)
        }))
    }
}

/// Returns the path below the mount. axum removes an empty segment together with the prefix, so that
/// `/session//login` would be `/login`, past whatever stands in front of `/session/login`: it leads nowhere.
fn path(parts: &Parts) -> &str {
    let path = parts.uri.path();
    #[cfg(feature = "axum")]
    if let Some(OriginalUri(original)) = parts.extensions.get()
        && original
            .path()
            .strip_suffix(path)
            .is_some_and(|mount| mount.ends_with('/'))
    {
        return "";
    }
    path
}

/// Finishes an answer in a task of its own: a client that closes the connection is logged out all the
/// same. Without a tokio runtime there is no such task.
fn finish(rest: Answer) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(rest);
    }
}

/// The response future of [`SessionService`].
pub struct SessionFuture(Pin<Box<dyn Future<Output = Response<String>> + Send>>);

impl Future for SessionFuture {
    type Output = Result<Response<String>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl fmt::Debug for SessionFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFuture").finish_non_exhaustive()
    }
}

/// A [`Reply`] as the answer of a handler of your own.
///
/// # Examples
///
/// ```
/// use countersign::{adapter::Reply, session::TokenPair};
/// use countersign_tower::SessionReply;
///
/// fn answer(pair: &TokenPair) -> SessionReply {
///     SessionReply(Reply::from(pair))
/// }
/// ```
///
/// A registration, with the cookies or the body of the session routes:
///
/// ```
/// use axum::{Json, Router, extract::State, routing::post};
/// use countersign::{
///     SessionRoutes, Sessions,
///     adapter::Reply,
///     session::{ClientInfo, Identity},
/// };
/// use countersign_tower::SessionReply;
///
/// #[derive(serde::Deserialize)]
/// struct Registration {
///     name: String,
/// }
///
/// async fn register(
///     State((sessions, routes)): State<(Sessions, SessionRoutes)>,
///     Json(new): Json<Registration>,
/// ) -> SessionReply {
///     // The user is in the database. Then:
///     let user = Identity::new(new.name, serde_json::json!({ "role": "user" }));
///     SessionReply(match sessions.start(&user, ClientInfo::new()).await {
///         Ok(pair) => routes.reply(&pair),
///         Err(error) => Reply::from(&error),
///     })
/// }
///
/// # fn app(sessions: Sessions, routes: SessionRoutes) -> Router {
/// Router::new().route("/register", post(register)).with_state((sessions, routes))
/// # }
/// ```
///
/// Pages with forms: a page load that the layer refuses goes to the login page, or renews the session first. The form of
/// a handler is checked by the handler.
///
/// ```
/// use axum::{
///     Router,
///     extract::{Request, State},
///     middleware::{Next, from_fn_with_state},
///     response::{IntoResponse, Redirect, Response},
///     routing::get,
/// };
/// use countersign::{AuthError, SessionRoutes};
/// use countersign_tower::{ClaimsRejection, Head, JwtAuthLayer, SessionReply, Token, session_routes};
///
/// async fn to_login(State(routes): State<SessionRoutes>, request: Request, next: Next) -> Response {
///     let load = routes.page_load(&Head::from(&request));
///     let response = next.run(request).await;
///     let refused = response.extensions().get::<AuthError>();
///     match load.zip(refused).and_then(|(load, error)| load.on_unauthorized(error)) {
///         Some(reply) => SessionReply(reply).into_response(),
///         None => response,
///     }
/// }
///
/// async fn order(
///     State(routes): State<SessionRoutes>,
///     Token(token): Token,
///     request: Request,
/// ) -> Result<Redirect, ClaimsRejection> {
///     let csrf_token = ""; // the field of the form
///     routes.check_form(&Head::from(&request), &token, csrf_token)?;
///     Ok(Redirect::to("/orders"))
/// }
///
/// fn app(routes: SessionRoutes) -> Router {
///     Router::new()
///         .route("/orders", get(async || "the orders").post(order))
///         .route_layer(JwtAuthLayer::new(routes.authenticator()))
///         .route_layer(from_fn_with_state(routes.clone(), to_login))
///         .nest_service("/session", session_routes(routes.clone()))
///         .with_state(routes)
/// }
/// ```
#[cfg(feature = "axum")]
#[derive(Clone, Debug)]
pub struct SessionReply(
    /// The answer.
    pub Reply,
);

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for SessionReply {
    fn into_response(self) -> axum_core::response::Response {
        response(self.0).into_response()
    }
}

/// Converts the reply. Cookies are marked sensitive, so that a logging layer leaves them out.
fn response(reply: Reply) -> Response<String> {
    let mut response = Response::new(String::new());
    // Core's statuses and headers are all valid.
    *response.status_mut() =
        StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, text) in reply.headers() {
        if let Ok(mut value) = HeaderValue::from_str(text) {
            let name = HeaderName::from_static(name);
            value.set_sensitive(name == SET_COOKIE);
            response.headers_mut().append(name, value);
        }
    }
    *response.body_mut() = reply.into_body();
    response
}
