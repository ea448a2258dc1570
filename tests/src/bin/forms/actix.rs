//! The pages on actix-web.

use std::{io, net::TcpListener};

use actix_web::{
    App as Server, Error as ActixError, HttpRequest, HttpResponse, HttpServer, Responder,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::{Next, from_fn},
    rt::System,
    web::{Data, Form, Query, get, post, scope},
};
use countersign::AuthError;
use countersign_actix::{Claims, Error, Head, JwtAuth, SessionReply, Token, session_routes};
use serde::Deserialize;

use crate::app::{App, Order, User, WORKER, WORKER_PAGE};

pub(crate) fn serve(app: App, listener: TcpListener) -> io::Result<()> {
    let server = HttpServer::new(move || {
        let orders = scope("/orders")
            .wrap(JwtAuth::new(app.routes.authenticator()))
            .wrap(from_fn(to_login))
            .route("", get().to(orders))
            .route("", post().to(order));
        Server::new()
            .app_data(Data::new(app.clone()))
            .service(orders)
            .service(session_routes("/session", app.routes.clone()))
            .route("/login", get().to(login))
            .route("/worker", get().to(async || html(WORKER_PAGE.to_owned())))
            .route("/worker.js", get().to(worker))
    });
    System::new().block_on(server.workers(1).listen(listener)?.run())
}

/// Answers page loads that the middleware refuses with a redirect.
async fn to_login<B: MessageBody>(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, ActixError> {
    let load = app.routes.page_load(&Head::from(request.request()));
    let response = next.call(request).await?;
    let error = response.response().extensions().get::<AuthError>().cloned();
    match load
        .zip(error)
        .and_then(|(load, error)| load.on_unauthorized(&error))
    {
        Some(reply) => {
            let redirect = SessionReply(reply).respond_to(response.request());
            Ok(response.into_response(redirect).map_into_right_body())
        }
        None => Ok(response.map_into_left_body()),
    }
}

async fn login(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let (page, cookie) = app.login_page(&Head::from(&request))?;
    let mut response = html(page);
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
    app: Data<App>,
    Claims(user): Claims<User>,
    said: Query<Said>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let page = app.orders_page(&Head::from(&request), &user, &said.item)?;
    Ok(html(page))
}

async fn order(
    app: Data<App>,
    Token(token): Token,
    order: Form<Order>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    app.routes
        .check_form(&Head::from(&request), &token, &order.csrf_token)?;
    let page = format!("/orders?item={}", order.item);
    Ok(HttpResponse::SeeOther()
        .insert_header((header::LOCATION, page))
        .finish())
}

async fn worker() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript")
        .body(WORKER)
}

fn html(page: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(page)
}
