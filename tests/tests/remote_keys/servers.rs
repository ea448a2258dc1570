//! A protected route behind each framework, on a socket.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use actix_web::{App, HttpServer, dev::ServerHandle, http::KeepAlive, rt::System, web};
use axum::{Router, routing::get};
use countersign::{RemoteKeys, Verifier};
use countersign_actix::JwtAuth;
use countersign_tests::{
    Answer, Request,
    server::{Body, Connection},
};
use countersign_tower::JwtAuthLayer;
use tokio::{net::TcpListener, task::AbortHandle};

use crate::provider::{ALGORITHMS, audience};

/// A server with a source of keys of its own.
pub(crate) struct Running {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) keys: RemoteKeys,
    stop: Stop,
}

impl Running {
    /// Sends one request with this token, and blocks until it is answered.
    pub(crate) fn send(&self, token: &str) -> Answer {
        Connection::open(self.address).send(&Request::bearer(token), Body::None)
    }
}

/// Ends a server.
enum Stop {
    Actix(ServerHandle, Option<JoinHandle<()>>),
    Axum(AbortHandle),
}

/// Starts a server of each framework, with the keys of this issuer.
pub(crate) async fn start_all(issuer: &str) -> [Running; 2] {
    [start_axum(issuer).await, start_actix(issuer)]
}

async fn start_axum(issuer: &str) -> Running {
    let (keys, verifier) = verifier(issuer).await;
    let app = Router::new()
        .route("/", get(axum_route))
        .route_layer(JwtAuthLayer::new(verifier));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Running {
        name: "axum",
        address,
        keys,
        stop: Stop::Axum(task.abort_handle()),
    }
}

/// Starts a server whose keys live on actix-web's own runtime.
fn start_actix(issuer: &str) -> Running {
    let (tell, told) = mpsc::channel();
    let issuer = issuer.to_owned();
    let thread = thread::spawn(move || {
        System::new().block_on(async {
            let (keys, verifier) = verifier(&issuer).await;
            let app = move || {
                App::new()
                    .wrap(JwtAuth::new(verifier.clone()))
                    .route("/", web::get().to(actix_route))
            };
            let server = HttpServer::new(app)
                .workers(1)
                .keep_alive(KeepAlive::Os)
                .disable_signals()
                .bind((Ipv4Addr::LOCALHOST, 0))
                .unwrap();
            let address = server.addrs()[0];
            let server = server.run();
            tell.send((address, keys, server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    let (address, keys, handle) = told.recv().unwrap();
    Running {
        name: "actix-web",
        address,
        keys,
        stop: Stop::Actix(handle, Some(thread)),
    }
}

/// Returns the keys of an issuer, once they are there, and a verifier of its access tokens.
async fn verifier(issuer: &str) -> (RemoteKeys, Verifier) {
    let keys = RemoteKeys::discover(issuer).build().unwrap();
    keys.ready().await.unwrap();
    let verifier = ALGORITHMS
        .into_iter()
        .fold(Verifier::builder(keys.clone()), |builder, algorithm| {
            builder.audience(audience(algorithm))
        })
        .issuer(issuer)
        .access_token_profile()
        .build();
    (keys, verifier.unwrap())
}

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn axum_route(countersign_tower::Claims(user): countersign_tower::Claims<User>) -> String {
    user.sub.clone()
}

async fn actix_route(countersign_actix::Claims(user): countersign_actix::Claims<User>) -> String {
    user.sub.clone()
}

impl Drop for Running {
    fn drop(&mut self) {
        match &mut self.stop {
            Stop::Axum(task) => task.abort(),
            Stop::Actix(handle, thread) => {
                // It is told at once; only the answer would have to be waited for.
                drop(handle.stop(false));
                if let Some(thread) = thread.take() {
                    let _ = thread.join();
                }
            }
        }
    }
}
