//! poem: a function around an endpoint. Session routes are a tower service.

use std::{convert::Infallible, sync::Arc};

use countersign::{Authenticator, VerifiedToken, adapter::RequestHead, testing::TestIssuer};
use poem::{
    Endpoint, EndpointExt, IntoResponse, Request, Response, Route, Server,
    endpoint::TowerCompatExt,
    get, handler,
    http::{StatusCode, uri::Authority},
    listener::TcpAcceptor,
    web::Data,
};
use tower::util::MapErr;

use crate::{authenticator, check, common, listener};

struct Head<'r>(&'r Request);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn authority(&self) -> Option<&str> {
        self.0.uri().authority().map(Authority::as_str)
    }

    fn path(&self) -> &str {
        self.0.original_uri().path()
    }

    fn query(&self) -> Option<&str> {
        self.0.uri().query()
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let lines = self.0.headers().get_all(name);
        lines.iter().for_each(|value| visit(value.as_bytes()));
    }
}

/// For `EndpointExt::around`.
async fn authenticate<E: Endpoint>(
    auth: Authenticator,
    endpoint: Arc<E>,
    mut request: Request,
) -> poem::Result<Response> {
    let verdict = auth.check(&Head(&request));
    match verdict.await {
        Ok(Some(token)) => request.set_data(token),
        Ok(None) => {} // anonymous, with `optional`
        Err(error) => {
            let challenge = error.challenge();
            let status = StatusCode::from_u16(challenge.status());
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = Response::builder().status(status);
            for (name, value) in challenge.headers() {
                response = response.header(name, value.as_ref());
            }
            let response = response.content_type("application/problem+json");
            return Ok(response.body(challenge.problem_json()));
        }
    }
    Ok(endpoint.call(request).await?.into_response())
}

#[handler]
fn me(token: Data<&VerifiedToken>) -> String {
    token.subject().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn poem_asks_the_core() {
    let issuer = TestIssuer::new();
    let auth = authenticator(&issuer);
    let app = Route::new()
        .at("/me", get(me))
        .around(move |endpoint, request| authenticate(auth.clone(), endpoint, request));
    let (listener, server) = listener();
    let acceptor = TcpAcceptor::from_std(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(app));
    check(server, &issuer).await;
}

#[tokio::test]
async fn poem_mounts_the_session_routes_as_a_tower_service() {
    let session = countersign_tower::session_routes(common::session_routes());
    let session = MapErr::new(session, |never: Infallible| -> poem::Error {
        match never {}
    });
    let session = session.compat();
    let app = Route::new().nest("/session", session);
    let (listener, server) = listener();
    let acceptor = TcpAcceptor::from_std(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(app));
    assert_eq!(common::log_in(server, "engine", &[]).await.status, 200);
    assert_eq!(common::log_in(server, "", &[]).await.status, 401);
    let twice = common::log_in_at(server, "/session//login", "engine", &[]).await;
    assert_eq!(twice.status, 404);
}
