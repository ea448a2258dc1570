//! WebSocket and `EventSource`.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    extract::{State, WebSocketUpgrade},
    response::{
        Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use countersign::{
    AuthCookies, ConfigError, SessionRoutes, Sessions, VerifiedToken, VerifierBuilder,
};
use countersign_tower::{JwtAuthLayer, Token, session_routes};
use futures_util::{Stream, StreamExt, stream};
use tokio::{sync::broadcast::Sender, time};

use crate::sign_in; // your own

pub(crate) fn streams(sessions: Sessions, news: Sender<String>) -> Result<Router, ConfigError> {
    let routes = SessionRoutes::cookies(sessions, AuthCookies::new(), sign_in)?;
    Ok(Router::new()
        .route("/api/events", get(events))
        .route("/api/socket", get(socket))
        .route_layer(JwtAuthLayer::new(routes.authenticator()))
        .with_state(news)
        .nest_service("/session", session_routes(routes)))
}

/// Until the layer refuses this token: whoever comes back then gets a 401.
fn time_left(token: &VerifiedToken) -> Duration {
    Duration::from_secs(token.remaining().unwrap_or(0)) + VerifierBuilder::DEFAULT_LEEWAY
}

async fn events(
    State(news): State<Sender<String>>,
    Token(token): Token,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold(news.subscribe(), async |mut news| {
        let text = news.recv().await.ok()?;
        Some((Ok(Event::default().data(text)), news))
    });
    Sse::new(events.take_until(time::sleep(time_left(&token)))).keep_alive(KeepAlive::default())
}

async fn socket(
    State(news): State<Sender<String>>,
    Token(token): Token,
    upgrade: WebSocketUpgrade,
) -> Response {
    let mut news = news.subscribe();
    upgrade.on_upgrade(move |mut socket| async move {
        let send = async {
            while let Ok(text) = news.recv().await {
                socket.send(text.into()).await?;
            }
            Ok::<_, axum::Error>(())
        };
        let _ = time::timeout(time_left(&token), send).await; // then it is closed
    })
}
