//! The settings of authentication, made once for every framework.

use std::{fmt, sync::Arc};

#[cfg(feature = "proof")]
use super::possession::Possession;
use super::{anonymous::Anonymous, opaque::OpaqueKinds, policy::Policy, principal::Step};
use crate::{
    auth::csrf::Csrf,
    claims::{Added, Reader},
    request::{RequestHead, TokenSource},
    verify::{Caller, Issuers, Verifier},
};

/// The settings of authentication: whose tokens count, where they are, what they must grant.
///
/// Adapters take anything that converts into it, so a [`Verifier`] alone will do. All options are
/// made here, once, for every framework.
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, Policy, TokenSource};
/// # use countersign::testing::TestIssuer;
/// # let verifier = TestIssuer::new().verifier();
/// let authenticator = Authenticator::new(verifier)
///     .source(TokenSource::bearer().or(TokenSource::cookie("__Host-access")))
///     .require(Policy::scope("orders:read"))
///     .realm("orders");
/// ```
#[must_use = "an authenticator does nothing until a layer uses it"]
#[derive(Clone)]
pub struct Authenticator {
    pub(super) issuers: Issuers,
    pub(super) source: TokenSource,
    /// The issuers whose tokens count only from some of the sources; `None` for those that a resolver finds.
    pub(super) own_sources: Arc<Vec<(Option<Box<str>>, TokenSource)>>,
    /// `None` where there are none: then no token is compared with a prefix.
    pub(super) opaque: Option<Arc<OpaqueKinds>>,
    pub(super) csrf: Option<Arc<Csrf>>,
    pub(super) optional: bool,
    /// Set if a part of the policy is for everybody, not only for requests with a token.
    pub(super) token_is_required: bool,
    /// The app's own step between the token and the policy.
    pub(super) principal: Option<Arc<Step>>,
    pub(super) policy: Option<Arc<Policy>>,
    pub(super) caller: Caller,
    /// The check of what the sender proves beside the token; `None`: bound tokens are refused.
    #[cfg(feature = "proof")]
    pub(super) possession: Option<Arc<Possession>>,
    pub(super) keeps_text: bool,
    /// `None` where nothing of it is set: then no request counts a reference.
    pub(super) added: Option<Arc<Added>>,
}

impl Authenticator {
    /// Accepts the tokens that this verifier, or these issuers, accept.
    pub fn new(issuers: impl Into<Issuers>) -> Self {
        Self {
            issuers: issuers.into(),
            source: TokenSource::default(),
            own_sources: Arc::default(),
            opaque: None,
            csrf: Some(Arc::default()),
            optional: false,
            token_is_required: false,
            principal: None,
            policy: None,
            caller: Caller::with(Reader::UNTYPED),
            #[cfg(feature = "proof")]
            possession: None,
            keeps_text: false,
            added: None,
        }
    }

    /// Makes the mark of an anonymous request, which only [`optional`](Self::optional) lets through.
    ///
    /// For adapters, which keep it in the request for their extractors.
    #[must_use]
    pub fn anonymous(&self) -> Anonymous {
        Anonymous::new(self.missing_token())
    }

    /// Returns the names of the headers that can carry the token, in lower case, for adapters that keep
    /// them out of logs.
    #[must_use]
    pub fn credential_headers(&self) -> Vec<&str> {
        let mut headers = self.source.headers();
        headers.extend(self.opaque.iter().flat_map(|opaque| opaque.headers()));
        #[cfg(feature = "proof")]
        headers.extend(self.possession.iter().flat_map(|own| own.headers()));
        headers
    }

    /// Returns whether the URL of a request carries what can be a token, good or bad: a parameter that
    /// [`TokenSource::query`] reads.
    ///
    /// For adapters, which answer it with `Referrer-Policy: no-referrer` (W3C Referrer Policy section 4.1):
    /// else the page sends its URL along with each request to its own origin.
    #[must_use]
    pub fn has_token_in_url(&self, head: &dyn RequestHead) -> bool {
        self.source.is_in_url(head)
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("issuers", &self.issuers)
            .field("source", &self.source)
            .field("opaque", &self.opaque)
            .field("csrf", &self.csrf)
            .field("optional", &self.optional)
            .field("token_is_required", &self.token_is_required)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl From<Verifier> for Authenticator {
    fn from(verifier: Verifier) -> Self {
        Self::new(verifier)
    }
}

impl From<&Verifier> for Authenticator {
    fn from(verifier: &Verifier) -> Self {
        Self::new(verifier)
    }
}

impl From<Issuers> for Authenticator {
    fn from(issuers: Issuers) -> Self {
        Self::new(issuers)
    }
}
