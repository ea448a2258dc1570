//! Tokens for calls to other services: the middleware of an `awc` client.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_http::RequestHeadType;
use actix_web::{
    dev::Service,
    http::{
        StatusCode, Uri,
        header::{AUTHORIZATION, HeaderMap, HeaderValue},
    },
};
use awc::{ConnectRequest, ConnectResponse, error::SendRequestError, middleware::Transform};
use countersign::remote::{AccessToken, TokenClient};

/// Sends a token of this service's own with every request of an `awc` client.
///
/// 1. The token is that of a [`TokenClient`]. It replaces any other `Authorization`, so that a token that came in is never passed on.
/// 2. A request without a token is not sent. The error is `SendRequestError::Custom` with a
///    [`TokenError`](countersign::remote::TokenError).
/// 3. When the service answers 401, the next request gets another token: see
///    [`AccessToken::reject`](countersign::remote::AccessToken::reject). This one is not sent again.
/// 4. A token goes to `https` only, or to this machine: see [`insecure_plain_http`](Self::insecure_plain_http). `awc` takes
///    `Authorization` away when it follows a redirect to another host.
///
/// For the user of a request, exchange the token in the handler: `client.get(url).bearer_auth(stock.exchange(user).await?.as_str())`.
///
/// # Examples
///
/// ```
/// use countersign::remote::TokenClient;
/// use countersign_actix::TokenClientMiddleware;
///
/// # async fn call(stock: TokenClient) -> Result<(), Box<dyn std::error::Error>> {
/// let client = awc::Client::builder()
///     .wrap(TokenClientMiddleware::new(stock))
///     .finish();
///
/// let response = client.get("https://stock.example/items").send().await?;
/// # drop(response);
/// # Ok(()) }
/// ```
#[must_use = "a middleware does nothing until it wraps a client"]
#[derive(Clone, Debug)]
pub struct TokenClientMiddleware {
    client: TokenClient,
    allows_plain_http: bool,
}

impl TokenClientMiddleware {
    /// Sends tokens of this service's own ([`TokenClient::token`]).
    pub fn new(client: TokenClient) -> Self {
        Self {
            client,
            allows_plain_http: false,
        }
    }

    /// Sends tokens over plain `http` to other machines, too: whoever can read what is on the way there can use them. For a mesh that
    /// encrypts by itself.
    pub fn insecure_plain_http(mut self) -> Self {
        self.allows_plain_http = true;
        self
    }
}

impl<S> Transform<S, ConnectRequest> for TokenClientMiddleware
where
    S: Service<ConnectRequest, Response = ConnectResponse, Error = SendRequestError> + 'static,
{
    type Transform = TokenClientService<S>;

    fn new_transform(self, service: S) -> Self::Transform {
        TokenClientService {
            inner: Rc::new(service),
            middleware: self,
        }
    }
}

/// The service of [`TokenClientMiddleware`].
pub struct TokenClientService<S> {
    inner: Rc<S>,
    middleware: TokenClientMiddleware,
}

impl<S> Service<ConnectRequest> for TokenClientService<S>
where
    S: Service<ConnectRequest, Response = ConnectResponse, Error = SendRequestError> + 'static,
{
    type Response = ConnectResponse;
    type Error = SendRequestError;
    type Future = Pin<Box<dyn Future<Output = Result<ConnectResponse, SendRequestError>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, mut request: ConnectRequest) -> Self::Future {
        let (inner, middleware) = (Rc::clone(&self.inner), self.middleware.clone());
        Box::pin(async move {
            if !middleware.allows_plain_http && is_plain_http(uri(&request)) {
                return Err(refused(
                    "a token goes to https only: see `TokenClientMiddleware::insecure_plain_http`",
                ));
            }
            let token = middleware.client.token().await.map_err(refused)?;
            let value = HeaderValue::try_from(format!("Bearer {}", token.as_str()));
            let mut value = value.map_err(refused)?;
            value.set_sensitive(true);
            headers_mut(&mut request).insert(AUTHORIZATION, value);
            let response = inner.call(request).await?;
            let status = match &response {
                ConnectResponse::Client(response) => response.status(),
                ConnectResponse::Tunnel(head, _) => head.status,
            };
            if status == StatusCode::UNAUTHORIZED {
                token.reject();
            }
            Ok(response)
        })
    }
}

fn uri(request: &ConnectRequest) -> &Uri {
    match request {
        ConnectRequest::Client(head, ..) => &head.as_ref().uri,
        ConnectRequest::Tunnel(head, _) => &head.uri,
    }
}

/// Returns the headers that win over all others of the request.
fn headers_mut(request: &mut ConnectRequest) -> &mut HeaderMap {
    match request {
        ConnectRequest::Client(RequestHeadType::Owned(head), ..)
        | ConnectRequest::Tunnel(head, _) => head.headers_mut(),
        ConnectRequest::Client(RequestHeadType::Rc(_, headers), ..) => {
            headers.get_or_insert_default()
        }
    }
}

/// Checks for a URL that leads to another machine, and not by TLS.
fn is_plain_http(uri: &Uri) -> bool {
    let scheme = uri.scheme_str().unwrap_or_default();
    !AccessToken::may_go_to(scheme, uri.host().unwrap_or_default())
}

/// Makes the error of a request that is not sent.
fn refused(cause: impl Into<Box<dyn std::error::Error>>) -> SendRequestError {
    SendRequestError::Custom(cause.into(), Box::new("the request was not sent"))
}
