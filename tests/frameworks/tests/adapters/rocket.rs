//! rocket: a request guard, and a catcher that answers for it.

use std::{
    future::ready,
    io::Cursor,
    net::{Ipv4Addr, SocketAddr},
};

use countersign::{
    AuthError, Authenticator, VerifiedToken,
    adapter::{Anonymous, RequestHead},
    testing::TestIssuer,
};
use rocket::{
    Config, Request, Response, catch, catchers,
    config::LogLevel,
    fairing::AdHoc,
    get,
    http::Status,
    request::{FromRequest, Outcome},
    response::{self, Responder},
    routes,
};
use tokio::sync::oneshot;

use crate::{authenticator, check};

struct Head<'r>(&'r Request<'r>);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn authority(&self) -> Option<&str> {
        None // rocket has put it into the header `host`
    }

    fn path(&self) -> &str {
        self.0.uri().path().as_str()
    }

    fn query(&self) -> Option<&str> {
        self.0.uri().query().map(|query| query.as_str())
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let lines = self.0.headers().get(name);
        lines.for_each(|value| visit(value.as_bytes()));
    }
}

struct Token(VerifiedToken);

/// The refusal, from the guard to the catcher: rocket passes a status only.
type Refusal = Option<AuthError>;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Token {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match token(request).await {
            Ok(token) => Outcome::Success(Self(token)),
            Err(error) => {
                let status = Status::new(error.kind().status());
                request.local_cache(|| Refusal::Some(error));
                Outcome::Error((status, ()))
            }
        }
    }
}

async fn token(request: &Request<'_>) -> Result<VerifiedToken, AuthError> {
    let auth = request.rocket().state::<Authenticator>();
    let anonymous = auth.map(Authenticator::anonymous);
    let token = match auth {
        Some(auth) => auth.check(&Head(request)).await?,
        None => None,
    };
    Anonymous::token(token.as_ref(), anonymous.as_ref()).cloned() // without a state: 500
}

#[catch(default)]
fn refused(status: Status, request: &Request<'_>) -> Answer {
    Answer(request.local_cache(|| Refusal::None).clone().ok_or(status))
}

struct Answer(Result<AuthError, Status>);

impl<'r> Responder<'r, 'static> for Answer {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let error = self.0?;
        let challenge = error.challenge();
        let problem = challenge.problem_json();
        let mut response = Response::build();
        response.status(Status::new(challenge.status()));
        for (name, value) in challenge.headers() {
            response.raw_header(name.to_owned(), value.into_owned());
        }
        response.raw_header("content-type", "application/problem+json");
        response
            .sized_body(problem.len(), Cursor::new(problem))
            .ok()
    }
}

#[get("/me")]
fn me(token: Token) -> String {
    token.0.subject().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn rocket_asks_the_core() {
    let issuer = TestIssuer::new();
    let config = Config {
        port: 0,
        log_level: LogLevel::Off,
        ..Config::release_default()
    };
    let (told, bound) = oneshot::channel();
    let tell = AdHoc::on_liftoff("tell the port", |rocket| {
        let _ = told.send(rocket.config().port);
        Box::pin(ready(()))
    });
    let app = rocket::custom(config)
        .attach(tell)
        .manage(authenticator(&issuer))
        .mount("/", routes![me])
        .register("/", catchers![refused]);
    tokio::spawn(app.launch());
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, bound.await.unwrap()));
    check(server, &issuer).await;
}
