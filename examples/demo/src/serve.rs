//! Serving connections until it is time to stop.

use std::pin::pin;

use axum::{Router, serve::Listener};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, time::timeout};

/// Serves until `stop` ends. Then requests under way may end, but nobody can hold the server up for
/// longer than the grace period.
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
        let (stream, _) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let connection = http.serve_connection(TokioIo::new(stream), service.clone());
        // How it ends is up to the client.
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    let _ = timeout(crate::SHUTDOWN_GRACE, connections.shutdown()).await;
}
