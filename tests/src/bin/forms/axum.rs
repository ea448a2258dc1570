//! The pages on axum.

use std::{io, net::TcpListener};

use ::axum::{
    Form, Router,
    extract::{Query, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use countersign::AuthError;
use countersign_tower::{
    Claims, ClaimsRejection, Head, JwtAuthLayer, SessionReply, Token, session_routes,
};
use http::{HeaderName, header, request::Parts};
use serde::Deserialize;

use crate::app::{App, Order, User, WORKER, WORKER_PAGE};

pub(crate) fn serve(app: App, listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        ::axum::serve(listener, router(app).merge(worker())).await
    })
}

fn router(app: App) -> Router {
    Router::new()
        .route("/orders", get(orders).post(order))
        .route_layer(JwtAuthLayer::new(app.routes.authenticator()))
        .route_layer(from_fn_with_state(app.clone(), to_login))
        .route("/login", get(login))
        .nest_service("/session", session_routes(app.routes.clone()))
        .with_state(app)
}

/// Answers page loads that the layer refuses with a redirect.
async fn to_login(State(app): State<App>, request: Request, next: Next) -> Response {
    let load = app.routes.page_load(&Head::from(&request));
    let response = next.run(request).await;
    let error = response.extensions().get::<AuthError>();
    match load
        .zip(error)
        .and_then(|(load, error)| load.on_unauthorized(error))
    {
        Some(reply) => SessionReply(reply).into_response(),
        None => response,
    }
}

async fn login(State(app): State<App>, parts: Parts) -> Result<Response, ClaimsRejection> {
    let (page, cookie) = app.login_page(&Head::from(&parts))?;
    let mut response = (NO_STORE, Html(page)).into_response();
    if let Some(cookie) = cookie.and_then(|cookie| cookie.parse().ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    item: String,
}

async fn orders(
    State(app): State<App>,
    Claims(user): Claims<User>,
    Query(said): Query<Said>,
    parts: Parts,
) -> Result<impl IntoResponse, ClaimsRejection> {
    let page = app.orders_page(&Head::from(&parts), &user, &said.item)?;
    Ok((NO_STORE, Html(page)))
}

async fn order(
    State(app): State<App>,
    Token(token): Token,
    parts: Parts,
    Form(order): Form<Order>,
) -> Result<Redirect, ClaimsRejection> {
    app.routes
        .check_form(&Head::from(&parts), &token, &order.csrf_token)?;
    Ok(Redirect::to(&format!("/orders?item={}", order.item)))
}

/// Makes the routes that install a service worker.
fn worker() -> Router {
    let script = [(header::CONTENT_TYPE, "text/javascript")];
    Router::new()
        .route("/worker", get(async || Html(WORKER_PAGE)))
        .route("/worker.js", get(async move || (script, WORKER)))
}

const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];
