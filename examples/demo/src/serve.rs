//! Serving connections that no client can hold up, with axum.

use std::{
    error::Error,
    future::ready,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderValue, StatusCode, header::CONNECTION},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{HttpService, Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tower_http::timeout::{DeadlineBody, TimeoutError};
use tracing::error;

use crate::{
    Drain, accepting,
    patience::{Patience, Requests},
};

type Trouble = Box<dyn Error + Send + Sync>;

/// The pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves until `stop` ends. Then requests under way may end, but nobody can hold the server up for
/// longer than the grace period. While the server drains, each answer closes its connection.
///
/// Each request says where it comes from, as [`ConnectInfo<SocketAddr>`](ConnectInfo): failed logins
/// are limited by address, too.
///
/// This is what `axum::serve` does, and more: there a client that never ends the head of its request
/// would hold its connection for ever.
pub async fn until(
    stop: impl Future<Output = ()>,
    drain: Drain,
    listener: TcpListener,
    app: Router,
) {
    let server = Server {
        app: TowerToHyperService::new(app),
        stop: watch::Sender::new(false),
        drain,
    };
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => server.serve(stream, ConnectInfo(client)),
                Err(error) => pause(&error).await,
            },
            () = &mut stop => break,
        }
    }
    // Who is waiting has been told by the system that this server listens.
    loop {
        tokio::select! {
            biased;
            Ok((stream, client)) = listener.accept() => server.serve(stream, ConnectInfo(client)),
            () = ready(()) => break,
        }
    }
    drop(listener);
    server.stop.send_replace(true);
    // Each connection has a receiver.
    let _ = timeout(crate::SHUTDOWN_GRACE, server.stop.closed()).await;
}

/// Waits, if the next connection is likely to fail as this one did.
async fn pause(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    if matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        return; // about that client alone
    }
    if accepting::fails() {
        error!(cause = %error, "connections cannot be accepted");
    }
    sleep(ACCEPT_PAUSE).await;
}

struct Server {
    app: TowerToHyperService<Router>,
    /// True once connections should end.
    stop: watch::Sender<bool>,
    drain: Drain,
}

impl Server {
    fn serve<C: Clone + Send + Sync + 'static>(&self, stream: TcpStream, client: C) {
        accepting::works();
        let stream = Patience::new(stream);
        let (requests, first) = (stream.requests(), stream.requests());
        let (app, drain) = (self.app.clone(), self.drain.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let answered = requests.begin();
            request.extensions_mut().insert(client.clone());
            let (answer, drain) = (app.call(request), drain.clone());
            async move {
                let mut answer = answer.await?;
                if drain.is_draining() {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(CONNECTION, close);
                }
                // The request ends with its answer.
                Ok::<_, std::convert::Infallible>(answer.map(|body| {
                    body.map_err(move |error| {
                        let _ = &answered;
                        error
                    })
                }))
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(crate::KEEP_ALIVE);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(until_stopped(connection, first, self.stop.subscribe()));
    }
}

/// Serves a connection. When it should end, it does so after the request under way, and at once when there is none.
///
/// A new connection still gets its first answer: its client may have sent a request, and could not tell whether
/// anybody had read it.
async fn until_stopped<S>(
    connection: http1::Connection<TokioIo<Patience>, S>,
    requests: Requests,
    mut stop: watch::Receiver<bool>,
) where
    S: HttpService<
            Incoming,
            ResBody: hyper::body::Body<Error: Into<Trouble>> + 'static,
            Error: Into<Trouble>,
        >,
{
    let mut connection = pin!(connection);
    let asked = async {
        let _ = stop.wait_for(|stop| *stop).await;
        let _ = timeout(crate::FIRST_REQUEST, requests.first()).await;
    };
    tokio::select! {
        _ = &mut connection => return, // how it ends is up to the client
        () = asked => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
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

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::Instant,
    };

    use super::*;

    /// Returns a connection to a server, for a clock that goes on when nobody has anything to do.
    async fn connection() -> TcpStream {
        let app = Router::new().route("/", get("ok"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(until(std::future::pending(), Drain::never(), listener, app));
        TcpStream::connect(address).await.unwrap()
    }

    async fn ask(client: &mut TcpStream) {
        let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\nok") {
            let mut some = [0; 1024];
            let read = client.read(&mut some).await.unwrap();
            assert_ne!(read, 0, "{answer}");
            answer += std::str::from_utf8(&some[..read]).unwrap();
        }
    }

    /// Returns the seconds until the server closes the connection.
    async fn closed_after(client: &mut TcpStream) -> u64 {
        let began = Instant::now();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_for_longer_than_balancers_keep_it() {
        let mut client = connection().await;
        for _ in 0..3 {
            ask(&mut client).await;
            sleep(Duration::from_secs(60)).await;
        }
        ask(&mut client).await;
        assert_eq!(closed_after(&mut client).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_has_begun_has_five_seconds() {
        let mut client = connection().await;
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(closed_after(&mut client).await, 5);

        let mut client = connection().await;
        ask(&mut client).await;
        sleep(Duration::from_secs(30)).await;
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(closed_after(&mut client).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_has_five_seconds() {
        assert_eq!(closed_after(&mut connection().await).await, 5);
    }
}
