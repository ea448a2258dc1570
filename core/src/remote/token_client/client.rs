//! The client of a token endpoint.

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, PoisonError},
    time::Duration,
};

use quick_cache::sync::Cache;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    access_token::AccessToken,
    answer::{self, Granted},
    authentication::ClientAuthentication,
    backoff::Backoff,
    builder::TokenClientBuilder,
    endpoint::{Location, TokenEndpoint},
    error::{Extent, TokenError, TokenErrorKind},
    form::Form,
    slot::{Outcome, Slot},
};
#[cfg(feature = "metrics")]
use crate::metrics;
use crate::{
    claims::VerifiedToken,
    clock::Clock,
    error::LineLimits,
    jose::crypto,
    remote::{
        http::{DynFetch, FormRequest},
        refresh::schedule::Jitter,
    },
    sync::{Mutex, MutexGuard},
};

/// Gets access tokens for calls to another service: of this service's own (client credentials, RFC 6749 section 4.4), or for a user, in
/// [exchange](Self::exchange) for the token that the user has sent (RFC 8693).
///
/// So the next service gets a token that is meant for it, and never the one that came in: whoever may read that could use it here.
///
/// 1. A token is fetched once, however many calls want one, and kept until shortly before it expires.
/// 2. It is fetched again, ahead of time and with jitter, when three quarters of its life are over. If that fails, the present one goes on.
/// 3. An endpoint that fails, or refuses this service as a client, is asked again after a second, then ever less often, up to a minute, or
///    when it says (`Retry-After`); meanwhile a call without a usable token fails at once. Refusals of one user's token are that token's
///    alone.
/// 4. At most 32 exchanges are on their way at once; others wait for a turn, for five seconds at most. An answer has five seconds, too.
/// 5. Secrets go to `https` only, or to this machine; no redirect is followed.
///
/// Clones share their tokens. It needs a Tokio runtime. The adapters have it as a layer or middleware for clients; the guide
/// [`service_to_service`](crate::guide::service_to_service) shows both.
///
/// # Examples
///
/// ```
/// use countersign::remote::{ClientAuthentication, TokenClient};
///
/// # async fn call(secret: String) -> Result<(), Box<dyn std::error::Error>> {
/// let stock = TokenClient::discover(
///     "https://id.example",
///     ClientAuthentication::client_secret_basic("orders", secret),
/// )
/// .audience("https://stock.example")
/// .scope("stock:read")
/// .build()?;
///
/// let token = stock.token().await?; // again and again: it is kept
/// let authorization = format!("Bearer {}", token.as_str());
/// # drop(authorization);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TokenClient(Arc<Shared>);

pub(super) struct Shared {
    pub(super) endpoint: TokenEndpoint,
    pub(super) authentication: ClientAuthentication,
    /// The form without what depends on the grant.
    pub(super) form: Form,
    pub(super) fetch: Arc<dyn DynFetch>,
    pub(super) private_http: bool,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) own: Arc<Slot>,
    /// By the hash of the token that was exchanged.
    pub(super) exchanged: Cache<[u8; 32], Arc<Slot>>,
    pub(super) permits: Semaphore,
    pub(super) outage: Mutex<Outage>,
}

pub(super) struct Outage {
    backoff: Backoff,
    /// Of the exchange alone, where this service may not have it.
    exchange: Backoff,
    jitter: Jitter,
}

impl Outage {
    pub(super) fn new(jitter: Jitter) -> Self {
        Self {
            backoff: Backoff::default(),
            exchange: Backoff::default(),
            jitter,
        }
    }
}

/// A grant to ask for, with what is needed for it.
enum Grant {
    ClientCredentials,
    /// The text of the token, and until when it is valid.
    Exchange(zeroize::Zeroizing<String>, Option<Instant>),
}

impl TokenClient {
    /// The time for a token, metadata included.
    const DEADLINE: Duration = Duration::from_secs(5);
    pub(super) const CONCURRENT: usize = 32;

    /// Starts the settings of a client for this token endpoint, a URL.
    pub fn builder(
        endpoint: impl Into<String>,
        authentication: ClientAuthentication,
    ) -> TokenClientBuilder {
        TokenClientBuilder::new(Location::Endpoint(endpoint.into()), authentication)
    }

    /// Starts the settings of a client for the token endpoint of this issuer, which is looked for in its metadata (RFC 8414, OpenID Connect
    /// Discovery 1.0) by the first call.
    pub fn discover(
        issuer: impl Into<String>,
        authentication: ClientAuthentication,
    ) -> TokenClientBuilder {
        TokenClientBuilder::new(Location::Issuer(issuer.into()), authentication)
    }

