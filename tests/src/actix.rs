//! actix-web's middleware around a plain route.

use actix_web::{
    App, HttpMessage, HttpRequest, HttpResponse,
    body::to_bytes,
    dev::Service,
    http::{
        Method, Uri,
        header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    rt::System,
    test::{TestRequest, init_service},
    web,
};
use countersign::{Authenticator, VerifiedToken};
use countersign_actix::JwtAuth;

use crate::{ANONYMOUS, Answer, Request};

pub(crate) fn send(authenticator: &Authenticator, request: &Request) -> Answer {
    let Some(request) = build(request) else {
        return Answer::unbuildable();
    };
    System::new().block_on(async {
        let app = App::new()
            .wrap(JwtAuth::new(authenticator.clone()))
            .default_service(web::to(route));
        let service = init_service(app).await;
        // A refusal is a response, never an error of the service.
        let response = service
            .call(request.to_request())
            .await
            .expect("a response");
        let text = |name: HeaderName| {
            let value = response.headers().get(name)?;
            Some(value.to_str().expect("visible ASCII").to_owned())
        };
        let succeeded = response.status().is_success();
        let answer = Answer {
            status: response.status().as_u16(),
            www_authenticate: text(WWW_AUTHENTICATE),
            retry_after: text(RETRY_AFTER),
            content_type: text(CONTENT_TYPE).filter(|_| !succeeded),
            body: String::new(),
        };
        let bytes = to_bytes(response.into_body()).await.ok();
        let body = bytes.map(|bytes| String::from_utf8(bytes.to_vec()).expect("a text"));
        Answer {
            body: body.expect("a body"),
            ..answer
        }
    })
}

fn build(request: &Request) -> Option<TestRequest> {
    let method: Method = request.method.parse().ok()?;
    let uri: Uri = request.target.parse().ok()?;
    let mut built = TestRequest::default().method(method).uri(&uri.to_string());
    for (name, value) in &request.headers {
        let name: HeaderName = name.parse().ok()?;
        let value = HeaderValue::from_bytes(value).ok()?;
        built = built.append_header((name, value));
    }
    Some(built)
}

async fn route(request: HttpRequest) -> HttpResponse {
    let extensions = request.extensions();
    let subject = extensions
        .get::<VerifiedToken>()
        .map_or(ANONYMOUS, |token| token.subject().unwrap_or(""));
    HttpResponse::Ok().body(subject.to_owned())
}
