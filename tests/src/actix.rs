//! actix-web's middleware around a plain route, and around routes with extractors.

use actix_web::{
    App, Error, HttpMessage, HttpRequest, HttpResponse,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceFactory, ServiceRequest, ServiceResponse},
    http::{
        Method, Uri,
        header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    rt::System,
    test::{TestRequest, init_service},
    web,
};
use countersign::{AuthError, Authenticator, VerifiedToken};
use countersign_actix::{Claims, JwtAuth, Optional, Principal, Require, Token};

use crate::{ANONYMOUS, Answer, Misfit, Person, Request, User, admins};

pub(crate) fn send(authenticator: &Authenticator, request: &Request) -> Answer {
    let app = App::new()
        .wrap(JwtAuth::new(authenticator.clone()))
        .default_service(web::to(route));
    answer(app, request)
}

pub(crate) fn visit(authenticator: &Authenticator, request: &Request) -> Answer {
    let auth = || JwtAuth::new(authenticator.clone());
    let app = App::new()
        .service(
            web::resource("/claims")
                .wrap(auth())
                .route(web::get().to(claims)),
        )
        .service(
            web::resource("/claims-if-any")
                .wrap(auth())
                .route(web::get().to(claims_if_any)),
        )
        .service(
            web::resource("/misfit")
                .wrap(auth())
                .route(web::get().to(misfit)),
        )
        .service(
            web::resource("/actor")
                .wrap(auth())
                .route(web::get().to(actor)),
        )
        .service(
            web::resource("/principal")
                .wrap(auth())
                .route(web::get().to(principal)),
        )
        .service(
            web::resource("/principal-if-any")
                .wrap(auth())
                .route(web::get().to(principal_if_any)),
        )
        .service(
            web::resource("/admin")
                .wrap(Require::new(admins()))
                .wrap(auth())
                .route(web::get().to(subject)),
        )
        .route("/uncovered", web::get().to(claims));
    answer(app, request)
}

fn answer<T, B>(app: App<T>, request: &Request) -> Answer
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
            Future: 'static,
        > + 'static,
    B: MessageBody,
{
    let certificate = request.certificate;
    let Some(request) = build(request) else {
        return Answer::unbuildable();
    };
    System::new().block_on(async {
        let service = init_service(app).await;
        // A refusal is a response, never an error of the service.
        let request = request.to_request();
        if let Some(certificate) = certificate {
            request.extensions_mut().insert(certificate);
        }
        let response = service.call(request).await.expect("a response");
        let text = |name: HeaderName| {
            let all = response.headers().get_all(name);
            let text = |value: &HeaderValue| value.to_str().expect("visible ASCII").to_owned();
            crate::core::joined(all.map(text))
        };
        let succeeded = response.status().is_success();
        let reason = {
            let extensions = response.response().extensions();
            extensions.get::<AuthError>().map(AuthError::reason)
        };
        let answer = Answer {
            status: response.status().as_u16(),
            www_authenticate: text(WWW_AUTHENTICATE),
            dpop_nonce: text(HeaderName::from_static("dpop-nonce")),
            retry_after: text(RETRY_AFTER),
            content_type: text(CONTENT_TYPE).filter(|_| !succeeded),
            body: String::new(),
            reason,
        };
        let bytes = to_bytes(response.into_body()).await.ok();
        let body = bytes.map(|bytes| String::from_utf8(bytes.to_vec()).expect("a text"));
        Answer {
            body: body.expect("a body"),
            ..answer
        }
    })
}

pub(crate) fn build(request: &Request) -> Option<TestRequest> {
    let method: Method = request.method.parse().ok()?;
    let uri: Uri = request.target.parse().ok()?;
    let mut built = TestRequest::default().method(method).uri(&uri.to_string());
    for (name, value) in &request.headers {
        let name: HeaderName = name.parse().ok()?;
        let value = HeaderValue::from_bytes(value).ok()?;
        built = built.append_header((name, value));
    }
    if let Some(peer) = request.peer {
        built = built.peer_addr((peer, 443).into());
    }
    Some(built.set_payload(request.body.clone()))
}

async fn route(request: HttpRequest) -> HttpResponse {
    let extensions = request.extensions();
    let subject = extensions
        .get::<VerifiedToken>()
        .map_or(ANONYMOUS, |token| token.subject().unwrap_or(""));
    HttpResponse::Ok().body(subject.to_owned())
}

async fn claims(Claims(user): Claims<User>) -> String {
    user.sub.clone()
}

async fn claims_if_any(Optional(user): Optional<Claims<User>>) -> String {
    user.map_or_else(|| ANONYMOUS.to_owned(), |user| user.sub.clone())
}

async fn actor(Token(token): Token) -> Result<String, countersign_actix::Error> {
    Ok(crate::actor(&token)?)
}

async fn principal(Principal(person): Principal<Person>) -> String {
    person.0.clone()
}

async fn principal_if_any(Optional(person): Optional<Principal<Person>>) -> String {
    person.map_or_else(|| ANONYMOUS.to_owned(), |person| person.0.0.clone())
}

async fn misfit(_: Claims<Misfit>) -> &'static str {
    ""
}

async fn subject(Token(token): Token) -> String {
    token.subject().unwrap_or("").to_owned()
}