    pub(super) fn new(shared: Shared) -> Self {
        #[cfg(feature = "metrics")]
        for result in RESULTS {
            metrics::client_tokens(result, 0);
        }
        Self(Arc::new(shared))
    }

    /// Returns a token of this service's own.
    ///
    /// # Errors
    ///
    /// [`TokenError`] when there is no token that can be used, and the token endpoint gives none.
    pub async fn token(&self) -> Result<Arc<AccessToken>, TokenError> {
        let may_fetch = |now| self.0.outage().backoff.check(now);
        let grant = || Grant::ClientCredentials;
        self.of(&self.0.own, may_fetch, grant).await
    }

    /// Returns a token to act for the user of this one, which the authenticator has [kept](crate::Authenticator::keep_token_text).
    ///
    /// It is kept for this very token, not for its user, and no longer than that is valid. As many are kept as
    /// [`exchanged_tokens`](TokenClientBuilder::exchanged_tokens) says.
    ///
    /// # Errors
    ///
    /// [`TokenError`] when there is no token that can be used, and the token endpoint gives none;
    /// [`TokenErrorKind::NoSubjectToken`] when the text of the token was not kept.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{VerifiedToken, remote::{TokenClient, TokenError}};
    ///
    /// async fn authorization(stock: &TokenClient, user: &VerifiedToken) -> Result<String, TokenError> {
    ///     let token = stock.exchange(user).await?;
    ///     Ok(format!("Bearer {}", token.as_str()))
    /// }
    /// # drop(authorization);
    /// ```
    pub async fn exchange(&self, subject: &VerifiedToken) -> Result<Arc<AccessToken>, TokenError> {
        let Some(text) = subject.encoded() else {
            return Err(TokenError::new(TokenErrorKind::NoSubjectToken)
                .because("`Authenticator::keep_token_text` is not set, or it is no JWT"));
        };
        let left = subject
            .expires_at()
            .map(|at| at.saturating_sub(subject.now()));
        if left.is_some_and(|left| left <= 0) {
            return Err(TokenError::new(TokenErrorKind::NoSubjectToken).because("it has expired"));
        }
        let hash = crypto::sha256(text.as_bytes());
        let slot = (self.0.exchanged)
            .get_or_insert_with(&hash, || Ok::<_, Infallible>(Arc::new(Slot::new())));
        let Ok(slot) = slot;
        let left = left.map(|left| Duration::from_secs(u64::try_from(left).unwrap_or(0)));
        let may_fetch = |now| {
            let outage = self.0.outage();
            outage.backoff.check(now)?;
            outage.exchange.check(now)
        };
        self.of(&slot, may_fetch, || {
            let until = left.map(|left| Instant::now() + left);
            Grant::Exchange(text.to_owned().into(), until)
        })
        .await
    }

    async fn of(
        &self,
        slot: &Arc<Slot>,
        may_fetch: impl FnOnce(Instant) -> Result<(), TokenError>,
        grant: impl FnOnce() -> Grant,
    ) -> Outcome {
        let jitter = self.0.outage().jitter.unit();
        slot.token(jitter, may_fetch, || {
            Arc::clone(&self.0).fetch(grant(), jitter)
        })
        .await
    }
}

impl Shared {
    /// Asks the token endpoint, in time.
    async fn fetch(self: Arc<Self>, grant: Grant, jitter: f64) -> Outcome {
        // There is one request at a time for the token of this service's own: it waits for no turn.
        let _turn = match grant {
            Grant::ClientCredentials => None,
            Grant::Exchange(..) => {
                let turn = timeout(TokenClient::DEADLINE, self.permits.acquire()).await;
                // Of ours, and no outage of the endpoint.
                let busy = || TokenError::unavailable("too many tokens are asked for at once");
                Some(turn.map_err(|_| busy().of(Extent::One))?)
            }
        };
        let asked = timeout(TokenClient::DEADLINE, self.ask(&grant, jitter)).await;
        let late = || TokenError::unavailable("the answer took too long").misplaced();
        let outcome = asked.unwrap_or_else(|_| Err(late()));
        // There is one token of this service's own: the pauses of its slot are those of its grant.
        let outcome = outcome.map_err(|error| match (&grant, error.extent) {
            (Grant::ClientCredentials, Extent::Grant) => error.of(Extent::One),
            _ => error,
        });
        if outcome.as_ref().is_err_and(|error| error.is_misplaced) {
            self.endpoint.doubt();
        }
        self.report(&grant, &outcome, jitter);
        outcome
    }

