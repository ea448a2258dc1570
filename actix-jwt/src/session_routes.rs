//! Session routes: login, refresh and logout as a scope.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, Responder, Scope,
    body::BoxBody,
    http::{StatusCode, header::HeaderValue},
    web,
};
use countersign::{
    SessionRoutes,
    adapter::{Answer, Reply},
};
use tokio::runtime::Handle;

use crate::head::Head;

/// Makes a scope of the session routes, under a path of your choice, such as `/session`.
///
/// Below it are `/login`, `/refresh`, `/logout`, `/logout-all`, `/sessions`, `/sessions/{id}` and
/// `/.well-known/jwks.json`; with [`SessionRoutes::api_keys`] also `/api-keys` and `/api-keys/{id}`.
///
/// Failed logins are limited by account and by address, which is `peer_addr()`: see
/// [`LoginLimits`](countersign::session::LoginLimits).
///
/// # Examples
///
/// ```
/// use actix_web::App;
/// use countersign::{MemoryStore, SessionRoutes, Sessions, session::{Identity, SignIn}};
/// use countersign_actix::session_routes;
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
/// # fn with(issuer: countersign::Issuer) -> Result<(), countersign::ConfigError> {
/// let sessions = Sessions::builder(issuer, MemoryStore::new()).build()?;
/// let routes = SessionRoutes::json(sessions, sign_in);
/// let app = App::new().service(session_routes("/token", routes));
/// # drop(app);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn session_routes(path: &str, routes: SessionRoutes) -> Scope {
    web::scope(path).default_service(web::to(move |request: HttpRequest, body: web::Payload| {
        let routes = routes.clone();
        async move {
            let reply = match body.to_bytes_limited(SessionRoutes::MAX_BODY_BYTES).await {
                Ok(Ok(body)) => {
                    // The rest of the path is decoded, and no endpoint has anything to decode.
                    let path = match request.uri().path().contains('%') {
                        true => "",
                        false => request.match_info().unprocessed(),
                    };
                    let answer = routes.answer(path, &Head(&request), &body);
                    answer.finish_with(finish).await
                }
                Ok(Err(_)) => SessionRoutes::body_unreadable(),
                Err(_) => SessionRoutes::body_too_large(),
            };
            SessionReply(reply)
        }
    }))
}

/// Finishes an answer in a task of its own: a client that closes the connection is logged out all the
/// same. It is called in `drop`, where `rt::spawn` would panic outside of a worker.
fn finish(rest: Answer) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(rest);
    }
}

/// A [`Reply`] as the answer of a handler of your own.
///
/// # Examples
///
/// ```
/// use countersign::{adapter::Reply, session::TokenPair};
/// use countersign_actix::SessionReply;
///
/// fn answer(pair: &TokenPair) -> SessionReply {
///     SessionReply(Reply::from(pair))
/// }
/// ```
///
/// A registration, with the cookies or the body of the session routes:
///
/// ```
/// use actix_web::{post, web};
/// use countersign::{
///     SessionRoutes, Sessions,
///     adapter::Reply,
///     session::{ClientInfo, Identity},
/// };
/// use countersign_actix::SessionReply;
///
/// #[derive(serde::Deserialize)]
/// struct Registration {
///     name: String,
/// }
///
/// #[derive(serde::Serialize)]
/// struct User {
///     role: &'static str,
/// }
///
/// #[post("/register")]
/// async fn register(
///     sessions: web::Data<Sessions>,
///     routes: web::Data<SessionRoutes>,
///     new: web::Json<Registration>,
/// ) -> SessionReply {
///     // The user is in the database. Then:
///     let user = Identity::new(&*new.name, User { role: "user" });
///     SessionReply(match sessions.start(&user, ClientInfo::new()).await {
///         Ok(pair) => routes.reply(&pair),
///         Err(error) => Reply::from(&error),
///     })
/// }
/// ```
///
/// Pages with forms: a page load that the middleware refuses goes to the login page, or renews the session first. The
/// form of a handler is checked by the handler.
///
/// ```
/// use actix_web::{
///     App, HttpRequest, HttpResponse, Responder,
///     body::{BoxBody, EitherBody, MessageBody},
///     dev::{ServiceRequest, ServiceResponse},
///     middleware::{Next, from_fn},
///     web,
/// };
/// use countersign::{AuthError, SessionRoutes};
/// use countersign_actix::{Error, Head, JwtAuth, SessionReply, Token, session_routes};
///
/// async fn to_login<B: MessageBody>(
///     routes: web::Data<SessionRoutes>,
///     request: ServiceRequest,
///     next: Next<B>,
/// ) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
///     let load = routes.page_load(&Head::from(request.request()));
///     let response = next.call(request).await?;
///     let refused = response.response().extensions().get::<AuthError>().cloned();
///     match load.zip(refused).and_then(|(load, error)| load.on_unauthorized(&error)) {
///         Some(reply) => {
///             let redirect = SessionReply(reply).respond_to(response.request());
///             Ok(response.into_response(redirect).map_into_right_body())
///         }
///         None => Ok(response.map_into_left_body()),
///     }
/// }
///
/// async fn order(
///     routes: web::Data<SessionRoutes>,
///     Token(token): Token,
///     request: HttpRequest,
/// ) -> Result<HttpResponse, Error> {
///     let csrf_token = ""; // the field of the form
///     routes.check_form(&Head::from(&request), &token, csrf_token)?;
///     Ok(HttpResponse::SeeOther().insert_header(("location", "/orders")).finish())
/// }
///
/// # fn with(routes: SessionRoutes) {
/// let orders = web::scope("/orders")
///     .wrap(JwtAuth::new(routes.authenticator()))
///     .wrap(from_fn(to_login))
///     .route("", web::post().to(order));
/// let app = App::new()
///     .app_data(web::Data::new(routes.clone()))
///     .service(orders)
///     .service(session_routes("/session", routes));
/// # drop(app);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SessionReply(
    /// The answer.
    pub Reply,
);

impl Responder for SessionReply {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        // Core's statuses and headers are all valid.
        let status =
            StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponseBuilder::new(status);
        for (name, text) in self.0.headers() {
            if let Ok(value) = HeaderValue::from_str(text) {
                response.append_header((name, value));
            }
        }
        response.body(self.0.into_body())
    }
}
