//! ntex: an extractor, whose error is the answer.

use std::fmt;

use countersign::{
    AuthError, Authenticator, VerifiedToken,
    adapter::{Anonymous, RequestHead},
    testing::TestIssuer,
};
use ntex::{
    http::{Payload, StatusCode, uri::Authority},
    web::{self, App, FromRequest, HttpRequest, HttpResponse, WebResponseError},
};

use crate::{authenticator, check, listener};

struct Head<'r>(&'r HttpRequest);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn authority(&self) -> Option<&str> {
        self.0.uri().authority().map(Authority::as_str)
    }

    fn path(&self) -> &str {
        self.0.path()
    }

    fn query(&self) -> Option<&str> {
        self.0.uri().query()
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let lines = self.0.headers().get_all(name);
        lines.for_each(|value| visit(value.as_bytes()));
    }
}

struct Token(VerifiedToken);

#[derive(Debug)]
struct Refused(AuthError);

impl<E> FromRequest<E> for Token {
    type Error = Refused;

    async fn from_request(request: &HttpRequest, _: &mut Payload) -> Result<Self, Refused> {
        token(request).await.map(Self).map_err(Refused)
    }
}

async fn token(request: &HttpRequest) -> Result<VerifiedToken, AuthError> {
    let auth = request.app_state::<Authenticator>();
    let anonymous = auth.map(Authenticator::anonymous);
    let token = match auth {
        Some(auth) => auth.check(&Head(request)).await?,
        None => None,
    };
    Anonymous::token(token.as_ref(), anonymous.as_ref()).cloned() // without a state: 500
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl WebResponseError for Refused {
    fn error_response(&self, _: &HttpRequest) -> HttpResponse {
        let challenge = self.0.challenge();
        let status = StatusCode::from_u16(challenge.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        for (name, value) in challenge.headers() {
            response.header(name, value.as_ref());
        }
        response.content_type("application/problem+json");
        response.body(challenge.problem_json())
    }
}

#[ntex::test]
async fn ntex_asks_the_core() {
    let issuer = TestIssuer::new();
    let auth = authenticator(&issuer);
    let (listener, server) = listener();
    let me = async |Token(token): Token| token.subject().unwrap_or_default().to_owned();
    let app = async move || {
        App::new()
            .state(auth.clone())
            .route("/me", web::get().to(me))
    };
    let serving = web::server(app).workers(1).disable_signals();
    ntex::rt::spawn(serving.listen(listener).unwrap().run());
    check(server, &issuer).await;
}
