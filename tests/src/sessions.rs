//! The session routes through every entry.

use std::convert::Infallible;

use actix_web::{App, Responder, body::to_bytes, rt::System, test::init_service};
use axum::{Router, body::Body, response::IntoResponse};
use countersign::{
    SessionRoutes,
    adapter::{Reply, RequestHead},
};
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

use crate::{Entry, Request, actix, tower as tower_entry};

/// The path at which the routes are mounted.
pub const MOUNT: &str = "/session";

/// A whole answer, as a client of the session routes sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The status.
    pub status: u16,
    /// The headers, sorted, with names in lower case. The server sets `content-length` and `date`,
    /// so they are left out.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Exchange {
    /// Returns the one header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(own, _)| own == name);
        let (_, first) = values.next()?;
        assert!(values.next().is_none(), "{name} stands twice");
        Some(first)
    }

    /// Returns the values of `Set-Cookie`.
    #[must_use]
    pub fn cookies(&self) -> Vec<&str> {
        let cookies = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        cookies.map(|(_, value)| value.as_str()).collect()
    }

    /// Returns the body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn new(status: u16, headers: impl Iterator<Item = (String, String)>, body: String) -> Self {
        let mut headers: Vec<_> = headers
            .filter(|(name, _)| name != "content-length" && name != "date")
            .collect();
        headers.sort();
        Self {
            status,
            headers,
            body,
        }
    }
}

impl Entry {
    /// Sends a request to session routes that are mounted at [`MOUNT`].
    #[must_use]
    pub fn call(self, routes: &SessionRoutes, request: &Request) -> Exchange {
        match self {
            Self::Actix => through_actix(routes, request),
            Self::Core => through_core(routes, request),
            Self::Tower => through_tower(routes, request),
        }
    }
}

impl Entry {
    /// Turns a reply of a handler of one's own into an answer.
    #[must_use]
    pub fn reply(self, reply: Reply) -> Exchange {
        match self {
            Self::Actix => {
                let request = actix_web::test::TestRequest::default().to_http_request();
                let response = countersign_actix::SessionReply(reply).respond_to(&request);
                System::new().block_on(actix_exchange(response))
            }
            Self::Core => exchange(reply),
            Self::Tower => {
                let response = countersign_tower::SessionReply(reply).into_response();
                tower_exchange(response)
            }
        }
    }
}

fn through_core(routes: &SessionRoutes, request: &Request) -> Exchange {
    let path = RequestHead::path(request);
    let path = path.strip_prefix(MOUNT).expect("a path below the mount");
    let reply = if request.body.len() > SessionRoutes::MAX_BODY_BYTES {
        SessionRoutes::body_too_large()
    } else {
        futures_executor::block_on(routes.answer(path, request, request.body.as_bytes()))
    };
    exchange(reply)
}

fn exchange(reply: Reply) -> Exchange {
    let headers = reply.headers();
    let headers: Vec<_> = headers
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    Exchange::new(reply.status(), headers.into_iter(), reply.into_body())
}

fn through_tower(routes: &SessionRoutes, request: &Request) -> Exchange {
    let service = countersign_tower::session_routes(routes.clone());
    let app: Router = Router::new().nest_service(MOUNT, service);
    let request = tower_entry::build(request).expect("a request");
    let response = futures_executor::block_on(answered(app, request));
    tower_exchange(response)
}

fn tower_exchange(response: http::Response<Body>) -> Exchange {
    let (parts, body) = response.into_parts();
    let body = futures_executor::block_on(body.collect()).expect("a whole body");
    let headers = parts.headers.iter().map(|(name, value)| {
        let value = value.to_str().expect("visible ASCII");
        (name.as_str().to_owned(), value.to_owned())
    });
    let body = String::from_utf8(body.to_bytes().to_vec()).expect("a text");
    Exchange::new(parts.status.as_u16(), headers, body)
}

async fn answered<S>(app: S, request: http::Request<Body>) -> http::Response<Body>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
{
    let Ok(response) = app.oneshot(request).await;
    response
}

fn through_actix(routes: &SessionRoutes, request: &Request) -> Exchange {
    System::new().block_on(async {
        let scope = countersign_actix::session_routes(MOUNT, routes.clone());
        let service = init_service(App::new().service(scope)).await;
        let request = actix::build(request).expect("a request");
        let response = actix_web::dev::Service::call(&service, request.to_request()).await;
        actix_exchange(response.expect("a response").map_into_boxed_body().into()).await
    })
}

async fn actix_exchange(response: actix_web::HttpResponse) -> Exchange {
    let status = response.status().as_u16();
    let headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = value.to_str().expect("visible ASCII");
            (name.as_str().to_owned(), value.to_owned())
        })
        .collect();
    let body = to_bytes(response.into_body()).await;
    let Ok(body) = body else { panic!("a body") };
    let body = String::from_utf8(body.to_vec()).expect("a text");
    Exchange::new(status, headers.into_iter(), body)
}
