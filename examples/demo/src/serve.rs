//! Serving connections that no client can hold up, with axum.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{StatusCode, header::CONNECTION},
    middleware::Next,
    response::{IntoResponse, Response},
    serve::Listener,
};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, time::timeout};
use tower_http::timeout::{DeadlineBody, TimeoutError};

/// Serves until `stop` ends. Then requests under way may end, but nobody can hold the server up for
/// longer than the grace period.
///
/// Each request says where it comes from, as [`ConnectInfo<SocketAddr>`](ConnectInfo): failed logins
/// are limited by address, too.
///
/// This is what `axum::serve` does, and more: there a client that never ends the head of its request
/// would hold its connection for ever.
pub async fn until(stop: impl Future<Output = ()>, mut listener: TcpListener, app: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(crate::HEAD_TIMEOUT);
    let service = TowerToHyperService::new(app);
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, client) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let service = service.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(client));
            service.call(request)
        });
        let connection = http.serve_connection(TokioIo::new(stream), service);
        // How it ends is up to the client.
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    let _ = timeout(crate::SHUTDOWN_GRACE, connections.shutdown()).await;
}

/// Answers 408 to a client that does not send its body in [time](crate::BODY_TIMEOUT), and closes
/// the connection (RFC 9110 section 15.5.9).
///
/// A handler that waits for the body meets an error then, and what it makes of that is not sent. One
/// that does not read the body does not wait for it.
pub async fn body_in_time(request: Request, next: Next) -> Response {
    let late = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&late);
    let request = request.map(|body| {
        let body = DeadlineBody::new(crate::BODY_TIMEOUT, body);
        Body::new(body.map_err(move |error| {
            seen.fetch_or(error.is::<TimeoutError>(), Ordering::Relaxed);
            error
        }))
    });
    let answer = next.run(request).await;
    match late.load(Ordering::Relaxed) {
        true => (StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")]).into_response(),
        false => answer,
    }
}
