//! Tokens for calls to other services: the layer of a client, its service and its errors.

use std::{
    error::Error,
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use countersign::{
    VerifiedToken,
    remote::{AccessToken, TokenClient, TokenError},
};
use http::{
    HeaderValue, Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, InvalidHeaderValue},
};
use tower_layer::Layer;
use tower_service::Service;

/// Sends a token of this service's own with every request of a client: one of hyper, tonic, or reqwest.
///
/// 1. The token is that of a [`TokenClient`]: for this service, or with [`exchange`](Self::exchange) for the user of the request at hand.
///    It replaces any other `Authorization`, so that a token that came in is never passed on.
/// 2. A request without a token is not sent. The error is a [`TokenError`], in a box.
/// 3. When the service answers 401, or gRPC `UNAUTHENTICATED`, the next request gets another token: see [`AccessToken::reject`].
///    This one is not sent again.
/// 4. A token goes to `https` only, or to this machine, as far as the URL of a request has a scheme:
///    see [`insecure_plain_http`](Self::insecure_plain_http).
///
/// Put it inside a layer that follows redirects, if that keeps `Authorization` from other hosts; and one client talks to one service.
///
/// # Examples
///
/// ```
/// use countersign::remote::TokenClient;
/// use countersign_tower::TokenClientLayer;
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, ServiceExt};
///
/// # async fn call(stock: TokenClient) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # let hyper_client = tower::service_fn(async |_: Request<String>| Ok::<_, std::io::Error>(Response::new(())));
/// let client = ServiceBuilder::new()
///     .layer(TokenClientLayer::new(stock))
///     .service(hyper_client);
///
/// let request = Request::get("https://stock.example/items").body(String::new())?;
/// let response = client.oneshot(request).await?;
/// # drop(response);
/// # Ok(()) }
/// ```
#[must_use = "a layer does nothing until it is added to a client"]
#[derive(Clone, Debug)]
pub struct TokenClientLayer {
    settings: Settings,
}

#[derive(Clone, Debug)]
struct Settings {
    client: TokenClient,
    grant: Grant,
    allows_plain_http: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    ClientCredentials,
    Exchange,
}

impl TokenClientLayer {
    /// Sends tokens of this service's own ([`TokenClient::token`]).
    pub fn new(client: TokenClient) -> Self {
        Self::of(client, Grant::ClientCredentials)
    }

    /// Sends tokens for the user on whose behalf a request is made ([`TokenClient::exchange`]): the [`VerifiedToken`] in its extensions.
    /// A request without one is not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::VerifiedToken;
    /// use http::Request;
    ///
    /// // `user` is the token of the request that is being answered, from the extractor `Token`.
    /// fn ask_for(user: &VerifiedToken) -> Result<Request<String>, http::Error> {
    ///     Request::get("https://stock.example/items")
    ///         .extension(user.clone())
    ///         .body(String::new())
    /// }
    /// # drop(ask_for);
    /// ```
    pub fn exchange(client: TokenClient) -> Self {
        Self::of(client, Grant::Exchange)
    }

    fn of(client: TokenClient, grant: Grant) -> Self {
        Self {
            settings: Settings {
                client,
                grant,
                allows_plain_http: false,
            },
        }
    }

    /// Sends tokens over plain `http` to other machines, too: whoever can read what is on the way there can use them. For a mesh that
    /// encrypts by itself.
    pub fn insecure_plain_http(mut self) -> Self {
        self.settings.allows_plain_http = true;
        self
    }
}

impl<S> Layer<S> for TokenClientLayer {
    type Service = TokenClientService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TokenClientService {
            inner,
            settings: Arc::new(self.settings.clone()),
        }
    }
}

/// The service of [`TokenClientLayer`].
#[derive(Clone)]
pub struct TokenClientService<S> {
    inner: S,
    settings: Arc<Settings>,
}

/// The error of [`TokenClientService`]: that of the client, a [`TokenError`], or one of a URL that a token must not go to.
type BoxError = Box<dyn Error + Send + Sync>;

impl<S, B, R> Service<Request<B>> for TokenClientService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let settings = Arc::clone(&self.settings);
        // The one that is ready goes, and its clone stays.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            request.headers_mut().remove(AUTHORIZATION);
            if !settings.allows_plain_http && is_plain_http(request.uri()) {
                return Err(InsecureUri.into());
            }
            let user = request.extensions_mut().remove::<VerifiedToken>();
            let token = settings.token(user.as_ref()).await?;
            request
                .headers_mut()
                .insert(AUTHORIZATION, authorization(&token)?);
            let response = inner.call(request).await.map_err(Into::into)?;
            if is_unauthenticated(&response) {
                token.reject();
            }
            Ok(response)
        })
    }
}

impl Settings {
    async fn token(&self, user: Option<&VerifiedToken>) -> Result<Arc<AccessToken>, BoxError> {
        let token: Result<_, TokenError> = match (self.grant, user) {
            (Grant::ClientCredentials, _) => self.client.token().await,
            (Grant::Exchange, Some(user)) => self.client.exchange(user).await,
            (Grant::Exchange, None) => return Err(NoUser.into()),
        };
        Ok(token?)
    }
}

fn authorization(token: &AccessToken) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.as_str()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Checks for a URL that leads to another machine, and not by TLS. One without a scheme leads wherever the client is connected.
fn is_plain_http(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    uri.scheme_str()
        .is_some_and(|scheme| !AccessToken::may_go_to(scheme, host))
}

/// Checks for a status of 401, or 16 of gRPC.
fn is_unauthenticated<R>(response: &Response<R>) -> bool {
    let grpc = response.headers().get("grpc-status");
    response.status() == StatusCode::UNAUTHORIZED || grpc.is_some_and(|status| status == "16")
}

impl<S> fmt::Debug for TokenClientService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenClientService")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A URL that a token must not go to.
#[derive(Debug)]
struct InsecureUri;

impl fmt::Display for InsecureUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token goes to https only: see `TokenClientLayer::insecure_plain_http`")
    }
}

impl Error for InsecureUri {}

/// A request on nobody's behalf.
#[derive(Debug)]
struct NoUser;

impl fmt::Display for NoUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the extensions of the request have no `VerifiedToken` to exchange: see `TokenClientLayer::exchange`")
    }
}

impl Error for NoUser {}
