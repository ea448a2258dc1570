//! Routes of actix-web.

use std::sync::Arc;

use actix_http::Request;
use actix_web::{
    App, Error, HttpMessage, HttpResponse,
    body::BoxBody,
    dev::{HttpServiceFactory, Service, ServiceRequest, ServiceResponse},
    error::ErrorUnauthorized,
    http::{
        Uri,
        header::{AUTHORIZATION, HeaderName, HeaderValue},
    },
    middleware::{Next, from_fn},
    test::init_service,
    web::{self, ReqData},
};
use countersign::{Authenticator, Verifier};
use countersign_actix::{Claims, JwtAuth};
use futures_util::FutureExt;

use super::{ANSWER, BARE, BY_HAND, HEADERS, Setup};
use crate::case;

/// Returns a route without authentication.
pub fn bare() -> impl HttpServiceFactory {
    web::resource(BARE).get(answer)
}

/// Returns a route with the middleware; the handler does not ask for the claims.
pub fn ours(path: &str, verifier: &Verifier) -> impl HttpServiceFactory + use<> {
    let auth = JwtAuth::new(verifier);
    web::resource(path).wrap(auth).get(answer)
}

/// Returns a route with the middleware; the handler gets the claims.
pub fn ours_with_claims(path: &str, verifier: &Verifier) -> impl HttpServiceFactory + use<> {
    let handler = async |Claims(claims): Claims<case::Claims>| greet(&claims);
    let auth = JwtAuth::new(Authenticator::from(verifier).parse_as::<case::Claims>());
    web::resource(path).wrap(auth).get(handler)
}

/// Returns a route with `from_fn` and `jsonwebtoken`; the handler gets the claims.
pub fn by_hand(setup: &Arc<Setup>) -> impl HttpServiceFactory + use<> {
    let handler = async |claims: ReqData<Arc<case::Claims>>| greet(&claims);
    let setup = Arc::clone(setup);
    let check = from_fn(move |request, next| check(Arc::clone(&setup), request, next));
    web::resource(BY_HAND).wrap(check).get(handler)
}

async fn check(
    setup: Arc<Setup>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let header = request.headers().get(AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok());
    let Some(claims) = setup.by_hand(header) else {
        return Err(ErrorUnauthorized("authentication is required"));
    };
    request.extensions_mut().insert(claims);
    next.call(request).await
}

async fn answer() -> &'static str {
    ANSWER
}

/// Uses the claims, so that reading them cannot be optimised away.
fn greet(claims: &case::Claims) -> &'static str {
    std::hint::black_box(claims);
    ANSWER
}

/// Calls an app of this one resource, each time with a new request.
pub fn calls(
    resource: impl HttpServiceFactory + 'static,
    path: &'static str,
    authorization: Option<&str>,
) -> impl FnMut() -> HttpResponse {
    let app = init_service(App::new().service(resource)).now_or_never();
    let app = app.expect("nothing to wait for");
    let uri = Uri::from_static(path);
    let mut headers: Vec<_> = HEADERS
        .map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        })
        .into();
    headers.extend(authorization.map(|text| {
        let value = text.parse().expect("a header's value");
        (AUTHORIZATION, value)
    }));
    move || {
        // Its parts come from a pool, as they do in the server.
        let mut request = Request::new();
        let head = request.head_mut();
        head.uri = uri.clone();
        for (name, value) in &headers {
            head.headers.insert(name.clone(), value.clone());
        }
        let response = app.call(request).now_or_never();
        match response.expect("nothing to wait for") {
            Ok(response) => response.into_parts().1,
            // As the server does.
            Err(error) => error.error_response(),
        }
    }
}
