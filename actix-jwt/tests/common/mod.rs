//! The support that the tests of this crate share.
// Each test file uses its own part, and stops where a helper cannot go on.
#![allow(dead_code, clippy::unwrap_used)]

use actix_web::{
    App, Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::header::{HeaderName, WWW_AUTHENTICATE},
    test::{TestRequest, init_service, read_body, try_call_service},
};
use countersign::{AuthError, VerifiedToken};
use serde::Deserialize;

/// The claims of the test issuer's tokens.
#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) sub: String,
}

/// Claims that no token of the test issuer has.
#[derive(Debug, Deserialize)]
pub(crate) struct Robot {
    #[allow(dead_code)]
    pub(crate) serial_number: u64,
}

/// A handler that answers with the token's subject, or `nobody`.
pub(crate) async fn who(request: HttpRequest) -> String {
    use actix_web::HttpMessage;
    let extensions = request.extensions();
    let token = extensions.get::<VerifiedToken>();
    let subject = token.and_then(VerifiedToken::subject);
    subject.unwrap_or("nobody").to_owned()
}

/// A response, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) challenge: Option<String>,
    pub(crate) body: String,
    /// The stable reason of the [`AuthError`] in the response's extensions.
    pub(crate) reason: Option<&'static str>,
    pub(crate) response: actix_web::HttpResponse<()>,
}

impl Answer {
    pub(crate) fn header(
        &self,
        name: impl TryInto<HeaderName, Error: std::fmt::Debug>,
    ) -> Option<&str> {
        let value = self.response.headers().get(name.try_into().unwrap())?;
        Some(value.to_str().unwrap())
    }
}

/// Sends one request to an app.
pub(crate) async fn send<T, B>(app: App<T>, request: TestRequest) -> Answer
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
            Future: 'static,
        > + 'static,
    B: MessageBody + 'static,
{
    let service = init_service(app).await;
    // A refusal is a response. An error here would pass by the middleware outside.
    let response = try_call_service(&service, request.to_request())
        .await
        .unwrap();
    let reason = response
        .response()
        .extensions()
        .get::<AuthError>()
        .map(AuthError::reason);
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = ServiceResponse::new(
        request,
        actix_web::HttpResponse::Ok().message_body(body).unwrap(),
    );
    let body = read_body(body).await;
    Answer {
        status: head.status().as_u16(),
        challenge: head
            .headers()
            .get(WWW_AUTHENTICATE)
            .map(|value| value.to_str().unwrap().to_owned()),
        body: String::from_utf8(body.to_vec()).unwrap(),
        reason,
        response: head,
    }
}

/// A GET request of `/`.
pub(crate) fn get() -> TestRequest {
    TestRequest::get()
}

/// A GET request of `/` with this token.
pub(crate) fn with(token: &str) -> TestRequest {
    get().insert_header(("authorization", format!("Bearer {token}")))
}