    async fn ask(&self, grant: &Grant, jitter: f64) -> Outcome {
        let url = self.endpoint.url(&self.fetch, self.private_http).await?;
        let url = url.as_str();
        let mut form = self.form.clone();
        match grant {
            Grant::ClientCredentials => form.push("grant_type", "client_credentials"),
            Grant::Exchange(subject, _) => {
                form.push("grant_type", EXCHANGE);
                form.push("subject_token", subject);
                form.push("subject_token_type", ACCESS_TOKEN);
                form.push("requested_token_type", ACCESS_TOKEN);
            }
        }
        let proof = self.authentication.prove(&mut form, url, self.clock.now());
        let proof = proof.await?;
        let request = FormRequest::new(url, form.as_str(), LARGEST_ANSWER);
        let request = request.with_authorization(proof.as_deref().map(String::as_str));
        let request = match self.private_http {
            true => request.with_private_http(),
            false => request,
        };
        let began = Instant::now();
        let response = Arc::clone(&self.fetch).post_boxed(request).await;
        #[cfg(feature = "metrics")]
        metrics::client_token_seconds(began.elapsed());
        let response = response.map_err(|error| TokenError::unavailable(error).misplaced())?;
        let granted = answer::read(&response)?;
        let until = match grant {
            Grant::ClientCredentials => None,
            Grant::Exchange(_, until) => *until,
        };
        Ok(Arc::new(token(granted, began, until, jitter)))
    }

    /// Tells the log and the measurements, and notes an outage.
    fn report(&self, grant: &Grant, outcome: &Outcome, jitter: f64) {
        static REFUSALS: LineLimits<1> = LineLimits::new();

        let endpoint = self.endpoint.name();
        let result = match outcome {
            Ok(_) => {
                self.end_outage(grant);
                "granted"
            }
            Err(error) if error.extent != Extent::One => {
                let mut outage = self.outage();
                let backoff = match error.extent {
                    Extent::Grant => &mut outage.exchange,
                    _ => &mut outage.backoff,
                };
                let first = backoff.fail(error.clone(), Instant::now(), jitter);
                drop(outage);
                if first {
                    let cause = std::error::Error::source(error).map(tracing::field::display);
                    let code = error.code();
                    tracing::warn!(target: "countersign", endpoint, code, cause, "the token endpoint fails");
                }
                error.kind().name()
            }
            Err(error) => {
                // It has answered.
                if !error.is_unavailable() {
                    self.end_outage(grant);
                }
                if let Some(left_out) = REFUSALS.admit(0) {
                    let cause = std::error::Error::source(error).map(tracing::field::display);
                    let code = error.code();
                    tracing::warn!(
                        target: "countersign", endpoint, code, cause, left_out,
                        "the token endpoint gives no token"
                    );
                }
                error.kind().name()
            }
        };
        #[cfg(feature = "metrics")]
        metrics::client_tokens(result, 1);
        #[cfg(not(feature = "metrics"))]
        let _ = result;
    }

    fn end_outage(&self, grant: &Grant) {
        let mut outage = self.outage();
        let is_exchange = matches!(grant, Grant::Exchange(..));
        let was_failing = outage.backoff.succeed() | (is_exchange && outage.exchange.succeed());
        drop(outage);
        if was_failing {
            let endpoint = self.endpoint.name();
            tracing::info!(target: "countersign", endpoint, "the token endpoint answers again");
        }
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        // Nothing in there can panic half way.
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a token of what was granted, of which no one knows how long it was on its way: it counts from the request.
fn token(granted: Granted, began: Instant, until: Option<Instant>, jitter: f64) -> AccessToken {
    let Granted {
        text,
        scope,
        lifetime,
    } = granted;
    let margin = (lifetime / 10).min(LARGEST_MARGIN);
    let end = began + lifetime - margin;
    AccessToken {
        text,
        scope,
        granted_at: began,
        refresh_at: began + lifetime.mul_f64(0.75 + 0.1 * jitter),
        usable_until: until.map_or(end, |until| end.min(until)),
        is_rejected: false.into(),
    }
}

impl fmt::Debug for TokenClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenClient")
            .field("endpoint", &self.0.endpoint.name())
            .field("authentication", &self.0.authentication)
            .finish_non_exhaustive()
    }
}

/// The results that are counted.
#[cfg(feature = "metrics")]
const RESULTS: [&str; 4] = ["granted", "refused", "unavailable", "unusable_answer"];

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// In bytes.
const LARGEST_ANSWER: usize = 64 << 10;

/// The most by which a token is given out for less than it is valid: for the way to the service, and its clock.
const LARGEST_MARGIN: Duration = Duration::from_secs(10);
